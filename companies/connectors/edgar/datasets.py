"""The SEC's Financial Statement Data Sets: one zip with the statements of a quarter's filings.

``sub`` names the filings, ``num`` holds the amounts, ``tag`` says which tags are the standard's, and ``pre``
where the filer shows an amount. The same formulas apply as to company facts. Dates in ``num`` are rounded to
the end of a month and durations given in quarters, so a period begins on the first of a month here.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import IO

from companies.connectors.edgar.facts import CompanyFacts, Fact, Filing, NotEdgar, clean_cik, is_currency
from companies.connectors.edgar.tags import FORMS, known_tags

TABLES = ("sub", "num", "tag", "pre")
# A quarter of these days is about 600 MB unpacked; a bomb is more.
MOST_BYTES = 4 * 1024**3


@dataclass(slots=True)
class DatasetCompany:
    """A company of a data set with its filings, and where each shows its amounts: by filing and tag, as
    ``BS 12: Total assets``."""

    facts: CompanyFacts
    sic: str
    country: str
    fiscal_year_end: str
    shown: dict[str, dict[str, str]] = field(default_factory=dict)


def is_dataset(file: IO[bytes]) -> bool:
    """Whether a zip holds the four tables."""
    try:
        with zipfile.ZipFile(file) as archive:
            return {f"{table}.txt" for table in TABLES} <= set(archive.namelist())
    except zipfile.BadZipFile:
        return False
    finally:
        file.seek(0)


def read_dataset(file: IO[bytes]) -> list[DatasetCompany]:
    """The companies of a data set, in the order of their numbers. Raises NotEdgar."""
    try:
        with zipfile.ZipFile(file) as archive:
            missing = [t for t in TABLES if f"{t}.txt" not in archive.namelist()]
            if missing:
                raise NotEdgar(f"The zip lacks {', '.join(f'{t}.txt' for t in missing)}.")
            if sum(info.file_size for info in archive.infolist()) > MOST_BYTES:
                raise NotEdgar("The zip unpacks to more than any data set of the SEC.")
            return _companies(archive)
    except zipfile.BadZipFile as error:
        raise NotEdgar("The file is damaged: it is no zip.") from error
    except (KeyError, ValueError, InvalidOperation) as error:
        if isinstance(error, NotEdgar):
            raise
        raise NotEdgar(f"A table of the data set cannot be read: {error}.") from error


def _companies(archive: zipfile.ZipFile) -> list[DatasetCompany]:
    companies: dict[str, DatasetCompany] = {}
    filings: dict[str, Filing] = {}
    shown: dict[str, dict[str, str]] = {}
    for row in _rows(archive, "sub"):
        if row["form"] not in FORMS:
            continue
        cik = clean_cik(row["cik"])
        company = companies.get(cik)
        if company is None:
            company = companies[cik] = DatasetCompany(
                CompanyFacts(cik, row["name"], []), row["sic"], row["countryba"], row["fye"]
            )
        filing = filings[row["adsh"]] = Filing(row["adsh"], row["form"], _day(row["filed"]))
        company.facts.filings.append(filing)
        shown[filing.accession] = company.shown.setdefault(filing.accession, {})
    standard = _standard_tags(archive)
    for row in _rows(archive, "num"):
        if (found := filings.get(row["adsh"])) is not None and (fact := _fact(row, standard)) is not None:
            found.facts.append(fact)
    wanted = known_tags()
    for row in _rows(archive, "pre"):
        places = shown.get(row["adsh"])
        if places is not None and row["tag"] in wanted and row["inpth"] == "0":
            places.setdefault(row["tag"], f"{row['stmt']} {row['line']}: {row['plabel']}"[:120])
    for company in companies.values():
        company.facts.filings.sort(key=lambda filing: (filing.filed, filing.accession))
    return sorted(companies.values(), key=lambda company: int(company.facts.cik))


def _standard_tags(archive: zipfile.ZipFile) -> frozenset[tuple[str, str]]:
    """Tags of the standard taxonomies that hold an amount, with their release."""
    wanted = known_tags()
    return frozenset(
        (row["tag"], row["version"])
        for row in _rows(archive, "tag")
        if row["tag"] in wanted and row["custom"] == "0" and row["abstract"] == "0"
    )


def _fact(row: dict[str, str], standard: frozenset[tuple[str, str]]) -> Fact | None:
    """An amount of the whole company; None for one of a segment or a co-registrant."""
    if row["segments"] or row["coreg"] or not row["value"] or (row["tag"], row["version"]) not in standard:
        return None
    unit = row["uom"]
    if not (is_currency(unit) or unit == "shares"):
        return None
    taxonomy = row["version"].partition("/")[0]
    taxonomy = {"ifrs": "ifrs-full"}.get(taxonomy, taxonomy)
    end, quarters = _day(row["ddate"]), int(row["qtrs"])
    start = _months_before(end, 3 * quarters) if quarters else None
    return Fact(taxonomy, row["tag"], unit, start, end, Decimal(row["value"]))


def _months_before(end: date, months: int) -> date:
    """The first day of the period of so many months that ends on a day."""
    after = end + timedelta(days=1)
    index = after.year * 12 + after.month - 1 - months
    return date(index // 12, index % 12 + 1, 1)


def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:8]))


def _rows(archive: zipfile.ZipFile, table: str) -> Iterator[dict[str, str]]:
    with archive.open(f"{table}.txt") as raw:
        lines = io.TextIOWrapper(raw, encoding="utf-8", errors="replace", newline="")
        yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
