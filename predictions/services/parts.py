"""A part of a portfolio file between cutting and scoring: rows that may be scored, and why others may not."""

from __future__ import annotations

import io
import json
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from companies.sheets import CellError, ParsedBatch
from ml.features import LINE_ITEMS
from predictions.models import JobChunk
from tenants.kernel.errors import Unavailable

logger = logging.getLogger(__name__)

FINDINGS: Final = b"findings"


@dataclass
class Part:
    """Rows with their numbers, and what was found in the others."""

    table: pa.Table
    errors: list[CellError]
    warnings: list[CellError]
    refused: set[int]

    @classmethod
    def of(cls, batch: ParsedBatch) -> Part:
        """A parsed batch, as it would come back from its file."""
        return cls(numbered(batch), list(batch.errors), list(batch.warnings), set(batch.refused))

    def refuse(self, row: int, column: str, code: str, text: str, value: str) -> None:
        """Note why a row is not scored."""
        self.errors.append(CellError(row, column, code, text, value))
        self.refused.add(row)

    def rows(self) -> list[int]:
        """The numbers of all rows that it accounts for, ascending."""
        return sorted({*self.table["row_number"].to_pylist(), *self.refused})

    def only(self, numbers: list[int]) -> Part:
        """The same for some of its rows."""
        chosen = set(numbers)
        inside = pc.is_in(self.table["row_number"], value_set=pa.array(numbers, pa.int64()))
        return Part(
            self.table.filter(inside),
            [e for e in self.errors if e.row in chosen],
            [w for w in self.warnings if w.row in chosen],
            self.refused & chosen,
        )

    def kept(self) -> pa.Table:
        """The rows that nothing speaks against."""
        if not self.refused:
            return self.table
        bad = pa.array(sorted(self.refused), pa.int64())
        return self.table.filter(pc.invert(pc.is_in(self.table["row_number"], value_set=bad)))


def numbered(batch: ParsedBatch) -> pa.Table:
    """The rows of a batch with their numbers."""
    return batch.table.append_column("row_number", pa.array(batch.row_numbers))


def part_file(batch: ParsedBatch) -> ContentFile[bytes]:
    """A parsed batch as Parquet: rows with their numbers, and what was found as metadata."""
    findings = {
        "errors": [list(finding) for finding in batch.errors],
        "warnings": [list(finding) for finding in batch.warnings],
        "refused": batch.refused,
        "total": batch.total,
    }
    buffer = io.BytesIO()
    table = numbered(batch).replace_schema_metadata({FINDINGS: json.dumps(findings).encode()})
    # Lives for minutes and is read once: encoding it well would cost more than it saves.
    pq.write_table(table, buffer, compression="lz4", use_dictionary=False, write_statistics=False)
    return ContentFile(buffer.getvalue())


def read_part(chunk: JobChunk) -> Part:
    """A chunk's part; raises Unavailable where the storage does not have it (any more)."""
    try:
        with default_storage.open(chunk.path, "rb") as file:
            table = pq.read_table(io.BytesIO(file.read()), use_threads=False).combine_chunks()
            found = json.loads(table.schema.metadata[FINDINGS])
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.exception("a part of a job cannot be read", extra={"chunk": str(chunk.id)})
        raise Unavailable("The job's stored file cannot be read any more.", code="part_gone") from error
    part = Part(
        table,
        [CellError(*finding) for finding in found["errors"]],
        [CellError(*finding) for finding in found["warnings"]],
        set(found["refused"]),
    )
    return part if chunk.row_numbers is None else part.only(chunk.row_numbers)


def refuse_repeated(part: Part, repeats: Mapping[int, int]) -> None:
    """Refuse rows that repeat an earlier one; ``repeats`` gives the earlier row of each."""
    if not repeats:
        return
    rows, symbols = part.table["row_number"].to_pylist(), part.table["company_symbol"].to_pylist()
    symbol_of = dict(zip(rows, symbols, strict=True))
    for row, first in repeats.items():
        if row not in symbol_of:
            continue  # of the other half of a chunk that was split
        text = f"Repeats the company and period of row {first}, which was taken."
        part.refuse(row, "company_symbol", "duplicate_key", text, symbol_of[row])


def refuse_foreign_currency(part: Part) -> None:
    """Amounts of another currency cannot be compared; ratios can."""
    table = part.table
    foreign = pc.invert(pc.is_in(table["currency"], value_set=pa.array(["", "USD"])))
    if not pc.any(foreign).as_py():
        return
    items = [n for n in LINE_ITEMS if n != "market_cap" and n in table.column_names]
    given = np.zeros(table.num_rows, dtype=bool)
    for name in items:
        given |= ~np.isnan(table[name].to_numpy())
    rows = table.filter(pc.and_(foreign, pa.array(given)))
    text = "Line items must be in US dollars: no exchange rate is known."
    for row, currency in zip(rows["row_number"].to_pylist(), rows["currency"].to_pylist(), strict=True):
        if row not in part.refused:
            part.refuse(row, "currency", "currency_not_convertible", text, currency)


def refuse_unscored(part: Part, rows: list[int]) -> None:
    """Refuse rows of which the engine made nothing."""
    for row in rows:
        part.refuse(row, "", "no_inputs", "Too few inputs are left to score from.", "")


def by_reason(errors: list[CellError]) -> dict[str, int]:
    """Refused rows by the first reason of each."""
    first: dict[int, str] = {}
    for error in errors:
        first.setdefault(error.row, error.code)
    return dict(Counter(first.values()))
