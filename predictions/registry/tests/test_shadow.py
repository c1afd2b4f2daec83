"""The challenger's shadow, and jobs that end on the version they began with."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest
from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.permissions import Role
from organizations.models import Organization
from predictions import shadowing
from predictions.models import Prediction, Score, ScoringJob, ShadowScore
from predictions.registry import selectors, services
from predictions.registry.models import ShadowComparison
from predictions.services import chunks, cutting, shadow
from predictions.services.scoring import storing
from tenants.kernel.context import in_public
from tenants.kernel.request import SYSTEM
from tests import factories

BODY = {"company_symbol": "SHADE", "company_name": "Shade", "reporting_year": "2024", "return_on_assets": 2.0,
        "long_term_debt_to_total_capital": 40.0}  # fmt: skip
FILE = b"company_symbol,company_name,reporting_year,return_on_assets\nPINA,A,2024,4\nPINB,B,2024,-9\n"


@pytest.fixture
def sent(monkeypatch):
    """Names and arguments of the tasks that were asked for, instead of the queue."""
    found = []
    monkeypatch.setattr(storing, "enqueue", lambda name, **rest: found.append((name, rest)))
    return found


def create(people):
    answer = people.client(Role.OWNER).post("/api/v1/predictions/annual", BODY)
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_without_a_challenger_nothing_is_asked(people, versions, sent):
    create(people)
    assert sent == []


def test_the_challenger_scores_later_and_apart(people, versions, sent):
    services.model_challenge(version_id=versions[0].id, reason="x", actor=SYSTEM)
    selectors.forget()
    body = create(people)
    ((name, asked),) = sent
    assert (name, asked["queue"], asked["priority"], asked["robust"]) == (
        "predictions.score_shadow",
        "score",
        9,
        True,
    )
    with people.within("alpha", "one"):
        first, last = (UUID(asked[end]) for end in ("first", "last"))
        assert shadow.scores_shadow(first=first, last=last) == 1
        assert shadow.scores_shadow(first=first, last=last) == 1  # again, and still one row
        row = ShadowScore.objects.get(score_id=first)
        score = Score.objects.get(id=first)
    assert (row.model_version_id, row.model_sha256) == (versions[0].id, versions[0].sha256)
    assert row.pd == pytest.approx(score.pd_raw, rel=1e-9)  # the challenger here is the champion renamed
    assert score.model_sha256 == body["model_sha256"] != versions[0].sha256


def test_the_comparison_counts_agreement_ranks_and_migration(people, versions, sent):
    services.model_challenge(version_id=versions[0].id, reason="x", actor=SYSTEM)
    selectors.forget()
    create(people)
    with people.within("alpha", "one"):
        scores = list(Score.objects.order_by("-id")[:1])
        shadow.scores_shadow(first=scores[0].id, last=scores[0].id)
    used = selectors.in_use()
    assert shadowing.count(people.tenants["alpha"], used.champion, used.challenger) == 1
    answer = people.client(Role.SUPER_ADMIN).get(f"/api/v1/models/{versions[0].id}/comparison").json()
    assert (answer["scores"], answer["tenants"], answer["agreement"]) == (1, 1, 1.0)
    assert answer["mean_pd"]["champion"] == pytest.approx(answer["mean_pd"]["challenger"])
    with in_public():
        counts = ShadowComparison.objects.get().counts
    assert set(counts) == {"grid", "levels", "sums", "realised"}  # no row, no name
    assert answer["outcomes"] is None  # nothing came true yet


def test_what_came_true_is_held_against_both(people, versions, sent):
    """Of thirty companies seven failed: the challenger ranks them above the rest, the champion none."""
    services.model_challenge(version_id=versions[0].id, reason="x", actor=SYSTEM)
    selectors.forget()
    used = selectors.in_use()
    with people.within("alpha", "one"):
        owner = Organization.objects.get(id=people.organizations["alpha", "one"])
        for number in range(30):
            failed = number < 7
            company = factories.CompanyFactory(organization=owner, symbol=f"TRUE{number}")
            for year in (2019, 2020, timezone.now().year):
                head = factories.PredictionFactory(
                    organization=owner,
                    company=company,
                    fiscal_year=year,
                    pd=0.01,
                    scored__model_version_id=used.champion.id,
                )
                ShadowScore.objects.create(
                    organization=owner,
                    score=head.current,
                    model_version_id=used.challenger.id,
                    model_sha256="0" * 64,
                    pd=0.2 if failed else 0.002,
                    risk_level="LOW",
                )
            if failed:
                factories.OutcomeFactory(organization=owner, company=company, occurred_on=date(2021, 5, 1))
    shadowing.count(people.tenants["alpha"], used.champion, used.challenger)
    found = (
        people.client(Role.SUPER_ADMIN).get(f"/api/v1/models/{versions[0].id}/comparison").json()["outcomes"]
    )
    # 2019 was followed by a further statement, and this year's period is not over.
    assert (found["names"], found["defaults"]) == (60, 7)
    assert found["champion_auc"] == pytest.approx(0.5)
    # The seven rank first twice, but 2019's seven count as survivors: ties with the defaults of 2020.
    assert found["challenger_auc"] == pytest.approx((46 + 0.5 * 7) / 53)
    assert 0 < found["difference_low"] <= found["difference"] <= found["difference_high"]


def test_rank_correlation_of_counts_agrees_with_scipy():
    import numpy as np
    from scipy.stats import spearmanr

    rng = np.random.default_rng(4)
    ours = 1 / (1 + np.exp(-rng.normal(-4, 1.5, 4000)))
    theirs = 1 / (1 + np.exp(-(np.log(ours / (1 - ours)) + rng.normal(0, 0.7, 4000))))
    counted = shadowing.tally(
        (a, b, "LOW", "LOW") for a, b in zip(ours.tolist(), theirs.tolist(), strict=True)
    )
    grid = np.zeros((shadowing.CELLS, shadowing.CELLS))
    for cell, number in counted["grid"].items():
        i, j = cell.split(",")
        grid[int(i), int(j)] = number
    assert shadowing.rank_correlation(grid) == pytest.approx(spearmanr(ours, theirs)[0], abs=0.01)


def test_old_shadows_are_dropped(people, versions, sent, settings):
    with people.within("alpha", "one"):
        score = Score.objects.first()
        for number, days in ((0, 1), (1, settings.SHADOW_RETENTION_DAYS + 1)):
            row = ShadowScore(
                organization_id=score.organization_id,
                score=score,
                model_version_id=versions[number].id,
                model_sha256="0" * 64,
                pd=0.01,
                risk_level="LOW",
            )
            row.created_at = timezone.now() - timedelta(days=days)
            row.save()
    assert shadowing.purge(people.tenants["alpha"]) == 1


def test_a_job_ends_on_the_version_it_was_cut_with(people, versions):
    client = people.client(Role.OWNER)
    upload = SimpleUploadedFile("pin.csv", FILE)
    job_id = client.post("/api/v1/predictions/annual/bulk-upload-async", {"file": upload}, format="multipart")
    job_id = job_id.json()["job_id"]
    began = selectors.champion()
    with people.within("alpha", "one"):
        cutting.job_plan(job_id=UUID(job_id), actor=SYSTEM)
        chunk = ScoringJob.objects.get(id=job_id).chunks.get()
    services.model_promote(version_id=versions[0].id, reason="In the middle.", actor=SYSTEM)
    selectors.forget()
    assert selectors.champion().id == versions[0].id
    with people.within("alpha", "one"):
        chunks.chunk_score(chunk_id=chunk.id)
        scores = Score.objects.filter(job_id=job_id)
        assert {score.model_sha256 for score in scores} == {began.sha256}
        assert scores.count() == 2
        # Their reasons are computed by the version that scored them.
        head = Prediction.objects.get(company__symbol="PINB")
    detail = client.get(f"/api/v1/predictions/annual/{head.id}").json()
    assert detail["model_sha256"] == began.sha256
    assert detail["drivers"]


def test_what_scores_is_known_everywhere_at_the_next_score(people, versions):
    """All processes share the cache; a decision drops it."""
    selectors.champion()
    assert caches["directory"].get(selectors.KEYS[0]) is not None
    selectors.forget()
    assert caches["directory"].get(selectors.KEYS[0]) is None
