"""Whole columns in PostgreSQL's binary format of COPY, put together by Arrow: no object of Python for a row.

Of a text the server has to find the ends of all fields and to read each number, identifier and moment; here
they stand as it keeps them. The format is described with COPY in PostgreSQL's manual ("Binary Format"): the
number of fields of each row, and before each field its length, -1 for NULL; everything big-endian.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Constant = str | UUID | datetime | None
_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TAIL = b"\xff\xff"
_NUMBERS = {
    "boolean": (pa.bool_(), "?"),
    "smallint": (pa.int16(), ">i2"),
    "integer": (pa.int32(), ">i4"),
    "bigint": (pa.int64(), ">i8"),
    "double precision": (pa.float64(), ">f8"),
}
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
# Texts, and what stands before each: jsonb names the version of its format.
_TEXTS = {"varchar": b"", "text": b"", "jsonb": b"\x01"}
# A part of every row: the same for all, of a fixed width (shape (n, width)), or, of Arrow, as long as it is.
_Piece = bytes | NDArray[np.uint8] | Any


def copy_format(columns: Sequence[tuple[str, pa.Array | Constant]]) -> bytes:
    """Rows from columns, each with its type's name in SQL: an array of n values, or one value for every row.

    Arrays hold texts (also for JSON), numbers, or identifiers of 16 bytes; null is NULL. Raises TypeError for
    values of another kind than their column's, which the server might read as something else, and
    ArrowInvalid for a number that the column does not hold.
    """
    pieces: list[_Piece] = [len(columns).to_bytes(2)]
    for kind, values in columns:
        pieces += _array(kind, values) if isinstance(values, pa.Array) else [_constant(kind, values)]
    rows = pc.binary_join_element_wise(
        *map(_as_joined, _merged(pieces)), b"", null_handling="replace", null_replacement=b""
    )
    return _HEAD + _held(rows) + _TAIL


def uuid_column(raw: bytes) -> pa.Array:
    """Identifiers of 16 bytes each, one after the other, as an array."""
    return _fixed(np.frombuffer(raw, dtype=np.uint8).reshape(-1, 16))


def _constant(kind: str, value: Constant) -> bytes:
    if value is None:
        return (-1).to_bytes(4, signed=True)
    if isinstance(value, str) and kind in _TEXTS:
        field = _TEXTS[kind] + value.encode()
    elif isinstance(value, UUID) and kind == "uuid":
        field = value.bytes
    elif isinstance(value, datetime) and kind == "timestamp with time zone":
        field = ((value - _EPOCH) // timedelta(microseconds=1)).to_bytes(8, signed=True)
    else:
        raise TypeError(f"{type(value).__name__} for a column of {kind}")
    return len(field).to_bytes(4) + field


def _array(kind: str, values: pa.Array) -> list[_Piece]:
    """The lengths of a column's fields, and the fields."""
    there = values.is_valid().to_numpy(zero_copy_only=False)
    if kind in _NUMBERS:
        width, order = _NUMBERS[kind]
        held = values.cast(width).fill_null(pa.scalar(0).cast(width))  # what does not fit is an error
        plain = held.to_numpy(zero_copy_only=False).astype(order)
        fields = _fixed(plain.view(np.uint8).reshape(len(plain), plain.itemsize))
        fields = fields if there.all() else pc.if_else(pa.array(there), fields, None)
    elif kind in _TEXTS and pa.types.is_string(values.type):
        fields = values.cast(pa.binary())
        fields = pc.binary_join_element_wise(_TEXTS[kind], fields, b"") if _TEXTS[kind] else fields
    elif kind == "uuid" and values.type == pa.binary(16):
        fields = values
    else:
        raise TypeError(f"{values.type} for a column of {kind}")
    lengths = pc.fill_null(pc.binary_length(fields), -1).to_numpy().astype(">i4")
    prefix = lengths.view(np.uint8).reshape(len(lengths), 4)
    if pa.types.is_fixed_size_binary(fields.type) and there.all():
        return [prefix, _bytes_of(fields)]
    return [prefix, fields]


def _merged(pieces: list[_Piece]) -> list[_Piece]:
    """Neighbours that are the same for every row, or of a fixed width, become one piece."""
    merged: list[_Piece] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if isinstance(piece, bytes) and isinstance(last, bytes):
            merged[-1] = last + piece
        elif isinstance(piece, np.ndarray) and isinstance(last, np.ndarray):
            merged[-1] = np.hstack([last, piece])
        else:
            merged.append(piece)
    return merged


def _as_joined(piece: _Piece) -> Any:
    if isinstance(piece, bytes):
        return piece
    return (_fixed(piece) if isinstance(piece, np.ndarray) else piece).cast(pa.binary())


def _fixed(rows: NDArray[np.uint8]) -> pa.Array:
    count, width = rows.shape
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(width), count, [None, pa.py_buffer(np.ascontiguousarray(rows))]
    )


def _bytes_of(fields: pa.Array) -> NDArray[np.uint8]:
    """The bytes of an array of a fixed width that has no nulls."""
    width = fields.type.byte_width
    held = np.frombuffer(fields.buffers()[1], dtype=np.uint8)
    return held[fields.offset * width : (fields.offset + len(fields)) * width].reshape(-1, width)


def _held(rows: pa.Array) -> bytes:
    """What an array holds, one after the other."""
    offsets = np.frombuffer(rows.buffers()[1], dtype=np.int32)[rows.offset : rows.offset + len(rows) + 1]
    held: bytes = rows.buffers()[2][int(offsets[0]) : int(offsets[-1])].to_pybytes()
    return held
