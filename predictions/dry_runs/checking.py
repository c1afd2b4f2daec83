"""One pass over a portfolio file: what a job would make of every row, without making it."""

from __future__ import annotations

import csv
import io
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow.compute as pc
from django.utils import timezone

from companies.sheets import Kind, Seen, SheetError, map_columns, open_sheet, parse_rows, safe_text
from ml.inputs import prepare
from predictions.dry_runs.hints import hint_for
from predictions.dry_runs.models import DryRun
from predictions.dry_runs.statistics import (
    ColumnStatistics,
    absent_inputs,
    findings_of,
    letter,
    suspicions,
)
from predictions.models import Prediction, PredictionKind
from predictions.services.parts import (
    Part,
    by_reason,
    refuse_foreign_currency,
    refuse_repeated,
    refuse_unscored,
)
from predictions.services.scoring import engine_kind
from predictions.services.scoring.columns import InputColumns
from predictions.services.uploads import most_rows

BATCH_ROWS: Final = 5_000
FIRST_FINDINGS: Final = 100
HEADER: Final = ("row", "cell", "severity", "column", "value", "code", "message", "hint")


@dataclass
class Outcome:
    """What a pass has found."""

    total: int = 0
    scorable: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    columns: list[dict[str, Any]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    suspicions: list[dict[str, str]] = field(default_factory=list)
    first: list[dict[str, Any]] = field(default_factory=list)
    findings: int = 0
    blocked: SheetError | None = None
    hint: str = ""


def check(row: DryRun, stored: BinaryIO, findings: BinaryIO, tell: Callable[[int], None]) -> Outcome:
    """Read the file of a dry run to its end; every finding goes into ``findings`` as CSV.

    ``tell`` is called with the number of rows read so far. Raises SheetError for a file that breaks off.
    """
    kind: Kind = "quarterly" if row.kind == PredictionKind.QUARTERLY else "annual"
    sheet = open_sheet(stored, row.original_filename, sheet_name=row.sheet)
    columns = map_columns(sheet.columns, kind)
    outcome = Outcome(missing=list(columns.missing), absent=absent_inputs(columns), hint=columns.hint)
    outcome.blocked = columns.error
    writer = _Findings(findings, outcome, {name: letter(place) for name, place in columns.found.items()})
    with ColumnStatistics(columns) as statistics:
        if columns.error is None:
            seen, most = Seen(), most_rows()
            for block in sheet.blocks(BATCH_ROWS):
                batch = parse_rows(
                    block, columns, kind, decimal=sheet.decimal, unit=row.unit, currency=row.currency
                )
                statistics.add(block, batch)
                part = Part.of(batch)
                refuse_repeated(part, seen.repeats(batch.row_keys()))
                refuse_foreign_currency(part)
                refuse_unscored(part, _unscorable(row.kind, part))
                _refuse_others(row, part)
                outcome.total += batch.total
                outcome.scorable += batch.total - len(part.refused)
                outcome.refused.update(by_reason(part.errors))
                writer.write(part)
                if outcome.total > most:
                    raise SheetError("too_many_rows", f"Files of up to {most:,} rows are taken.")
                tell(outcome.total)
        outcome.columns = statistics.columns()
    dollars = (row.currency or columns.currency or "USD") == "USD"
    outcome.suspicions = suspicions(outcome.columns, unit=row.unit, dollars=dollars)
    return outcome


def _unscorable(kind: str, part: Part) -> list[int]:
    """Rows of which the engine would make nothing: those that fit none of its shapes."""
    table = part.kept()
    if not table.num_rows:
        return []
    inputs = InputColumns.of(kind, table)
    age = timezone.now().year - table["reporting_year"].to_numpy().astype(np.float64)
    prepared = prepare(
        inputs.frame(table.num_rows), kind=engine_kind(kind), history=inputs.history(), age=age
    )
    rows: list[int] = table["row_number"].to_numpy()[prepared.shape == "none"].tolist()
    return rows


def _refuse_others(row: DryRun, part: Part) -> None:
    """For somebody who changes only what is his own: rows where a colleague's prediction stands."""
    table = part.kept()
    if not row.only_own or not table.num_rows:
        return
    symbols, years = table["company_symbol"].to_pylist(), table["reporting_year"].to_pylist()
    quarterly = row.kind == PredictionKind.QUARTERLY
    quarters = table["reporting_quarter"].to_pylist() if quarterly else [None] * len(symbols)
    heads = Prediction.objects.filter(
        organization_id=row.organization_id,
        kind=row.kind,
        company__symbol__in=pc.unique(table["company_symbol"]).to_pylist(),
        fiscal_year__in=sorted(set(years)),
    ).exclude(created_by_id=row.created_by_id)
    taken = set(heads.values_list("company__symbol", "fiscal_year", "fiscal_quarter"))
    if not taken:
        return
    text = "A colleague's prediction stands there: you may change only what you created."
    for number, key in zip(
        table["row_number"].to_pylist(), zip(symbols, years, quarters, strict=True), strict=True
    ):
        if key in taken:
            part.refuse(number, "company_symbol", "not_yours", text, key[0])


class _Findings:
    """Every finding as a line of CSV, safe to open in a spreadsheet; the first are kept at hand."""

    def __init__(self, target: BinaryIO, outcome: Outcome, letters: dict[str, str]) -> None:
        self._outcome = outcome
        self._letters = letters
        self._target = target
        self._text = io.StringIO()
        self._writer = csv.writer(self._text)
        self._target.write(b"\xef\xbb\xbf")
        self._writer.writerow(HEADER)
        self._drain()

    def write(self, part: Part) -> None:
        outcome = self._outcome
        outcome.errors.update(e.code for e in part.errors)
        outcome.warnings.update(w.code for w in part.warnings)
        for severity, finding in findings_of(part.errors, part.warnings):
            place = self._letters.get(finding.column)
            line = (
                finding.row,
                f"{place}{finding.row}" if place else "",
                severity,
                finding.column,
                finding.value.replace("\x00", "\ufffd"),
                finding.code,
                finding.message,
                hint_for(finding.code),
            )
            self._writer.writerow([safe_text(value) for value in line])
            outcome.findings += 1
            if len(outcome.first) < FIRST_FINDINGS:
                outcome.first.append(dict(zip(HEADER, line, strict=True)))
        self._drain()

    def _drain(self) -> None:
        self._target.write(self._text.getvalue().encode("utf-8", "replace"))
        self._text.seek(0)
        self._text.truncate()


def findings_file() -> BinaryIO:
    """A place for findings while they are written."""
    return tempfile.TemporaryFile()  # type: ignore[return-value]
