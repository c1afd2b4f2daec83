"""Scoring again: parts done once, earlier scores kept, asked twice and one run, taken up again."""

from dataclasses import replace
from uuid import uuid4

import pytest

from accounts.permissions import Role
from companies.lists.models import WatchlistEntry
from companies.models import Company
from companies.services import CompanyFacts
from predictions.models import Prediction, Score
from predictions.registry.selectors import active_model
from predictions.rescoring import services
from predictions.rescoring.models import RescorePart, RescoreRun
from predictions.services import statements
from predictions.services.scoring import Inputs, ScoreRequest, prediction_create
from predictions.tests.test_statement_scoring import ACTOR, drafts, head, record, score
from tests import factories

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/predictions/rescoring"


@pytest.fixture
def company(world):
    with world.within("alpha", "one"):
        organization = Company.objects.first().organization
        made = factories.CompanyFactory(organization=organization, symbol="AGAIN")
        record(made, drafts(made)[-2:])
        score(made)
        request = ScoreRequest(CompanyFacts("AGAIN"), 2015, None, Inputs(ratios={"return_on_assets": 2.0}))
        prediction_create(kind="annual", request=request, organization_id=made.organization_id, actor=ACTOR)
        return made


@pytest.fixture
def promoted(monkeypatch):
    """Another version scores now: the same engine under another name."""
    now = active_model()
    other = replace(now, id=uuid4(), sha256="f" * 64, version="next")
    for module in (services, statements):
        monkeypatch.setattr(module, "active_model", lambda: other)
    monkeypatch.setattr(services, "model_at", lambda _: other)
    return other


def carry_out(run_id):
    for part_id in RescorePart.objects.filter(run_id=run_id).values_list("id", flat=True):
        services.part_score(part_id=part_id, actor=ACTOR)


def test_a_new_version_scores_again_and_loses_nothing(world, company, promoted):
    with world.within("alpha", "one"):
        before = {p.id: p.current_id for p in Prediction.objects.filter(company=company)}
    answer = world.client(Role.ANALYST).post(ADDRESS, {"companies": [str(company.id)]}, format="json")
    assert answer.status_code == 202, answer.json()
    run = answer.json()["items"][0]
    assert (run["state"], run["companies"], run["progress_percentage"]) == ("processing", 1, 0)
    again = world.client(Role.OWNER).post(ADDRESS, {"companies": [str(company.id)]}, format="json")
    assert again.json()["items"][0]["id"] == run["id"]
    with world.within("alpha", "one"):
        carry_out(run["id"])
        carry_out(run["id"])
        heads = Prediction.objects.filter(company=company).select_related("current")
        assert {p.current.model_sha256 for p in heads} == {promoted.sha256}
        assert {p.current_id for p in heads}.isdisjoint(before.values())
        assert Score.objects.filter(prediction__company=company).count() == 2 * len(before) == 6
        assert head(company, 2015).current.inputs == {"ratios": {"return_on_assets": 2.0}}
        assert head(company, 2024).current.statement_id is not None
    shown = world.client(Role.VIEWER).get(f"{ADDRESS}/{run['id']}").json()
    assert (shown["state"], shown["progress_percentage"], shown["scored"]) == ("completed", 100, 3)
    ended = world.client(Role.OWNER).post(f"{ADDRESS}/{run['id']}/resume")
    assert (ended.status_code, ended.json()["code"]) == (409, "run_ended")


def test_a_part_given_up_stalls_the_run_and_is_taken_up_again(world, company, promoted):
    run = world.client(Role.OWNER).post(ADDRESS, {"companies": [str(company.id)]}, format="json").json()
    run_id = run["items"][0]["id"]
    with world.within("alpha", "one"):
        services.part_give_up(part_id=RescorePart.objects.get(run_id=run_id).id)
    assert world.client(Role.OWNER).get(f"{ADDRESS}/{run_id}").json()["state"] == "stalled"
    assert world.client(Role.OWNER).post(f"{ADDRESS}/{run_id}/resume").json()["state"] == "processing"
    with world.within("alpha", "one"):
        carry_out(run_id)
        assert RescoreRun.objects.get(id=run_id).finished_at is not None


def test_every_organization_is_a_run_each_and_a_foreign_company_none(world, company):
    runs = world.client(Role.TENANT_ADMIN).post(ADDRESS, {"every_organization": True}, format="json")
    assert len(runs.json()["items"]) >= 2, runs.json()
    foreign = world.client(Role.OWNER, "alpha", "two").post(
        ADDRESS, {"companies": [str(company.id)]}, format="json"
    )
    assert (foreign.status_code, foreign.json()["code"]) == (409, "nothing_to_score")


def test_the_companies_of_a_watchlist_are_scored_again_and_no_other(world, company, promoted):
    with world.within("alpha", "one"):
        place = company.organization
        other = factories.PredictionFactory(organization=place).company
        chosen = factories.WatchlistFactory(organization=place, name="Under review")
        WatchlistEntry.objects.create(organization_id=place.id, watchlist=chosen, company=company)
    asked = {"watchlist": str(chosen.id)}
    run = world.client(Role.ANALYST).post(ADDRESS, asked, format="json").json()["items"][0]
    assert (run["about"], run["companies"]) == ("Watchlist Under review", 1)
    with world.within("alpha", "one"):
        carry_out(run["id"])
        done = Score.objects.filter(model_sha256=promoted.sha256)
        assert set(done.values_list("prediction__company_id", flat=True)) == {company.id}
        assert Prediction.objects.filter(company=other).exists()
    stranger = world.client(Role.OWNER, tenant="beta", organization="one")
    assert stranger.post(ADDRESS, asked, format="json").status_code == 404
