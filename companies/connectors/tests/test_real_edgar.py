"""Real files of the SEC, where they are at hand: never part of the repository."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from companies.connectors.edgar.facts import parse_company_facts
from companies.connectors.edgar.versions import statements_of
from companies.connectors.local import in_reference_books, load_files
from companies.connectors.models import RunState
from companies.connectors.reporting import beside
from companies.models import Company, Statement
from config.env import ROOT
from tenants.kernel.request import SYSTEM

FILES = ROOT.parent / "shared" / "data" / "edgar"
pytestmark = pytest.mark.skipif(not FILES.is_dir(), reason="the SEC's sample files are not on this machine")

# As the filings' own cover pages and statements say: total assets, revenue, net income in USD millions.
APPLE = {
    2025: (359_241, 416_161, 112_010),
    2024: (364_980, 391_035, 93_736),
    2023: (352_583, 383_285, 96_995),
    2022: (352_755, 394_328, 99_803),
    2021: (351_002, 365_817, 94_680),
}


def test_apples_quarters_add_up_to_its_years():
    content = (FILES / "companyfacts" / "CIK0000320193.json.gz").read_bytes()
    latest = {
        (v.kind, v.fiscal_year, v.fiscal_quarter): v.items.amounts
        for v in statements_of(parse_company_facts(content)).versions
    }
    for year in APPLE:
        for item in ("net_sales", "net_income", "operating_cash_flow", "capex"):
            quarters = sum(latest["quarterly", year, quarter][item] for quarter in (1, 2, 3, 4))
            assert quarters == latest["annual", year, None][item], (year, item)


def test_the_folder_as_a_whole(people):
    with in_reference_books(reason="test"):
        run = load_files(FILES, actor=SYSTEM)
        assert run.state == RunState.DONE
        assert Company.objects.count() > 400
        years = Statement.objects.filter(company__symbol="AAPL", kind="annual", current=True)
        found = {
            year: tuple(int(value) for value in values)
            for year, *values in years.values_list("fiscal_year", "total_assets", "net_sales", "net_income")
        }
        assert {year: found[year] for year in APPLE} == APPLE
        told = list(beside(FILES, "320193"))
        assert len([line for line in told if line.endswith("equal")]) == 15
        # A filer under IFRS, in a 20-F.
        foreign = Statement.objects.get(company__cik="1997711", kind="annual", fiscal_year=2024, current=True)
        assert (foreign.source_ref["form"], foreign.currency) == ("20-F", "USD")
        assert foreign.total_assets == Decimal("607.019578")
        assert foreign.net_income == Decimal("-29.285428")
        wolf = Company.objects.get(symbol="WOLF")
        assert (wolf.state, wolf.defaulted_on) == ("defaulted", date(2025, 6, 30))
        before = set(Statement.objects.values_list("id", "content_hash", "current"))
        again = load_files(FILES, actor=SYSTEM)
        assert (again.new, again.restated, again.companies_new, again.companies_changed) == (0, 0, 0, 0)
        assert set(Statement.objects.values_list("id", "content_hash", "current")) == before
