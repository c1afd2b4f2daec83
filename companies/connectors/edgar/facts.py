"""Facts as the SEC publishes them, and the filings that state them."""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from companies.connectors.edgar.tags import FORMS, known_tags

# No document of EDGAR about one company comes near it unpacked.
MOST_BYTES = 400 * 1024 * 1024
TAXONOMIES = ("us-gaap", "ifrs-full", "dei")


class NotEdgar(ValueError):
    """A document that is not what it was taken for; the message is a sentence for the report."""


class Fact(NamedTuple):
    """One amount in one filing. ``start`` is None for an amount at a day."""

    taxonomy: str
    tag: str
    unit: str
    start: date | None
    end: date
    value: Decimal


@dataclass(slots=True)
class Filing:
    """One filing with its facts."""

    accession: str
    form: str
    filed: date
    facts: list[Fact] = field(default_factory=list)

    @property
    def is_ifrs(self) -> bool:
        """Whether its balance sheet follows IFRS."""
        return any(fact.taxonomy == "ifrs-full" and fact.tag == "Assets" for fact in self.facts)

    @property
    def currency(self) -> str:
        """The currency of its balance sheet: the one with most amounts at a day, so that a translation for
        the reader's convenience does not pass for the books."""
        counted = Counter(fact.unit for fact in self.facts if fact.start is None and is_currency(fact.unit))
        counted = counted or Counter(fact.unit for fact in self.facts if is_currency(fact.unit))
        return min(counted, key=lambda unit: (-counted[unit], unit)) if counted else ""


@dataclass(slots=True)
class CompanyFacts:
    """What EDGAR holds of one company, filings in the order in which they came."""

    cik: str
    name: str
    filings: list[Filing]


def is_currency(unit: str) -> bool:
    return len(unit) == 3 and unit.isalpha() and unit.isupper()


def unpacked(content: bytes) -> bytes:
    """The document itself, unpacked where it came as gzip. Raises NotEdgar."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
        plain = inflater.decompress(content, MOST_BYTES)
    except (zlib.error, gzip.BadGzipFile) as error:
        raise NotEdgar("The file is damaged: it cannot be unpacked.") from error
    if inflater.unconsumed_tail or not inflater.eof:
        raise NotEdgar("The file is cut off, or larger than any document of EDGAR.")
    return plain


def read_json(content: bytes) -> Any:
    """The document as Python values, with exact decimals. Raises NotEdgar."""
    try:
        return json.loads(unpacked(content), parse_float=Decimal)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise NotEdgar("The file is no JSON.") from error


def clean_cik(value: Any) -> str:
    """The Central Index Key without zeros in front. Raises NotEdgar."""
    text = str(value).strip().lstrip("0")
    if not text.isdigit() or len(text) > 10:
        raise NotEdgar("The document names no Central Index Key (CIK).")
    return text


def parse_company_facts(content: bytes) -> CompanyFacts:
    """Read a document of ``/api/xbrl/companyfacts/``. Raises NotEdgar.

    Only forms and tags that become statements are kept. A fact that a filing repeats is kept once.
    """
    document = read_json(content)
    if not isinstance(document, dict) or not isinstance(document.get("facts"), dict):
        raise NotEdgar("The file is no document of company facts.")
    filings: dict[str, Filing] = {}
    seen: set[tuple[str, Fact]] = set()
    for accession, form, filed, fact in _entries(document["facts"]):
        if (accession, fact) in seen:
            continue
        seen.add((accession, fact))
        filings.setdefault(accession, Filing(accession, form, filed)).facts.append(fact)
    ordered = sorted(filings.values(), key=lambda filing: (filing.filed, filing.accession))
    return CompanyFacts(clean_cik(document.get("cik")), str(document.get("entityName") or ""), ordered)


def _entries(facts: Mapping[str, Any]) -> Iterator[tuple[str, str, date, Fact]]:
    wanted = known_tags()
    for taxonomy in TAXONOMIES:
        for tag, concept in (facts.get(taxonomy) or {}).items():
            if tag not in wanted:
                continue
            for unit, rows in (concept.get("units") or {}).items():
                if not (is_currency(unit) or unit == "shares"):
                    continue
                for row in rows:
                    if row.get("form") not in FORMS:
                        continue
                    yield row["accn"], row["form"], _day(row["filed"]), _fact(taxonomy, tag, unit, row)


def _fact(taxonomy: str, tag: str, unit: str, row: Mapping[str, Any]) -> Fact:
    start = _day(row["start"]) if row.get("start") else None
    return Fact(taxonomy, tag, unit, start, _day(row["end"]), Decimal(row["val"]))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        raise NotEdgar(f"{text!r} is no date.") from None


def parse_tickers(content: bytes) -> dict[str, list[tuple[str, str]]]:
    """Ticker and name by CIK out of ``company_tickers.json``, the main ticker first. Raises NotEdgar."""
    document = read_json(content)
    rows: Iterable[Any] = document.values() if isinstance(document, dict) else document
    found: dict[str, list[tuple[str, str]]] = {}
    try:
        for row in rows:
            found.setdefault(clean_cik(row["cik_str"]), []).append((str(row["ticker"]), str(row["title"])))
    except (KeyError, TypeError) as error:
        raise NotEdgar("The file is no list of tickers.") from error
    return found
