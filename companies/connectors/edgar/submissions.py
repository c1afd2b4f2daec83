"""A company's entry and its list of filings: who it is, and whether it has told of a bankruptcy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from companies.connectors.edgar.facts import NotEdgar, clean_cik, read_json

BANKRUPTCY_ITEM = "1.03"
# Events of one bankruptcy follow each other: petition, plan, emergence. After so long it is another one.
_ONE_BANKRUPTCY = timedelta(days=3 * 365)
_CIK_IN_NAME = re.compile(r"CIK0*(\d{1,10})")
# EDGAR's exchanges as market identifier codes (ISO 10383); others stay as they are written.
_EXCHANGES = {"Nasdaq": "XNAS", "NYSE": "XNYS", "CBOE": "BATS"}
_STATES_TEXT = """
    AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND
    OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY PR X1
"""
_STATES = frozenset(_STATES_TEXT.split())


@dataclass(frozen=True, slots=True)
class Bankruptcy:
    """An 8-K that names item 1.03: bankruptcy or receivership."""

    on: date
    filed: date
    accession: str


@dataclass(slots=True)
class Entry:
    """What EDGAR says of a company. Empty where it says nothing, and in a continuation of the list."""

    cik: str
    name: str = ""
    sic: str = ""
    tickers: tuple[str, ...] = ()
    exchange: str = ""
    lei: str = ""
    country: str = ""
    fiscal_year_end: str = ""
    bankruptcies: list[Bankruptcy] = field(default_factory=list)
    more_files: tuple[str, ...] = ()

    @property
    def defaulted(self) -> Bankruptcy | None:
        """The event that began the latest bankruptcy."""
        ordered = sorted(self.bankruptcies, key=lambda event: event.on)
        if not ordered:
            return None
        first = ordered[0]
        for earlier, event in zip(ordered, ordered[1:], strict=False):
            if event.on - earlier.on > _ONE_BANKRUPTCY:
                first = event
        return first


def parse_submissions(content: bytes, *, filename: str = "") -> Entry:
    """Read ``submissions/CIK##########.json``, or a continuation of its list, which names the company in its
    file name only. Raises NotEdgar."""
    document = read_json(content)
    if not isinstance(document, dict):
        raise NotEdgar("The file is no list of filings.")
    if "filings" not in document:
        named = _CIK_IN_NAME.search(filename)
        if "accessionNumber" not in document or named is None:
            raise NotEdgar("The file is no list of filings of a company.")
        return Entry(cik=clean_cik(named[1]), bankruptcies=_bankruptcies(document))
    filings = document["filings"] or {}
    return Entry(
        cik=clean_cik(document.get("cik")),
        name=str(document.get("name") or ""),
        sic=str(document.get("sic") or ""),
        tickers=tuple(str(ticker) for ticker in document.get("tickers") or ()),
        exchange=_exchange(document.get("exchanges") or ()),
        lei=str(document.get("lei") or ""),
        country=_country(document),
        fiscal_year_end=str(document.get("fiscalYearEnd") or ""),
        bankruptcies=_bankruptcies(filings.get("recent") or {}),
        more_files=tuple(str(file["name"]) for file in filings.get("files") or ()),
    )


def _exchange(names: Sequence[str | None]) -> str:
    first = next((name for name in names if name), "")
    return _EXCHANGES.get(first, first)


def _country(document: Mapping[str, Any]) -> str:
    """ISO 3166 where the entry says it: a state of the US, or a country code of the address."""
    address = (document.get("addresses") or {}).get("business") or {}
    if code := str(address.get("countryCode") or ""):
        return code if len(code) == 2 and code.isalpha() else ""
    if address.get("isForeignLocation"):
        return ""
    return "US" if address.get("stateOrCountry") in _STATES else ""


def _bankruptcies(rows: Mapping[str, Any]) -> list[Bankruptcy]:
    columns = [
        rows.get(name) or [] for name in ("form", "items", "reportDate", "filingDate", "accessionNumber")
    ]
    found = []
    for form, items, reported, filed, accession in zip(*columns, strict=False):
        if not str(form).startswith("8-K") or BANKRUPTCY_ITEM not in str(items or "").split(","):
            continue
        try:
            filed_on = date.fromisoformat(filed)
            found.append(
                Bankruptcy(date.fromisoformat(reported) if reported else filed_on, filed_on, accession)
            )
        except ValueError as error:
            raise NotEdgar("A filing in the list has no date.") from error
    return found
