"""SEC EDGAR: statements of US-listed companies, over HTTP with the SEC's fair-use rules, or from files."""

from __future__ import annotations

import re
import tempfile
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings

from companies.connectors.base import (
    Batch,
    Connector,
    DefaultFound,
    FetchedDocument,
    Refused,
    StatementFound,
)
from companies.connectors.circuits import Circuit
from companies.connectors.edgar.datasets import DatasetCompany, is_dataset, read_dataset
from companies.connectors.edgar.facts import CompanyFacts, NotEdgar, parse_company_facts, parse_tickers
from companies.connectors.edgar.submissions import Entry, parse_submissions
from companies.connectors.edgar.versions import Refusal, Version, statements_of
from companies.connectors.errors import NotThere, SourceFailed, Unreadable
from companies.connectors.transport import HttpSource, Pace, TlsFiles
from companies.models import SYMBOL_PATTERN
from tenants.kernel.errors import InvalidInput

TICKERS, SUBMISSIONS, FACTS, DATASETS = "tickers", "submissions", "companyfacts", "datasets"
_CIK_FILE = re.compile(r"^CIK(\d{10})(-submissions-\d+)?\.json(\.gz)?$")
_QUARTER = re.compile(r"^20\d\dq[1-4]$")
# Companies of a data set that are written in one transaction.
_BATCH = 50
_EXACT = Decimal("0.000001")
MOST_COMPANIES = 20_000


class Documents(ABC):
    """Where EDGAR's documents come from: the SEC's hosts, or a folder."""

    @abstractmethod
    def fetch(self, done: Collection[str]) -> Iterator[FetchedDocument]:
        """Tickers first, then for each company its entry before its facts, then data sets."""


class EdgarConnector(Connector):
    """Company facts, submissions, tickers and data sets of the SEC."""

    code = "edgar"
    about = "Statements of companies that file with the US Securities and Exchange Commission."
    reference_only = True
    option_help: ClassVar[Mapping[str, str]] = {
        "ciks": "Central Index Keys of companies to follow.",
        "tickers": "Tickers of companies to follow.",
        "datasets": "Quarters of the Financial Statement Data Sets to take as a whole, such as 2024q4.",
    }

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._tickers: dict[str, list[tuple[str, str]]] = {}
        self._year_ends: dict[str, str] = {}

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        errors = [
            _fault(name, "unknown", "There is no such option.") for name in options.keys() - cls.option_help
        ]
        kept: dict[str, Any] = {}
        for name in cls.option_help:
            values = options.get(name) or []
            if not isinstance(values, list) or len(values) > MOST_COMPANIES:
                errors.append(_fault(name, "not_a_list", f"A list of at most {MOST_COMPANIES} texts."))
                continue
            cleaned = [str(value).strip() for value in values]
            wrong = [value for value in cleaned if not _fits(name, value)]
            if wrong:
                errors.append(_fault(name, "invalid", f"{wrong[0][:30]!r} is none."))
            kept[name] = sorted({value.lstrip("0") if name == "ciks" else value for value in cleaned})
        if not errors and not any(kept.values()):
            errors.append(_fault("ciks", "required", "Name companies or data sets to follow."))
        if errors:
            raise InvalidInput(errors=errors)
        return kept

    @classmethod
    def circuit_name(cls, schema: str, source_id: str) -> str:
        return "edgar"

    def fetch(self, *, done: Collection[str]) -> Iterator[FetchedDocument]:
        return self._documents.fetch(done)

    def always_reads(self, document: FetchedDocument) -> bool:
        return document.key == TICKERS

    def normalise(self, document: FetchedDocument) -> Iterator[Batch]:
        try:
            yield from self._batches(document)
        except NotEdgar as error:
            raise Unreadable(str(error)) from error

    def _batches(self, document: FetchedDocument) -> Iterator[Batch]:
        folder, _, name = document.key.partition("/")
        if folder == TICKERS:
            self._tickers = parse_tickers(document.read())
        elif folder == SUBMISSIONS:
            yield self._entry(parse_submissions(document.read(), filename=name))
        elif folder == FACTS:
            yield self._facts(parse_company_facts(document.read()))
        else:
            with document.open() as file:
                found = read_dataset(file)
            for start in range(0, len(found), _BATCH):
                batch = Batch(is_history=True)
                for company in found[start : start + _BATCH]:
                    self._dataset(batch, company)
                yield batch

    # -- documents to batches -----------------------------------------------------------------

    def _entry(self, entry: Entry) -> Batch:
        batch = Batch()
        if entry.name:
            self._year_ends[entry.cik] = entry.fiscal_year_end
            ticker = entry.tickers[0] if entry.tickers else ""
            batch.companies[entry.cik] = self._company(
                entry.cik,
                name=entry.name,
                ticker=ticker,
                exchange=entry.exchange,
                lei=entry.lei,
                country=entry.country,
                sic=entry.sic,
                fiscal_year_end=entry.fiscal_year_end,
            )
        if (event := entry.defaulted) is not None:
            batch.companies.setdefault(entry.cik, self._company(entry.cik))
            batch.defaults.append(DefaultFound(entry.cik, event.on, "bankruptcy", event.accession))
        return batch

    def _facts(self, facts: CompanyFacts) -> Batch:
        batch = Batch()
        self._statements(batch, facts, FACTS, usual_end=self._year_ends.get(facts.cik, ""), shown={})
        batch.companies[facts.cik] = self._company(
            facts.cik, name=facts.name, currency=batch.statements[-1].currency if batch.statements else ""
        )
        return batch

    def _dataset(self, batch: Batch, company: DatasetCompany) -> None:
        facts = company.facts
        batch.companies[facts.cik] = self._company(
            facts.cik,
            name=facts.name,
            sic=company.sic,
            country=company.country,
            fiscal_year_end=company.fiscal_year_end,
        )
        self._statements(batch, facts, DATASETS, usual_end=company.fiscal_year_end, shown=company.shown)

    def _company(self, cik: str, **said: str) -> dict[str, Any]:
        """What is said of a company; its symbol is the main ticker, or its number where it has none."""
        listed = self._tickers.get(cik, [])
        ticker = (said.get("ticker") or (listed[0][0] if listed else "")).upper()
        month = (said.pop("fiscal_year_end", "") or "")[:2]
        symbol = ticker if re.match(SYMBOL_PATTERN, ticker) else f"CIK{cik}"
        row: dict[str, Any] = {
            **said,
            "symbol": symbol,
            "cik": cik,
            "ticker": ticker,
            "name": said.get("name") or (listed[0][1] if listed else ""),
        }
        if month.isdigit() and 1 <= int(month) <= 12:
            row["fiscal_year_end"] = int(month)
        return {name: value for name, value in row.items() if value}

    def _statements(
        self,
        batch: Batch,
        facts: CompanyFacts,
        document: str,
        *,
        usual_end: str,
        shown: Mapping[str, Mapping[str, str]],
    ) -> None:
        read = statements_of(facts, usual_end=usual_end)
        batch.statements += [
            _statement(facts.cik, version, document, shown.get(version.accession, {}))
            for version in read.versions
        ]
        batch.refused += [_refused(facts.cik, refusal) for refusal in read.refusals]


def _statement(cik: str, version: Version, document: str, shown: Mapping[str, str]) -> StatementFound:
    items = version.items
    reference: dict[str, Any] = {
        "connector": "edgar",
        "document": document,
        "form": version.form,
        "tags": items.formulas,
        "derived": sorted(items.derived),
    }
    tags = {mark.tag for mark in items.marks}
    if places := {tag: place for tag, place in shown.items() if tag in tags}:
        reference["shown"] = places
    what = "less three quarters" if version.is_derived else "filed"
    return StatementFound(
        company=cik,
        kind=version.kind,
        fiscal_year=version.fiscal_year,
        fiscal_quarter=version.fiscal_quarter,
        amounts={name: value.quantize(_EXACT) for name, value in items.amounts.items()},
        currency=version.currency,
        document=document,
        period_end=version.period_end,
        months=version.months,
        form=version.form,
        source=f"SEC EDGAR, {version.form} {what} {version.filed}",
        source_ref=reference,
        filing_id=version.accession,
        filed_on=version.filed,
        is_derived=version.is_derived,
    )


def _refused(cik: str, refusal: Refusal) -> Refused:
    end = f", period to {refusal.period_end}" if refusal.period_end else ""
    where = f"CIK {cik}, {refusal.form} {refusal.accession} of {refusal.filed}{end}"
    return Refused(where, refusal.code, refusal.reason)


def _fault(option: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": f"/options/{option}", "code": code, "detail": detail}


def _fits(option: str, value: str) -> bool:
    if option == "ciks":
        return value.isdigit() and 0 < int(value) < 10**10
    if option == "datasets":
        return bool(_QUARTER.match(value))
    return bool(re.match(SYMBOL_PATTERN, value))


class SecDocuments(Documents):
    """The SEC's hosts. They ask for a user agent that says who we are, and for no more than ten requests a
    second; both hosts count together."""

    def __init__(self, options: Mapping[str, Any], *, circuit: Circuit) -> None:
        if not settings.EDGAR_USER_AGENT:
            raise SourceFailed(
                "The SEC wants to know who asks: set EDGAR_USER_AGENT to a name and an e-mail address."
            )
        tls = TlsFiles(settings.EDGAR_CA_FILE, settings.EDGAR_CLIENT_CERT, settings.EDGAR_CLIENT_KEY)
        headers = {"User-Agent": settings.EDGAR_USER_AGENT}
        pace = Pace("edgar", settings.EDGAR_REQUESTS_PER_SECOND)
        self._data, self._www = (
            HttpSource(base, circuit=circuit, headers=headers, pace=pace, tls=tls)
            for base in (settings.EDGAR_DATA_URL, settings.EDGAR_WWW_URL)
        )
        self._options = options

    def fetch(self, done: Collection[str]) -> Iterator[FetchedDocument]:
        tickers = self._www.get("/files/company_tickers.json")
        yield FetchedDocument(TICKERS, tickers)
        for cik in self._ciks(tickers):
            name = f"CIK{cik:0>10}.json"
            yield from self._document(f"{SUBMISSIONS}/{name}", f"/submissions/{name}", done)
            yield from self._document(f"{FACTS}/{name}", f"/api/xbrl/companyfacts/{name}", done)
        for quarter in self._options.get("datasets", []):
            key = f"{DATASETS}/{quarter}.zip"
            if key in done:
                continue
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"{quarter}.zip"
                try:
                    self._www.get(f"{settings.EDGAR_DATASETS_PATH}/{quarter}.zip", to=path)
                except NotThere:
                    continue
                yield FetchedDocument(key, path=path)

    def _document(self, key: str, path: str, done: Collection[str]) -> Iterator[FetchedDocument]:
        if key in done:
            return
        try:
            yield FetchedDocument(key, self._data.get(path))
        except NotThere:
            # Many filers report no XBRL facts, and a number may be given up.
            return

    def _ciks(self, tickers: bytes) -> list[str]:
        wanted = dict.fromkeys(self._options.get("ciks", []))
        names = {name.upper() for name in self._options.get("tickers", [])}
        if names:
            try:
                listed = parse_tickers(tickers)
            except NotEdgar as error:
                raise SourceFailed(f"The SEC's list of tickers cannot be read. {error}") from error
            for cik, rows in listed.items():
                if names & {ticker.upper() for ticker, _ in rows}:
                    wanted[cik] = None
        return list(wanted)


class LocalDocuments(Documents):
    """A folder, or one file of it: company facts, submissions and tickers as JSON (also packed with gzip),
    data sets as zips, and the SEC's own bulk zips of company facts and submissions."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def fetch(self, done: Collection[str]) -> Iterator[FetchedDocument]:
        files = (
            [self._path] if self._path.is_file() else sorted(p for p in self._path.rglob("*") if p.is_file())
        )
        entries: list[Path] = []
        facts: list[Path] = []
        zips: list[Path] = []
        for file in files:
            if file.name in {"company_tickers.json", "company_tickers.json.gz"}:
                yield FetchedDocument(TICKERS, path=file)
            elif _CIK_FILE.match(file.name):
                (facts if self._holds_facts(file) else entries).append(file)
            elif file.suffix == ".zip":
                zips.append(file)
        for folder, found in ((SUBMISSIONS, entries), (FACTS, facts)):
            for file in found:
                key = f"{folder}/{file.name.removesuffix('.gz')}"
                if key not in done:
                    yield FetchedDocument(key, path=file)
        for file in zips:
            yield from self._zip(file, done)

    def _holds_facts(self, file: Path) -> bool:
        return FACTS in file.parts

    def _zip(self, file: Path, done: Collection[str]) -> Iterator[FetchedDocument]:
        with file.open("rb") as opened:
            if is_dataset(opened):
                if (key := f"{DATASETS}/{file.name}") not in done:
                    yield FetchedDocument(key, path=file)
                return
        folder = FACTS if FACTS in file.stem else SUBMISSIONS
        with zipfile.ZipFile(file) as archive:
            for name in sorted(archive.namelist()):
                key = f"{folder}/{name}"
                if _CIK_FILE.match(name) and key not in done:
                    yield FetchedDocument(key, archive.read(name))
