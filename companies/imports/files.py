"""Files of imports that leave the platform: templates to fill in, and the faulty rows of a file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, Any, Final

from companies.imports import selectors
from companies.imports.fields import TARGETS, Target
from companies.imports.mapping import is_error_column
from companies.imports.models import Import, IssueLevel, Layout
from companies.sheets import CellError, rows_with_errors, write_csv, write_xlsx
from companies.sheets.export import Row

_IDENTITY: Final = ("symbol", "name", "lei", "cik", "national_id", "ticker", "exchange")
# The amounts of the wide template: those that most statements have.
_CORE: Final = (
    *("total_assets", "current_assets", "total_current_liabilities", "total_liabilities", "total_debt"),
    *("total_equity", "retained_earnings", "cash", "net_sales", "ebit", "net_income", "interest_expense"),
)
_AMOUNTS: Final = {
    "total_assets": 1200.5, "current_assets": 420, "total_current_liabilities": 260,
    "total_liabilities": 700.5, "total_debt": 380, "total_equity": 500, "retained_earnings": 310,
    "cash": 95, "net_sales": 980, "ebit": 105, "net_income": 62, "interest_expense": 18,
}  # fmt: skip


def template_columns(layout: Layout) -> list[tuple[str, str, Any]]:
    """Header, target and example of each column of a template, the institution's own fields at the end."""
    customs = list(selectors.custom_targets().values())
    company = [t for t in TARGETS.values() if t.part == "company"]
    period = [t for t in TARGETS.values() if t.part == "period"]
    if layout == Layout.COMPANIES:
        shown = [*company, TARGETS["currency"], TARGETS["unit"]]
        chosen = [t for t in shown if t.name != "company_currency"]
        return [(t.name, t.name, t.example) for t in (*chosen, *customs)]
    known = [t for t in company if t.name in {"symbol", "name", "country", "sector", "lei"}]
    columns = [(t.name, t.name, t.example) for t in (*known, *period)]
    if layout == Layout.LONG:
        items = [t for t in TARGETS.values() if t.part == "amount"]
        columns += [(t.name, t.name, _AMOUNTS.get(t.name)) for t in items]
    else:
        for name in _CORE:
            columns.append((name, name, _AMOUNTS.get(name)))
            columns.append((f"prior_{name}", f"{name}@-1", round(_AMOUNTS[name] * 0.94, 1)))
    return [*columns, *((t.name, t.name, t.example) for t in customs)]


def template(layout: Layout, kind: str) -> IO[bytes]:
    """The template as CSV or XLSX; the workbook has a sheet that defines every column."""
    columns = template_columns(layout)
    rows: list[Row] = [[header for header, _, _ in columns], [example for _, _, example in columns]]
    target = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    if kind == "xlsx":
        write_xlsx(target, [(layout.label, rows), ("Definitions", _definitions(columns))])
    else:
        for piece in write_csv(rows):
            target.write(piece)
    target.seek(0)
    return target


def _definitions(columns: list[tuple[str, str, Any]]) -> Iterator[Row]:
    known: dict[str, Target] = {**TARGETS, **selectors.custom_targets()}
    yield ["Column", "Means", "Definition", "Holds", "One of", "Example"]
    for header, name, example in columns:
        target = known[name.partition("@")[0]]
        definition = target.definition
        if "@-1" in name:
            definition = f"{definition.rstrip('.')}, one year before the row's own."
        choices = ", ".join(sorted(set((target.choices or {}).values())))
        yield [header, target.label, definition, target.measure, choices, example]


def faulty_rows(row: Import) -> tuple[IO[bytes], str]:
    """The rows that were left out, in the file's own columns and format, with a column of what is wrong.

    Mended and uploaded again, it is read as the file was. Complete when it is returned.
    """
    issues = row.issues.filter(level=IssueLevel.ERROR).order_by("row_number", "id").iterator()
    findings = (
        CellError(i.row_number, i.column, i.code, f"{i.message} {i.hint}".strip(), i.value) for i in issues
    )
    target = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    with selectors.opened(row) as sheet:
        rows: Iterator[Row] = rows_with_errors(sheet, findings, only_refused=True)
        # A sheet that was mended and is wrong again has the column of last time: it is not kept.
        stale = [i for i, text in enumerate(sheet.columns) if is_error_column(text)]
        if stale:
            rows = ([cell for i, cell in enumerate(cells) if i not in stale] for cells in rows)
        if sheet.format == "xlsx":
            write_xlsx(target, [(sheet.sheet_name or "Sheet1", rows)])
        else:
            for piece in write_csv(rows, delimiter=sheet.delimiter or ","):
                target.write(piece)
    target.seek(0)
    return target, "xlsx" if sheet.format == "xlsx" else "csv"
