"""A company's file as a workbook: who it is, its statements, ratios, scores, and what each column means."""

from __future__ import annotations

import tempfile
from typing import IO

from django.utils import timezone

from companies.models import Company, Statement
from predictions.exporting.company_file.gathering import (
    MOST_SCORES,
    CompanyFile,
    gather,
    period_words,
    ratio_lines,
)
from predictions.exporting.lists import LISTS
from predictions.exporting.rendering import SheetOf, write_workbook
from predictions.exporting.tables import Column, Value, typed
from predictions.models import Score
from tenants.kernel.context import current_tenant


def workbook_of(company: Company) -> IO[bytes]:
    """All statements (every version), ratios and scores of a company, typed; complete when it is returned."""
    found = gather(company)
    target: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    about = [
        ("Company", f"{company.symbol} {company.name}".strip()),
        ("Institution", current_tenant().name),
        ("Made at", timezone.now().strftime("%Y-%m-%d %H:%M UTC")),
        ("Amounts", "Millions of each statement's own currency."),
    ]
    write_workbook(target, [_company(found), _statements(found), _ratios(found), _scores(found),
                            _classic(found)], about=about)  # fmt: skip
    target.seek(0)
    return target


def _company(found: CompanyFile) -> SheetOf:
    known = LISTS["companies"].columns
    columns = (
        Column("field", "text", "What is said of the company; each is defined below.", width=24),
        Column("value", "text", "What holds now.", width=50),
    )
    rows: list[list[Value]] = [
        [column.name, typed("text", value)]
        for column in known
        if (value := column.of(found.company)) is not None
    ]
    return SheetOf("Company", columns, rows)


def _statements(found: CompanyFile) -> SheetOf:
    columns = [c for c in LISTS["statements"].columns if c.name not in {"symbol", "name"}]
    rows = Statement.objects.filter(company=found.company)
    ordered = rows.order_by("kind", "-fiscal_year", "-fiscal_quarter", "-version")
    return SheetOf("Statements", columns, ([c.of(row) for c in columns] for row in ordered))


def _ratios(found: CompanyFile) -> SheetOf:
    rows = found.statements
    lines = ratio_lines(rows)
    columns = [
        Column("period", "text", "Fiscal year and quarter."),
        Column("kind", "text", "annual, quarterly or ttm (trailing twelve months)."),
        *(Column(line.name, "number", f"{line.label} ({line.unit}): {line.formula}.") for line in lines),
    ]
    cells = (
        [period_words(row), row.kind, *(line.values[place] for line in lines)]
        for place, row in enumerate(rows)
    )
    return SheetOf("Ratios", columns, cells)


def _scores(found: CompanyFile) -> SheetOf:
    columns = [c for c in LISTS["scores"].columns if c.name != "symbol"]
    rows = Score.objects.filter(prediction__company=found.company).select_related("prediction__company")
    ordered = rows.order_by("-prediction__fiscal_year", "-prediction__fiscal_quarter", "-id")[:MOST_SCORES]
    return SheetOf("Scores", columns, ([c.of(row) for c in columns] for row in ordered))


def _classic(found: CompanyFile) -> SheetOf:
    columns = (
        Column("score", "text", "A published score of the newest scored period.", "label", width=28),
        Column("value", "number", "Its value."),
        Column("probability", "share", "Its probability, where it has one: it ranks and is no PD."),
        Column("zone", "text", "distress, grey, safe, rank_only or not_applicable."),
        Column("text", "text", "What it says, or why it cannot be had.", width=60),
    )
    return SheetOf("Classic scores", columns, ([c.of(row) for c in columns] for row in found.classic))
