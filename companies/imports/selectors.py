"""Reads of imports: how a file is read, and what its first rows look like so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, BinaryIO, cast
from uuid import UUID

from django.core.files.storage import default_storage

from companies import selectors as companies
from companies.imports import mapping as columns
from companies.imports.fields import CUSTOM, TARGETS, Target, choices_of_custom, place_of
from companies.imports.models import ColumnMapping, Import
from companies.imports.parsing import Finding, Parsed, column_letter, parse
from companies.sheets import Sheet, SheetError, open_sheet
from companies.sheets.units import unit_factor
from tenants.kernel.errors import Conflict, InvalidInput

PREVIEWED_ROWS = 200
SHOWN_ROWS = 10
SHOWN_ERRORS = 50
_MEASURES: dict[str, Any] = {
    "text": "text", "number": "number", "date": "date", "choice": "choice", "yes_no": "boolean"
}  # fmt: skip


def custom_targets() -> dict[str, Target]:
    """The institution's own fields as targets of columns."""
    return {
        f"{CUSTOM}{field.name}": Target(
            name=f"{CUSTOM}{field.name}",
            part="custom",
            measure=_MEASURES[field.kind],
            label=field.label,
            definition=field.help_text or f"{field.label}: a field of your institution.",
            choices=choices_of_custom(field.choices) if field.kind == "choice" else None,
            longest=500,
        )
        for field in companies.custom_fields()
    }


def remembered(organization_id: UUID, fingerprint: str) -> ColumnMapping | None:
    """How files with this header were read before in the organization."""
    rows = ColumnMapping.objects.filter(organization_id=organization_id, fingerprint=fingerprint)
    found: ColumnMapping | None = rows.first()
    return found


def reading(row: Import) -> columns.Reading:
    """How an import's file is read, as its mapping stands."""
    return columns.reading_of(row.header, row.mapping, custom_targets())


@contextmanager
def opened(row: Import) -> Iterator[Sheet]:
    """The stored file as a sheet; raises Conflict where it is no longer kept."""
    if not default_storage.exists(row.path):
        raise Conflict("The uploaded file is no longer kept.", code="file_gone")
    with default_storage.open(row.path, "rb") as stored:
        yield open_sheet(cast(BinaryIO, stored), row.original_filename)


def parsed(row: Import, sheet: Sheet, rows: Any, how: columns.Reading) -> Parsed:
    """Rows of an import's sheet, read."""
    return parse(rows, how, decimal=sheet.decimal, factor=unit_factor(row.unit) or 1, currency=row.currency)


def preview(row: Import) -> dict[str, Any]:
    """The columns with what they are read as, the first rows, and the first errors."""
    how = reading(row)
    try:
        with opened(row) as sheet:
            first = list(islice(sheet.rows(), PREVIEWED_ROWS))
            read = parsed(row, sheet, first, how) if not how.problems else Parsed()
    except SheetError as error:
        raise InvalidInput(error.detail, code=error.code) from None
    guesses = columns.guess(row.header, how.customs)
    described = []
    for position, text in enumerate(row.header):
        place, note = how.places[position], how.notes[position]
        guess = guesses[position]
        target = row.mapping[position] if position < len(row.mapping) else ""
        described.append(
            {
                "position": position,
                "letter": column_letter(position),
                "header": text,
                "target": target,
                "label": place.target.label if place else "",
                "by": ("name" if target == guess.target else "chosen") if target else "",
                "suggestion": guess.suggestion if not target else "",
                "unit": note.factor,
                "currency": note.currency,
                "samples": [cells[position] for _, cells in first[:5] if position < len(cells)],
            }
        )
    return {
        "layout": how.layout,
        "problems": list(how.problems),
        "columns": described,
        "rows": [{"row": number, "cells": cells} for number, cells in first[:SHOWN_ROWS]],
        "read": [
            {"row": d.row, "company": d.company, "periods": [_shown(p) for p in d.periods]}
            for d in read.drafts[:SHOWN_ROWS]
        ],
        "looked_at": len(first),
        "faulty": len({finding.row for finding in read.errors}),
        "errors": [described_finding(row, finding) for finding in read.errors[:SHOWN_ERRORS]],
    }


def _shown(period: Any) -> dict[str, Any]:
    return {
        "period_kind": period.kind,
        "fiscal_year": period.year,
        "fiscal_quarter": period.quarter,
        "currency": period.currency or None,
        "amounts": period.amounts,
    }


def described_finding(row: Import, finding: Finding) -> dict[str, Any]:
    """A finding in the words of the user's own file."""
    where = 0 <= finding.position < len(row.header)
    return {
        "row": finding.row,
        "cell": f"{column_letter(finding.position)}{finding.row}" if where else "",
        "column": row.header[finding.position][:100] if where else "",
        "target": row.mapping[finding.position] if where and finding.position < len(row.mapping) else "",
        "code": finding.code,
        "message": finding.message,
        "hint": finding.hint,
        "value": finding.value,
    }


def targets() -> list[dict[str, Any]]:
    """Everything that a column can be read as, in the order of templates."""
    return [
        {
            "name": target.name,
            "label": target.label,
            "part": target.part,
            "measure": target.measure,
            "definition": target.definition,
            "choices": sorted(set((target.choices or {}).values())),
        }
        for target in (*TARGETS.values(), *custom_targets().values())
    ]


def is_target(name: str) -> bool:
    """Whether a mapping may hold the name."""
    return not name or place_of(name, custom_targets()) is not None
