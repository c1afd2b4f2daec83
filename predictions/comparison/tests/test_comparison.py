"""Peers, side by side, sectors, ranking, migration and distribution over HTTP."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from accounts.permissions import Role
from companies.models import Company
from organizations.models import Organization
from predictions.comparison import history, peers
from predictions.comparison.metrics import METRICS, values_of
from predictions.models import Prediction
from predictions.selectors import in_reference
from tests.factories import CompanyFactory, PredictionFactory, ScoreFactory
from tests.fixtures import World
from tests.queries import asked


def head(owner, pd_=0.02, level="LOW", *, sector="Energy", assets=None, year=2024, company=None, **items):
    """A head whose score rests on a statement."""
    company = company or CompanyFactory(organization=owner, sector=sector)
    statement = {"total_assets": assets, **items} if assets else {}
    inputs = {"statement": statement} if statement else {"ratios": {"return_on_assets": 5.0}}
    return PredictionFactory(
        organization=owner, company=company, pd=pd_, risk_level=level, fiscal_year=year, scored__inputs=inputs
    )


@pytest.fixture
def energy(people: World):
    """Twelve small companies of one sector in alpha's first organization, return on assets 1 to 12 %."""
    with people.within("alpha", "one"):
        owner = Organization.objects.get()
        return [head(owner, n / 100, assets=5.0, net_income=n * 0.05) for n in range(1, 13)]


def get(client, path, **asked):
    answer = client.get(f"/api/v1/comparison/{path}", asked)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_ratios_are_those_of_the_engine():
    row = {"pd": 0.1, "statement": {"total_assets": 100.0, "net_income": 4.0, "total_liabilities": 60.0}}
    found = values_of(
        [{**row, "ratios": None}, {"pd": 0.2, "statement": None, "ratios": {"return_on_assets": 9.0}}]
    )
    assert found.keys() == METRICS.keys()
    assert found["return_on_assets"].tolist() == [4.0, 9.0]
    assert found["probability"].tolist() == [0.1, 0.2]
    assert np.isnan(found["net_income_margin"]).all()


def test_quartiles_and_percentile_worked_by_hand(people: World, energy):
    company = energy[8].company  # 9 %
    found = get(people.client(Role.VIEWER), "benchmark", company_id=company.id, reference=False)
    group = found["group"]
    assert (group["level"], group["size"], group["names"], group["own"]) == (
        "sector_and_size",
        "small",
        12,
        12,
    )
    by_name = {metric["name"]: metric for metric in found["metrics"]}
    ratio = by_name["return_on_assets"]
    values = np.arange(1, 13, dtype=float)
    assert [ratio["q1"], ratio["median"], ratio["q3"]] == pytest.approx(
        np.quantile(values, [0.25, 0.5, 0.75])
    )
    assert ratio["value"] == pytest.approx(9.0)
    assert ratio["percentile"] == pytest.approx(100 * 8.5 / 12)
    assert ratio["better_than"] == ratio["percentile"]  # risk falls with it
    assert by_name["probability"]["better_than"] == pytest.approx(100 - 100 * 8.5 / 12)
    assert by_name["net_income_margin"]["median"] is None  # no sales are known


def test_a_group_that_is_too_small_is_widened_and_says_so(people: World, energy):
    with people.within("alpha", "one"):
        owner = Organization.objects.get()
        giant = head(owner, assets=5000.0, net_income=100.0)
        lonely = head(owner, sector="Utilities", assets=5.0)
    client = people.client(Role.VIEWER)
    group = get(client, "benchmark", company_id=giant.company_id, reference=False)["group"]
    assert (group["level"], group["names"]) == ("sector", 13)
    assert group["passed"] == [{"level": "sector_and_size", "names": 1}]
    assert "Widened" in group["text"]
    group = get(client, "benchmark", company_id=lonely.company_id, reference=False)["group"]
    assert group["level"] == "all"
    assert [step["level"] for step in group["passed"]] == ["sector_and_size", "sector"]


def test_the_reference_is_one_source_and_followed_companies_count_once(people: World):
    with in_reference(reason="test"):
        owner = Organization.objects.first()
        followed = [head(owner, 0.05, sector="Utilities", assets=5.0) for _ in range(11)][0].company_id
    with people.within("alpha", "one"):
        one = Organization.objects.get()
        mine = head(one, 0.02, sector="Utilities", assets=5.0)
        follower = CompanyFactory(organization=one, sector="Utilities", reference_id=followed)
        head(one, 0.9, company=follower, assets=5.0)
    client = people.client(Role.VIEWER)
    group = get(client, "benchmark", company_id=mine.company_id)["group"]
    assert (group["own"], group["reference"], group["names"]) == (1, 11, 12)
    alone = get(client, "benchmark", company_id=mine.company_id, reference=False)["group"]
    assert (alone["own"], alone["reference"]) == (2 if alone["level"] != "all" else alone["own"], 0)
    with people.within("alpha", "one"):
        Organization.objects.update(allow_global_data_access=False)
    group = get(client, "benchmark", company_id=mine.company_id)["group"]
    assert group["reference"] == 0


def test_kept_figures_follow_changes_and_stay_in_their_place(people: World, energy):
    owner, admin = people.client(Role.OWNER), people.client(Role.TENANT_ADMIN)
    asked = {"sector": "energy", "size": "small", "reference": False}
    assert get(owner, "benchmark", **asked)["group"]["names"] == 12
    with people.within("alpha", "two"):
        for _ in range(3):
            head(Organization.objects.get(), 0.5, assets=5.0)
    assert get(owner, "benchmark", **asked)["group"]["names"] == 12
    assert get(admin, "benchmark", **asked)["group"]["names"] == 15
    assert get(people.client(Role.OWNER, "beta"), "benchmark", **asked)["group"]["level"] == "all"
    with people.within("alpha", "one"):
        Company.all_objects.filter(pk=energy[0].company_id).update(deleted_at=timezone.now())
    assert get(owner, "benchmark", **asked)["group"]["names"] == 11


def test_companies_stand_side_by_side(people: World, energy):
    with people.within("alpha", "one"):
        head(Organization.objects.get(), 0.5, "CRITICAL", company=energy[0].company, year=2023, assets=5.0)
        bare = CompanyFactory(organization=Organization.objects.get(), sector="Energy")
    ids = [energy[0].company_id, energy[5].company_id, bare.id]
    client = people.client(Role.VIEWER)
    with asked() as queries:
        found = get(client, "companies", ids=",".join(map(str, ids)))
    assert len(queries) < 20, queries
    assert [row["company_id"] for row in found["companies"]] == [str(i) for i in ids]
    assert [row["probability"] for row in found["companies"]] == [0.01, 0.06, None]
    assert found["companies"][0]["probability_before"] == 0.5
    roa = next(m for m in found["metrics"] if m["name"] == "return_on_assets")
    assert roa["values"] == pytest.approx([1.0, 6.0, None])
    assert (roa["best"], roa["worst"]) == (str(ids[1]), str(ids[0]))
    for wrong in (str(ids[0]), ",".join([str(ids[0])] * 2), "x,y"):
        assert client.get("/api/v1/comparison/companies", {"ids": wrong}).status_code == 400
    with people.within("alpha", "two"):
        foreign = Company.objects.first().id
    answer = client.get("/api/v1/comparison/companies", {"ids": f"{ids[0]},{foreign}"})
    assert answer.status_code == 404
    assert client.get("/api/v1/comparison/benchmark", {"company_id": foreign}).status_code == 404


def test_sectors_and_ranking(people: World, energy):
    client = people.client(Role.VIEWER)
    rows = {row["sector"]: row for row in get(client, "sectors", reference=False)["own"]}
    assert rows["Energy"]["names"] == 12
    assert rows["Energy"]["median_pd"] == pytest.approx(0.065)
    assert rows["Energy"]["mean_pd"] == pytest.approx(0.065)
    first = get(client, "ranking", sector="energy", size=5)
    assert [row["rank"] for row in first["items"]] == [1, 2, 3, 4, 5]
    assert [row["probability"] for row in first["items"]] == [0.12, 0.11, 0.1, 0.09, 0.08]
    assert first["total"] == 12
    assert get(client, "ranking", sector="energy", size=5, page=3)["items"][0]["rank"] == 11
    assert client.get("/api/v1/comparison/ranking?kind=daily").status_code == 400


def at(row, days, pd_, level):
    """A further score of a head, so many days ago."""
    return ScoreFactory(
        organization=row.organization, prediction=row, pd=pd_, risk_level=level,
        created_at=timezone.now() - timedelta(days=days),
    )  # fmt: skip


def test_migration_is_as_of_the_score_that_held_then(people: World):
    with people.within("alpha", "one"):
        owner = Organization.objects.get()
        Prediction.objects.all().delete()
        one, two, three = (head(owner, 0.01, "LOW") for _ in range(3))
        for row in (one, two):
            row.scores.all().delete()
        # Seen 100 days ago as LOW, 50 days ago as HIGH; today MEDIUM of a newer year.
        at(one, 100, 0.01, "LOW"), at(one, 50, 0.1, "HIGH")
        head(owner, 0.05, "MEDIUM", company=one.company, year=2025)
        at(two, 80, 0.2, "CRITICAL")
        Prediction.objects.filter(pk=two.pk).update(pd=0.2, risk_level="CRITICAL")  # as its score says
        assert three.current is not None  # scored today only
    client = people.client(Role.VIEWER)
    today = timezone.now().date()

    def between(first, second):
        return get(
            client,
            "migration",
            start=str(today - timedelta(days=first)),
            end=str(today - timedelta(days=second)),
        )

    early = between(90, 40)
    assert early["matrix"]["LOW"]["HIGH"] == 1
    assert early["matrix"]["NONE"]["CRITICAL"] == 1
    assert (early["names"], early["worse"], early["came"]) == (1, 1, 1)
    late = between(40, 0)
    assert late["matrix"]["HIGH"]["MEDIUM"] == 1
    assert late["matrix"]["CRITICAL"]["CRITICAL"] == 1
    assert (late["names"], late["better"], late["stayed"], late["came"]) == (2, 1, 1, 1)
    assert late["shares"]["HIGH"]["MEDIUM"] == 1.0
    # Past days are kept; a score of long ago changes them all the same.
    with people.within("alpha", "one"):
        at(two, 95, 0.04, "MEDIUM")
    assert between(90, 40)["matrix"]["MEDIUM"]["CRITICAL"] == 1
    wrong = client.get(f"/api/v1/comparison/migration?start={today}&end={today - timedelta(days=1)}")
    assert wrong.status_code == 400


def test_distribution_by_quarter_ends_today(people: World):
    with people.within("alpha", "one"):
        owner = Organization.objects.get()
        Prediction.objects.all().delete()
        row = head(owner, 0.3, "CRITICAL")
        at(row, 200, 0.01, "LOW")
    rows = get(people.client(Role.VIEWER), "distribution", quarters=5)["quarters"]
    assert len(rows) == 5
    assert rows[-1]["levels"]["CRITICAL"] == 1
    assert rows[-1]["day"] == str(timezone.now().date())
    assert rows[-2]["levels"]["LOW"] == 1
    assert rows[-2]["mean_pd"] == pytest.approx(0.01)
    assert rows[0]["names"] == 0
    days = [row["day"] for row in rows]
    assert days == sorted(days)


def test_ends_of_quarters():
    from datetime import date

    assert history.quarter_ends(4, date(2026, 2, 10)) == [
        date(2025, 6, 30), date(2025, 9, 30), date(2025, 12, 31), date(2026, 2, 10)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("assets", "size"),
    [(None, None), (0, None), (1.9, "micro"), (2, "small"), (43, "large"), (1e4, "very_large")],
)
def test_size_classes(assets, size):
    assert peers.size_class(assets) == size
