"""Parquet files as texts by column: the cells that a CSV file of the same table would have.

Columns are read page by page within a row group, never a group or the file whole. Texts come as dictionaries,
so that one long text that stands in a million rows is held once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from companies.sheets.errors import SheetError, shown
from companies.sheets.limits import KEPT_CELL, MOST_COLUMNS, Limits
from companies.sheets.mapping import read_header_cell

_BATCH_ROWS: Final = 5_000
_BUFFER_BYTES: Final = 1 << 20
_LONGEST_FOOTER: Final = 32 << 20
_DAMAGED: Final = "The Parquet file is damaged. Write it again."
_CP1252_ERRORS: Final = "companies.sheets.cp1252"


class ParquetSource:
    """A Parquet file whose rows can be read again and again."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self._file = file
        self._limits = limits
        opened = self._opened()
        self._check(opened)
        schema = opened.schema_arrow
        self.columns: list[str] = [shown(field.name) for field in schema]
        self.rows: int = opened.metadata.num_rows
        self._left_out = frozenset(n for n, field in enumerate(schema) if _is_odd(field.type))
        for place in self._left_out:
            if read_header_cell(schema[place].name) is not None:
                name = shown(schema[place].name)[:40]
                raise SheetError("unsupported_column", f"{name} holds lists or records, not single values.")
        self._read = [field.name for n, field in enumerate(schema) if n not in self._left_out]
        if self._left_out and len(set(self.columns)) < len(self.columns):
            raise SheetError("repeated_columns", "Columns stand there twice.")

    def _opened(self, dictionaries: list[str] | None = None) -> pq.ParquetFile:
        try:
            self._file.seek(0)
            return pq.ParquetFile(
                self._file,
                buffer_size=_BUFFER_BYTES,
                pre_buffer=False,
                read_dictionary=dictionaries,
                thrift_string_size_limit=_LONGEST_FOOTER,
                thrift_container_size_limit=1_000_000,
            )
        except (pa.ArrowException, OSError, ValueError) as error:
            if "encrypt" in str(error).lower():
                sentence = "The Parquet file is encrypted. Write it without encryption."
                raise SheetError("encrypted_file", sentence) from error
            raise SheetError("damaged_file", _DAMAGED) from error

    def _check(self, opened: pq.ParquetFile) -> None:
        """Refuse what was made to explode, by what the file says of its parts."""
        limits, metadata = self._limits, opened.metadata
        if metadata.num_columns > MOST_COLUMNS:
            raise SheetError("too_many_columns", f"The file has over {MOST_COLUMNS} columns.")
        total = 0
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            total += group.total_byte_size
            if total > limits.uncompressed_bytes:
                raise SheetError("too_large", "The file is too large when unpacked. Split it.")
            for place in range(group.num_columns):
                column = group.column(place)
                whole, packed = column.total_uncompressed_size, max(column.total_compressed_size, 1)
                if whole > limits.ratio_free_bytes and whole / packed > limits.compression_ratio:
                    raise SheetError("too_large", "The file unpacks to far more than its size.")

    def blocks(self) -> Iterator[tuple[int, list[pa.StringArray]]]:
        """Every row in stretches: the number of the first as a CSV file would have it, and texts by column.

        Columns of lists and records, which no sheet has, are empty. SheetError where the file is damaged.
        """
        opened = self._opened(_text_paths(self._opened().schema_arrow))
        number = 2
        try:
            for batch in opened.iter_batches(
                batch_size=_BATCH_ROWS,
                columns=self._read if self._left_out else None,
                use_threads=False,
            ):
                if not batch.num_rows:
                    continue
                given = iter(batch.columns)
                empty = pa.array([""] * batch.num_rows, pa.string()) if self._left_out else None
                yield (
                    number,
                    [
                        empty if place in self._left_out else texts_of(next(given))
                        for place in range(len(self.columns))
                    ],
                )
                number += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise SheetError("damaged_file", _DAMAGED) from error


def _is_odd(kind: pa.DataType) -> bool:
    return pa.types.is_nested(kind) or isinstance(kind, pa.BaseExtensionType)


def _text_paths(schema: pa.Schema) -> list[str]:
    """Columns of texts, to be read as dictionaries."""
    return [field.name for field in schema if _is_text(field.type)]


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_binary(kind) or _is_large(kind)


def _is_large(kind: pa.DataType) -> bool:
    return bool(pa.types.is_large_string(kind) or pa.types.is_large_binary(kind))


def texts_of(column: pa.Array) -> pa.StringArray:
    """A column of any single-valued type as the texts that a CSV file has, empty where there is no value."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        # Nothing but the different values is looked at and cut; rows then take theirs.
        values = texts_of(column.dictionary)
        return pc.fill_null(values.take(column.indices), "").cast(pa.string())
    if pa.types.is_null(kind):
        return pa.array([""] * len(column), pa.string())
    if pa.types.is_boolean(kind):
        texts = pc.if_else(column, "TRUE", "FALSE")
    elif pa.types.is_timestamp(kind) or pa.types.is_date64(kind):
        texts = _moments(column)
    elif _is_text(kind) or pa.types.is_fixed_size_binary(kind) or _is_view(kind):
        texts = _cut(_decoded(column))
    elif pa.types.is_float16(kind):
        texts = column.cast(pa.float32()).cast(pa.string())
    else:
        texts = column.cast(pa.string())
    return pc.fill_null(texts, "").cast(pa.string())


def _is_view(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string_view(kind) or pa.types.is_binary_view(kind))


def _moments(column: pa.Array) -> pa.Array:
    """Days as 2024-12-31; a time of day only where there is one."""
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        # The day that whoever wrote the file saw, not the one in Greenwich.
        try:
            column = pc.local_timestamp(column)
        except pa.ArrowException:
            column = column.cast(pa.timestamp(column.type.unit))
    seconds = column.cast(pa.timestamp("s"), safe=False)
    days = pc.strftime(seconds, format="%Y-%m-%d")
    at_midnight = pc.equal(seconds, seconds.cast(pa.date32(), safe=False).cast(pa.timestamp("s")))
    return pc.if_else(at_midnight, days, pc.strftime(seconds, format="%Y-%m-%dT%H:%M:%S"))


def _decoded(column: pa.Array) -> pa.Array:
    """Bytes as text: UTF-8, and where they are none what cp1252 reads in them, as in a CSV file."""
    try:
        texts = column.cast(pa.large_string())
        texts.validate(full=True)
    except pa.ArrowInvalid:
        found = column.cast(pa.large_binary()).to_pylist()
        texts = pa.array(
            [None if cell is None else cell.decode("utf-8", _CP1252_ERRORS) for cell in found],
            pa.large_string(),
        )
    return texts


def _cut(texts: pa.Array) -> pa.Array:
    if (pc.max(pc.binary_length(texts)).as_py() or 0) <= KEPT_CELL:
        return texts
    return pc.utf8_slice_codeunits(texts, 0, KEPT_CELL + 1)
