"""The engine is not asked twice for the same inputs, and nobody learns what others have asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.core.cache import caches
from redis.exceptions import RedisError

from companies.services import CompanyFacts
from predictions.registry.selectors import ActiveModel, active_model
from predictions.services.scoring import Inputs, ScoreDraft, ScoreRequest, score_requests
from tenants.kernel.ids import uuid7
from tests.fixtures import World


class Counted:
    """An engine that counts the rows it is asked for."""

    def __init__(self, model: ActiveModel) -> None:
        self._engine = model.engine
        self.rows = 0

    def score(self, frame, **options):
        self.rows += len(frame)
        return self._engine.score(frame, **options)


@pytest.fixture
def counted(people: World):
    with people.within("alpha", "one"):
        # A version of its own, so that no other test's scores are found.
        found = replace(active_model(), id=uuid7())
    return replace(found, engine=Counted(found))  # type: ignore[arg-type]


def request(roa: float = 4.25, *, year: int = 2024, **more) -> ScoreRequest:
    ratios = {"return_on_assets": roa, "total_debt_to_ebitda": 2.5, **more}
    return ScoreRequest(CompanyFacts("KEPT"), year, None, Inputs(ratios=ratios))


def asked(model: ActiveModel, *requests: ScoreRequest, drivers: int = 5) -> tuple[int, list[ScoreDraft]]:
    before = model.engine.rows  # type: ignore[attr-defined]
    drafts = score_requests("annual", requests, model=model, drivers=drivers)
    return model.engine.rows - before, drafts  # type: ignore[attr-defined]


def test_the_same_inputs_are_computed_once(people: World, counted):
    with people.within("alpha", "one"):
        rows, first = asked(counted, request())
        again, second = asked(counted, request())
        assert (rows, again) == (1, 0)
        assert first == second
        assert first[0].drivers


def test_only_what_is_not_known_is_computed_and_each_gets_its_own(people: World, counted):
    with people.within("alpha", "one"):
        asked(counted, request(1.0))
        rows, mixed = asked(counted, request(-30.0), request(1.0), request(30.0))
        assert rows == 2
        alone = [asked(replace(counted, id=uuid7()), request(roa))[1][0] for roa in (-30.0, 1.0, 30.0)]
        assert [draft.pd for draft in mixed] == pytest.approx([draft.pd for draft in alone], rel=1e-12)
        assert [draft.request.inputs.ratios["return_on_assets"] for draft in mixed] == [-30.0, 1.0, 30.0]


@pytest.mark.parametrize(
    "other",
    [request(4.25000000000001), request(year=2023), request(interest=1.0)],
    ids=["last digit", "age", "another input"],
)
def test_whatever_differs_is_computed(people: World, counted, other: ScoreRequest):
    with people.within("alpha", "one"):
        asked(counted, request())
        assert asked(counted, other)[0] == 1
        assert asked(replace(counted, id=uuid7()), request())[0] == 1
        assert asked(counted, request(), drivers=3)[0] == 1


def test_nobody_finds_what_others_have_asked(people: World, counted):
    with people.within("alpha", "one"):
        asked(counted, request())
    for tenant, organization in (("alpha", "two"), ("beta", "one")):
        with people.within(tenant, organization):
            assert asked(counted, request())[0] == 1


def test_the_floor_of_today_holds_for_a_score_of_yesterday(people: World, counted, settings):
    with people.within("alpha", "one"):
        low = asked(counted, request())[1][0]
        settings.PD_FLOOR = 0.5
        rows, floored = asked(counted, request())
        assert (rows, floored[0].pd, floored[0].pd_raw) == (0, 0.5, low.pd_raw)
        assert floored[0].risk_level != low.risk_level


def test_without_redis_it_is_computed(people: World, counted, monkeypatch):
    def away(*_, **__):
        raise RedisError("away")

    with people.within("alpha", "one"):
        monkeypatch.setattr(caches["default"], "get_many", away)
        assert asked(counted, request())[0] == 1
        assert asked(counted, request())[0] == 1


def test_sets_without_drivers_are_not_looked_up(people: World, counted):
    with people.within("alpha", "one"):
        assert [asked(counted, request(), drivers=0)[0] for _ in range(2)] == [1, 1]
