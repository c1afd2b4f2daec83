"""The summary as a workbook: typed cells, frozen heads, and a sheet that says what the words mean."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from predictions import wording

# How a column is shown, and how wide it is.
WORDS, WHOLE, SHARE, NUMBER, WHEN, YEAR = "words", "whole", "share", "number", "when", "year"
_FORMATS = {
    WORDS: "@",
    WHOLE: "#,##0",
    SHARE: "0.00%",
    NUMBER: "0.00",
    WHEN: "yyyy-mm-dd hh:mm",
    YEAR: "0",
}
Column = tuple[str, str, int]


class Book:
    """A workbook in memory. Text is written as text: nothing in it is taken for a formula or a link."""

    def __init__(self) -> None:
        self.buffer = io.BytesIO()
        options = {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "remove_timezone": True,
        }
        self.file = xlsxwriter.Workbook(self.buffer, options)
        self.head = self.file.add_format(
            {"bold": True, "font_color": "#FFFFFF", "bg_color": "#0B4F8A", "text_wrap": True, "valign": "top"}
        )
        self.kinds = {kind: self.file.add_format({"num_format": f}) for kind, f in _FORMATS.items()}
        self.wrapped = self.file.add_format({"text_wrap": True, "valign": "top"})
        self.bold = self.file.add_format({"bold": True})

    def table(self, name: str, columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> Worksheet:
        """A sheet with one table: its head frozen and filtered."""
        sheet = self.file.add_worksheet(name)
        for place, (title, kind, width) in enumerate(columns):
            sheet.write_string(0, place, title, self.head)
            sheet.set_column(place, place, width, self.kinds[kind])
        line = 0
        for line, row in enumerate(rows, start=1):
            for place, ((_, kind, _), value) in enumerate(zip(columns, row, strict=True)):
                self.cell(sheet, line, place, kind, value)
        sheet.freeze_panes(1, 0)
        if line:
            sheet.autofilter(0, 0, line, len(columns) - 1)
        return sheet

    def cell(self, sheet: Worksheet, line: int, place: int, kind: str, value: Any) -> None:
        """One value in its own type; an empty cell where there is none."""
        shown = self.kinds[kind]
        if value is None or value == "":
            sheet.write_blank(line, place, None, shown)
        elif kind == WHEN:
            sheet.write_datetime(line, place, _moment(value), shown)
        elif kind == WORDS:
            sheet.write_string(line, place, str(value).replace("\x00", "")[:32_000], shown)
        else:
            sheet.write_number(line, place, value, shown)

    def bytes(self) -> bytes:
        self.file.close()
        return self.buffer.getvalue()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def render(report: dict[str, Any]) -> bytes:
    """The XLSX of a summary as ``summary_of`` gives it."""
    book = Book()
    book.file.set_properties(
        {"title": f"Summary of {report['job']['file']}", "author": "Default Risk Platform"}
    )
    _overview(book, report)
    book.table(
        "Worst names",
        [
            ("Rank", WHOLE, 6), ("Row", WHOLE, 9), ("Symbol", WORDS, 14), ("Company", WORDS, 34),
            ("Sector", WORDS, 20), ("Year", YEAR, 7), ("Quarter", WORDS, 8), ("PD", SHARE, 9),
            ("Low", SHARE, 9), ("High", SHARE, 9), ("Risk level", WORDS, 11), ("Grade", WORDS, 8),
            ("Confidence", WORDS, 11),
        ],
        (
            (w["rank"], w["row"], w["company_symbol"], w["company_name"], w["sector"], w["fiscal_year"],
             w["quarter"], w["pd"], w["low"], w["high"], wording.level(w["risk_level"]), w["grade"],
             w["confidence"])
            for w in report["worst"]
        ),
    )  # fmt: skip
    _changes(book, report["changes"])
    _distribution(book, report["distribution"])
    book.table(
        "Errors",
        [("Reason", WORDS, 70), ("Code", WORDS, 24), ("Rows", WHOLE, 10), ("First rows", WORDS, 30)],
        (
            (e["reason"], e["code"], e["rows"], ", ".join(str(x["row"]) for x in e["examples"]))
            for e in report["errors"]
        ),
    )
    sheet = book.table("Definitions", [("Term", WORDS, 24), ("Meaning", WORDS, 100)], ())
    for line, entry in enumerate(report["definitions"], start=1):
        sheet.write_string(line, 0, entry["term"], book.bold)
        sheet.write_string(line, 1, entry["meaning"], book.wrapped)
    return book.bytes()


def _overview(book: Book, report: dict[str, Any]) -> None:
    job, counts, spread = report["job"], report["counts"], report["distribution"]
    sheet = book.table("Summary", [("Figure", WORDS, 34), ("Value", WORDS, 44)], ())
    lines: list[tuple[str, str, Any]] = [
        ("File", WORDS, job["file"]), ("Organization", WORDS, job["organization"]),
        ("Kind", WORDS, job["kind"]), ("State", WORDS, wording.state(job["state"])),
        ("Started by", WORDS, job["created_by"]), ("Uploaded (UTC)", WHEN, job["created_at"]),
        ("Completed (UTC)", WHEN, job["completed_at"]), ("Seconds", NUMBER, job["seconds"]),
        ("Model", WORDS, job["model_version"]), ("Model's SHA-256", WORDS, job["model_sha256"]),
        ("File's SHA-256", WORDS, job["file_sha256"]), ("Rows", WHOLE, counts["rows"]),
        ("Scored", WHOLE, counts["scored"]), ("Refused", WHOLE, counts["refused"]),
        ("Cells repaired or taken as missing", WHOLE, counts["warnings"]),
        ("Companies", WHOLE, counts["companies"]), ("Mean PD", SHARE, spread["mean"]),
        ("Median PD", SHARE, spread["median"]), ("95th percentile of the PD", SHARE, spread["p95"]),
        ("Highest PD", SHARE, spread["most"]),
    ]  # fmt: skip
    if (changes := report["changes"]) is not None:
        lines += [
            ("Last run (UTC)", WHEN, changes["previous"]["created_at"]),
            ("Companies in both runs", WHOLE, changes["companies_in_both"]),
            ("Large changes", WHOLE, changes["large"]), ("Downgraded", WHOLE, changes["downgraded"]),
            ("Upgraded", WHOLE, changes["upgraded"]), ("Mean PD before", SHARE, changes["mean_before"]),
            ("Mean PD now, same companies", SHARE, changes["mean_now"]),
        ]  # fmt: skip
    for line, (title, kind, value) in enumerate(lines, start=1):
        sheet.write_string(line, 0, title, book.bold)
        book.cell(sheet, line, 1, kind, value)


def _changes(book: Book, changes: dict[str, Any] | None) -> None:
    columns: list[Column] = [
        ("Symbol", WORDS, 14), ("Company", WORDS, 34), ("Sector", WORDS, 20), ("PD before", SHARE, 11),
        ("PD now", SHARE, 11), ("Change", SHARE, 11), ("Of what it was", SHARE, 13),
        ("Level before", WORDS, 13), ("Level now", WORDS, 13),
    ]  # fmt: skip
    rows = changes["largest"] if changes else []
    book.table(
        "Changes",
        columns,
        (
            (c["company_symbol"], c["company_name"], c["sector"], c["before"], c["now"], c["change"],
             c["relative"], wording.level(c["level_before"]), wording.level(c["level_now"]))
            for c in rows
        ),
    )  # fmt: skip


def _distribution(book: Book, spread: dict[str, Any]) -> None:
    book.table(
        "PD classes",
        [("PD from", SHARE, 10), ("to", SHARE, 10), ("Rows", WHOLE, 12)],
        ((b["from"], b["to"], b["rows"]) for b in spread["by_pd"]),
    )
    book.table(
        "Risk levels",
        [("Risk level", WORDS, 14), ("Rows", WHOLE, 12), ("Share", SHARE, 10)],
        ((wording.level(r["level"]), r["rows"], r["share"]) for r in spread["by_risk_level"]),
    )
    book.table(
        "Sectors",
        [("Sector", WORDS, 30), ("Rows", WHOLE, 12), ("Mean PD", SHARE, 10), ("Highest PD", SHARE, 11)],
        ((s["sector"] or "(none)", s["rows"], s["mean"], s["most"]) for s in spread["by_sector"]),
    )
