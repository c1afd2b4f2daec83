"""Pictures of people: decoded, counted, and written anew, so that nothing of the upload's bytes is kept."""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

from tenants.kernel.errors import InvalidInput, TooLarge

MAX_BYTES = 2 * 1024 * 1024
# A few kilobytes can say that they are a picture of billions of pixels.
MAX_PIXELS = 16_000_000
SIDE = 256
FORMATS = ("PNG", "JPEG", "WEBP")


def picture(data: bytes) -> bytes:
    """A square PNG of the picture, without metadata.

    What it is, its bytes say; the name and type of an upload are not asked. Raises InvalidInput or TooLarge.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge("A picture has 2 MB at most.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
                if opened.width * opened.height > MAX_PIXELS:  # said by the header; nothing is decoded yet
                    raise _fault("too_many_pixels", "A picture has 16 million pixels at most.")
                opened.load()
                upright = ImageOps.exif_transpose(opened).convert("RGBA")
    except (UnidentifiedImageError, Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise _fault("invalid_image", "Send a PNG, JPEG or WebP picture.") from None
    except (OSError, ValueError, SyntaxError, EOFError):  # what decoders raise for broken files
        raise _fault("invalid_image", "The picture is damaged.") from None
    square = ImageOps.fit(upright, (SIDE, SIDE))
    # Pixels only: a fresh image has no EXIF, no profile, no comments.
    clean = Image.new("RGBA", square.size)
    clean.paste(square)
    out = io.BytesIO()
    clean.save(out, format="PNG", optimize=True)
    return out.getvalue()


def _fault(code: str, detail: str) -> InvalidInput:
    return InvalidInput(errors=[{"pointer": "/file", "code": code, "detail": detail}])
