"""Text packed with gzip, unpacked while it is read: never held whole, and a bomb is stopped on its way."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import Any, BinaryIO, Final

from companies.sheets.errors import SheetError
from companies.sheets.limits import Limits

_PIECE: Final = 1 << 18
_INNER_BYTES: Final = 512
_TAR: Final = (257, b"ustar")
_INNER: Final = (
    (b"PK\x03\x04", "Inside the gzip is an archive or a workbook: upload that by itself."),
    (b"PAR1", "Inside the gzip is a Parquet file: upload that by itself."),
    (b"\x1f\x8b", "The file is packed with gzip twice. Pack it once."),
    (b"%PDF", "Inside the gzip is a PDF document. Pack a .csv"),
)


class _Counted(io.RawIOBase):
    """A file that tells how much of it was read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self.given += len(data)
        return len(data)


class Unpacked(io.RawIOBase):
    """The content of a gzip file, as often as it is rewound; SheetError for damage and beyond the limits.

    The file below stays open when this is closed.
    """

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self._file = file
        self._limits = limits
        self._rewind()

    def _rewind(self) -> None:
        self._file.seek(0)
        self._packed = _Counted(self._file)
        self._stream = gzip.GzipFile(fileobj=io.BufferedReader(self._packed, _PIECE))  # type: ignore[arg-type]
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """To the beginning, or forward from where it stands: all that reading a text takes."""
        if whence != io.SEEK_SET or (offset and offset < self._place):
            raise io.UnsupportedOperation("a packed text is read from its beginning")
        if offset == 0 and self._place:
            self._rewind()
        while self._place < offset and self.read(min(_PIECE, offset - self._place)):
            pass
        return self._place

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._stream.read(len(buffer))
        except EOFError as error:
            raise SheetError("damaged_file", "The gzip file ends in the middle. Upload it again.") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise SheetError("damaged_file", "The gzip file is damaged. Pack it again.") from error
        buffer[: len(data)] = data
        self._place += len(data)
        self._stop_bomb()
        return len(data)

    def _stop_bomb(self) -> None:
        limits = self._limits
        if self._place > limits.uncompressed_bytes:
            raise SheetError("too_large", "The file is too large when unpacked. Split it.")
        ratio = self._place / max(self._packed.given, 1)
        if self._place > limits.ratio_free_bytes and ratio > limits.compression_ratio:
            raise SheetError("too_large", "The file unpacks to far more than its size. Upload it unpacked.")

    def size_below(self) -> int:
        """Bytes of the packed file; what is read next is read from its beginning."""
        size = self._file.seek(0, io.SEEK_END)
        self._place = 0
        self._rewind()
        return size

    @property
    def packed_bytes(self) -> int:
        """Bytes of the file below that were read so far."""
        return self._packed.given


def unpacked(file: BinaryIO, limits: Limits) -> Unpacked:
    """The text in a gzip file; SheetError where it holds something else."""
    stream = Unpacked(file, limits)
    head = stream.read(_INNER_BYTES) or b""
    for start, sentence in _INNER:
        if head.startswith(start):
            raise SheetError("unsupported_format", sentence)
    place, word = _TAR
    if head[place : place + len(word)] == word:
        raise SheetError("unsupported_format", "The file is an archive. Pack a single .csv")
    stream.seek(0)
    return stream
