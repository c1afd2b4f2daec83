"""EDGAR's files into the reference tenant: one effect however often, versions in order, refusals told."""

from __future__ import annotations

import gzip
from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from companies.connectors.local import SOURCE, in_reference_books, load_files
from companies.connectors.models import Document, Run, RunState, Source
from companies.connectors.tests import filings
from companies.connectors.tests.filings import Facts
from companies.models import Basis, Company, SourceKind, Statement
from tenants.kernel.request import SYSTEM


@pytest.fixture
def books(people):
    with in_reference_books(reason="test"):
        yield


class Folder:
    """A folder of EDGAR's files that a test fills."""

    def __init__(self, path):
        self.path = path

    def put(self, name, content):
        file = self.path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)


@pytest.fixture
def files(tmp_path):
    made = Folder(tmp_path)
    facts = filings.year_with_quarters().dump()
    made.put(f"companyfacts/CIK{filings.CIK:0>10}.json.gz", gzip.compress(facts))
    made.put(f"submissions/CIK{filings.CIK:0>10}.json", filings.entry())
    made.put("company_tickers.json", filings.tickers(c9990001="SMPL", c9990002="LSTD"))
    made.put("2009q3.zip", filings.dataset())
    return made


def counts(run):
    return (run.fetched, run.new, run.restated, run.unchanged, run.refused)


def test_a_folder_becomes_companies_and_statements(books, files):
    run = load_files(files.path, actor=SYSTEM)
    assert (run.state, counts(run), run.documents) == (RunState.DONE, (6, 6, 0, 0, 0), 4)
    assert run.by_form == {"10-K": 2, "10-Q": 4}
    company = Company.objects.get(cik=filings.CIK)
    assert (company.symbol, company.name, company.exchange) == ("SMPL", "Sample Works Inc.", "XNAS")
    assert (company.country, company.fiscal_year_end, company.sector) == ("US", 12, "Technology")
    # A company of a data set has today's ticker by its number.
    assert Company.objects.get(cik="9990002").symbol == "LSTD"
    year = Statement.objects.get(company=company, kind="annual")
    assert (year.total_assets, year.net_sales, year.currency) == (Decimal(110), Decimal(100), "USD")
    assert (year.filing_id, year.filed_on) == ("0000000000-24-000001", date(2024, 2, 15))
    assert (year.period_end, year.months, year.source_kind) == (date(2023, 12, 31), 12, SourceKind.CONNECTOR)
    assert year.source == "SEC EDGAR, 10-K filed 2024-02-15"
    assert year.source_ref["tags"]["net_sales"].startswith("Revenues|")
    fourth = Statement.objects.get(company=company, kind="quarterly", fiscal_quarter=4)
    assert (fourth.net_sales, fourth.source_kind) == (Decimal(40), SourceKind.DERIVED)


def test_the_same_load_again_changes_nothing_and_reads_nothing(books, files):
    load_files(files.path, actor=SYSTEM)
    before = list(Statement.objects.order_by("id").values())
    companies = list(Company.objects.order_by("id").values())
    again = load_files(files.path, actor=SYSTEM)
    assert (counts(again), again.documents, again.documents_unchanged) == ((0, 0, 0, 0, 0), 4, 4)
    assert list(Statement.objects.order_by("id").values()) == before
    assert list(Company.objects.order_by("id").values()) == companies


def test_the_same_filings_read_again_change_nothing(books, files):
    """The content of a document may differ while its filings do not: they are known by number and content."""
    load_files(files.path, actor=SYSTEM)
    Document.objects.all().delete()
    again = load_files(files.path, actor=SYSTEM)
    assert counts(again) == (6, 0, 0, 6, 0)
    assert (again.companies_new, again.companies_changed) == (0, 0)
    assert set(Statement.objects.values_list("version", flat=True)) == {1}


def amended():
    facts = filings.year_with_quarters().file("0000000000-24-000009", "10-K/A", "2024-06-01")
    return facts.balance("2023-12-31", assets=110).income("2023-01-01", "2023-12-31", sales=100, profit=7)


def test_an_amendment_makes_a_version_that_names_its_filing(books, files):
    load_files(files.path, actor=SYSTEM)
    files.put(f"companyfacts/CIK{filings.CIK:0>10}.json.gz", amended().dump())
    run = load_files(files.path, actor=SYSTEM)
    # The year, and the fourth quarter that follows from it.
    assert counts(run) == (7, 0, 2, 5, 0) or counts(run) == (7, 0, 1, 6, 0)
    first, second = Statement.objects.filter(kind="annual", company__cik=filings.CIK).order_by("version")
    assert (first.net_income, first.current, first.basis) == (Decimal(9), False, Basis.REPORTED)
    assert (second.net_income, second.current, second.basis) == (Decimal(7), True, Basis.RESTATED)
    assert (second.filing_id, second.filed_on) == ("0000000000-24-000009", date(2024, 6, 1))
    assert run.by_form["10-K/A"] == run.restated


def test_an_older_filing_never_takes_the_place_of_a_newer(books, files):
    files.put(f"companyfacts/CIK{filings.CIK:0>10}.json.gz", amended().dump())
    load_files(files.path, actor=SYSTEM)
    files.put(f"companyfacts/CIK{filings.CIK:0>10}.json.gz", filings.year_with_quarters().dump())
    run = load_files(files.path, actor=SYSTEM)
    assert (run.new, run.restated) == (0, 0)
    assert Statement.objects.get(kind="annual", company__cik=filings.CIK, current=True).net_income == 7


def test_an_8k_of_a_bankruptcy_marks_the_company(books, files):
    load_files(files.path, actor=SYSTEM)
    days = [date(2025, 9, 8), date(2025, 6, 30)]
    files.put(f"submissions/CIK{filings.CIK:0>10}.json", filings.entry(bankrupt_on=days))
    load_files(files.path, actor=SYSTEM)
    company = Company.objects.get(cik=filings.CIK)
    assert (company.state, company.defaulted_on) == ("defaulted", date(2025, 6, 30))
    assert company.default_kind == "bankruptcy"


def test_what_cannot_be_taken_is_told_and_stops_nothing(books, files):
    files.put("companyfacts/CIK0009990003.json", b"{ no JSON")
    # Total assets and the other side are far apart: the quality gate refuses it.
    off = Facts("9990004", "Off Balance Corp").file("off", "10-K", "2024-02-01")
    off.balance("2023-12-31", assets=100, liabilities=60, StockholdersEquity=5)
    off.income("2023-01-01", "2023-12-31", 50, 5)
    files.put("companyfacts/CIK0009990004.json", off.dump())
    run = load_files(files.path, actor=SYSTEM)
    assert (run.state, run.new, run.refused) == (RunState.DONE, 6, 2)
    told = {refusal["where"]: (refusal["code"], refusal["reason"]) for refusal in run.refusals}
    assert told["companyfacts/CIK0009990003.json"] == ("unreadable", "The file is no JSON.")
    [(where, (code, _))] = [item for item in told.items() if item[0].startswith("9990004")]
    assert code == "balance_off"
    assert "2023" in where


def test_a_ticker_that_went_to_another_company(books, files):
    load_files(files.path, actor=SYSTEM)
    files.put("submissions/CIK0009990007.json", filings.entry("9990007", "New Holder Inc.", "SMPL"))
    load_files(files.path, actor=SYSTEM)
    assert Company.objects.get(symbol="SMPL").cik == filings.CIK
    assert Company.objects.get(cik="9990007").symbol == "CIK9990007"


def test_old_names_of_data_sets_do_not_replace_new_ones(books, files):
    files.put("2009q3.zip", filings.dataset(filings.CIK, "SAMPLE HORSE CARTS"))
    load_files(files.path, actor=SYSTEM)
    assert Company.objects.get(cik=filings.CIK).name == "Sample Works Inc."


def test_the_command_tells_what_it_did(people, files):
    told = StringIO()
    call_command("load_edgar", files.path, report=True, beside=filings.CIK, stdout=told)
    text = told.getvalue()
    assert "Statements: 6 fetched: 6 new, 0 restated, 0 unchanged. Refused: 0." in text
    assert "SMPL Sample Works Inc.: 6 periods" in text
    assert text.count("equal") == 3
    with in_reference_books(reason="test"):
        run = Run.objects.get()
        assert (run.trigger, run.state) == ("command", RunState.DONE)
        assert Source.objects.get().name == SOURCE


def test_the_command_names_what_is_missing(people, tmp_path):
    with pytest.raises(CommandError, match="There is no"):
        call_command("load_edgar", tmp_path / "nowhere")
    with pytest.raises(CommandError, match="Name a folder"):
        call_command("load_edgar")
