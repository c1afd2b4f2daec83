"""The PD over time, stale scores, and the trail from a cell to a score and back."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.permissions import Role
from companies.models import Company, SourceKind
from predictions.history import direction_of
from predictions.models import Prediction, Score
from predictions.tests.test_statement_scoring import drafts, head, raised, record, score
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def company(world):
    with world.within("alpha", "one"):
        organization = Company.objects.first().organization
        return factories.CompanyFactory(organization=organization, symbol="HISTORY")


def history(client, company, **asked):
    answer = client.get(f"/api/v1/predictions/companies/{company.id}/pd-history", asked)
    assert answer.status_code == 200, answer.json()
    return answer.json()


def test_the_pd_from_year_to_year_with_reason_and_trend(world, company):
    with world.within("alpha", "one"):
        record(company, drafts(company))
        score(company)
        pds = [head(company, year).pd for year in range(2020, 2025)]
    told = history(world.client(Role.VIEWER), company)
    steps = told["steps"]
    assert [s["reporting_year"] for s in steps] == ["2020", "2021", "2022", "2023", "2024"]
    assert [s["probability"] for s in steps] == pytest.approx(pds)
    assert (steps[0]["change"], steps[0]["direction"]) == (None, "")
    for before, now in zip(steps, steps[1:], strict=False):
        assert now["change"] == pytest.approx(now["probability"] - before["probability"])
        assert now["direction"] == direction_of(before["probability"], now["probability"])
        assert now["reason"]
        assert len(now["components"]) == 3
    assert told["trend"]["periods"] == 5
    assert f"{pds[-1]:.2%}" in told["trend"]["text"]


def test_by_date_every_score_is_a_step(world, company):
    with world.within("alpha", "one"):
        rows = drafts(company)
        record(company, rows)
        score(company)
        record(company, [raised(rows[-1], "0.8")])
        score(company)
    by_date = history(world.client(Role.VIEWER), company, by="date", reasons="false")["steps"]
    assert len(by_date) == 6
    assert [s["reporting_year"] for s in by_date][-2:] == ["2024", "2024"]
    assert by_date[-1]["probability"] != by_date[-2]["probability"]
    assert len(history(world.client(Role.VIEWER), company)["steps"]) == 5


def test_a_small_move_is_none(settings):
    assert direction_of(0.1, 0.104) == "unchanged"
    assert direction_of(0.1, 0.106) == "up"
    assert direction_of(0.1, 0.05) == "down"
    settings.PD_UNCHANGED_BAND = 0.1
    assert direction_of(0.1, 0.106) == "unchanged"


def test_stale_scores_are_marked_and_found(world, company, settings):
    client = world.client(Role.OWNER)
    address = "/api/v1/predictions/annual"
    with world.within("alpha", "one"):
        rows = drafts(company)
        row = record(company, [*rows[:-1]])[-1]
        score(company)
        fresh = Prediction.objects.get(company=company, fiscal_year=2023)
        row.period_end = timezone.now().date() - timedelta(days=90)
        type(row).objects.filter(id=row.id).update(period_end=row.period_end)
    mine = {"symbol": "HISTORY"}
    by_year = {r["reporting_year"]: r for r in client.get(address, mine).json()["items"]}
    assert by_year["2023"]["stale_reasons"] == []
    assert by_year["2023"]["statement_id"] == str(row.id)
    assert by_year["2020"]["stale_reasons"] == ["old_statement"]
    with world.within("alpha", "one"):
        record(company, [raised(rows[-2], "0.9")])
    listed = client.get(address, {**mine, "stale_reason": "restated"}).json()["items"]
    assert [r["id"] for r in listed] == [str(fresh.id)]
    assert client.get(f"{address}/{fresh.id}").json()["stale_reasons"] == ["restated"]
    with world.within("alpha", "one"):
        Score.objects.filter(prediction__company=company).update(model_sha256="a" * 64)
    superseded = client.get(address, {**mine, "stale_reason": "model_superseded"}).json()["items"]
    assert len(superseded) == 4
    assert client.get(address, {**mine, "stale": "false"}).json()["items"] == []


def test_from_a_cell_to_the_score_and_back(world, company):
    """The golden trail: a figure in a sheet, its statement, the score that rests on it, and the way back."""
    cells = {"total_assets": "D12", "net_sales": "D20"}
    ref = {"file": "books.xlsx", "sheet": "Accounts", "row": 12, "cells": cells}
    with world.within("alpha", "one"):
        rows = drafts(company, source_kind=SourceKind.FILE, source_ref=ref)
        stored = record(company, rows)
        score(company)
    client = world.client(Role.VIEWER)
    asked = {"symbol": "HISTORY", "year": 2024}
    prediction = client.get("/api/v1/predictions/annual", asked).json()["items"][0]
    statement = client.get(f"/api/v1/statements/{prediction['statement_id']}").json()
    assert statement["source_ref"]["cells"]["total_assets"] == "D12"
    assert statement["amounts"]["total_assets"] == float(rows[-1].amounts["total_assets"])
    runs = client.get(f"/api/v1/predictions/annual/{prediction['id']}/scores").json()["items"]
    assert runs[0]["statement_id"] == statement["id"]
    assert runs[0]["history_ids"] == [str(s.id) for s in reversed(stored[:-1])]
    back = client.get("/api/v1/predictions/annual", {"statement": statement["id"]}).json()["items"]
    assert [row["id"] for row in back] == [prediction["id"]]
    with world.within("alpha", "one"):
        kept = Score.objects.get(id=runs[0]["id"]).inputs["statement"]
    assert kept["total_assets"] == statement["amounts"]["total_assets"]
    assert Decimal(str(kept["net_sales"])) == rows[-1].amounts["net_sales"]
