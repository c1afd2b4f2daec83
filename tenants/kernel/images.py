"""Pictures that people upload: looked at, decoded, and written anew, so that only pixels are kept."""

from __future__ import annotations

import io
import warnings
from typing import IO

from PIL import Image, ImageOps

from tenants.kernel.errors import InvalidInput, TooLarge

MAX_BYTES = 2 * 1024 * 1024
# A small file may unfold into very many pixels.
MAX_PIXELS = 16_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")


def png_from(file: IO[bytes], *, longest: int, field: str, max_bytes: int = MAX_BYTES) -> bytes:
    """The uploaded picture as a PNG without any of its metadata, no side longer than ``longest``.

    Raises TooLarge for the file, InvalidInput that names ``field`` for what is no PNG, JPEG, WebP or GIF.
    """
    content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise TooLarge(f"A picture may have {max_bytes // 1024 // 1024} MB.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise _refusal(field, "The picture has too many pixels.")
                picture.seek(0)
                upright = ImageOps.exif_transpose(picture)
                pixels = upright.convert("RGBA")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _refusal(field, "Upload a PNG, JPEG, WebP or GIF picture.") from None
    pixels.thumbnail((longest, longest))
    written = io.BytesIO()
    # A new image: nothing of the upload but its pixels goes along.
    clean = Image.new("RGBA", pixels.size)
    clean.paste(pixels)
    clean.save(written, "PNG", optimize=True)
    return written.getvalue()


def _refusal(field: str, detail: str) -> InvalidInput:
    return InvalidInput(errors=[{"pointer": f"/{field}", "code": "bad_picture", "detail": detail}])
