"""PDs of real companies out of real filings, where the SEC's sample files are at hand."""

from __future__ import annotations

import pytest

from companies.connectors.local import in_reference_books, load_files
from config.env import ROOT
from predictions.models import Prediction, RiskLevel
from predictions.services.statements import statements_score
from tenants.kernel.request import SYSTEM

FACTS = ROOT.parent / "shared" / "data" / "edgar" / "companyfacts"
pytestmark = pytest.mark.skipif(not FACTS.is_dir(), reason="the SEC's sample files are not on this machine")


@pytest.mark.parametrize("cik", ["0000320193", "0001045810"])  # Apple, NVIDIA
def test_the_latest_year_of_a_strong_company_is_of_low_risk(people, cik):
    with in_reference_books(reason="test") as place:
        load_files(FACTS / f"CIK{cik}.json.gz", actor=SYSTEM)
        assert statements_score(organization_id=place.id, actor=SYSTEM) > 20
        rows = Prediction.objects.filter(kind="annual").select_related("current").order_by("-fiscal_year")
        latest = rows[:3]
        assert [row.risk_level for row in latest] == [RiskLevel.LOW] * 3, [row.pd for row in latest]
