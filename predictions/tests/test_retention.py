"""What is past the time that an institution has set is gone, rows and files; the rest is untouched."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from companies.imports.models import Import
from companies.services import company_delete
from organizations.models import AuditEvent, Organization
from predictions import retention
from predictions.models import JobChunk, Prediction, RowIssue, Score, ScoringJob
from predictions.services.jobs import folder
from predictions.tasks import count_usage, retain
from tenants.kernel.context import TenantRef
from tenants.kernel.ids import uuid7
from tenants.kernel.request import SYSTEM
from tenants.models import JobTicket, Tenant, TenantSettings, Usage, UsageDay
from tests import factories
from tests.fixtures import World

LONG_AGO = timezone.now() - timedelta(days=4000)


def with_settings(people: World, **kept) -> TenantRef:
    ref = people.tenants["alpha"]
    nothing = {"audit_retention_days": None, "job_retention_days": None, "score_retention_days": None}
    return replace(ref, settings=replace(ref.settings, **{**nothing, **kept}))


@pytest.fixture
def old(people: World) -> dict:
    """An old ended job with a file, one that runs, and a prediction with an old and a current score."""
    with people.within("alpha"):
        place = Organization.objects.get(slug="one")
        ended = factories.JobFactory(organization=place, created_at=LONG_AGO)
        factories.IssueFactory(organization=place, job=ended)
        factories.ChunkFactory(organization=place, job=ended)
        running = factories.JobFactory(organization=place, created_at=LONG_AGO, state="processing")
        JobTicket.objects.create(
            id=ended.id, tenant_id=people.tenants["alpha"].id, kind="annual", state="completed"
        )
        file = default_storage.save(f"{folder(ended.id)}/upload.csv", ContentFile(b"symbol"))
        head = factories.PredictionFactory(organization=place)
        superseded = factories.ScoreFactory(organization=place, prediction=head, job=ended, row_number=2)
        Score.objects.filter(prediction=head).update(created_at=LONG_AGO)
    return {"ended": ended, "running": running, "file": file, "head": head, "superseded": superseded}


def test_jobs_go_with_files_findings_and_ticket(people: World, old, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        removed = retention.retain(with_settings(people, job_retention_days=30), now=timezone.now())
    assert removed == 1
    with people.within("alpha"):
        assert not ScoringJob.objects.filter(id=old["ended"].id).exists()
        assert not RowIssue.objects.filter(job_id=old["ended"].id).exists()
        assert not JobChunk.objects.filter(job_id=old["ended"].id).exists()
        # What runs is left to run, and scores stay without their job.
        assert ScoringJob.objects.filter(id=old["running"].id).exists()
        assert Score.objects.get(id=old["superseded"].id).job_id is None
        assert AuditEvent.objects.filter(action="predictions.job.deleted").exists()
    assert not JobTicket.objects.filter(id=old["ended"].id).exists()
    assert not default_storage.exists(old["file"])


def test_superseded_scores_go_and_the_current_one_stays_however_old(people: World, old):
    assert retention.retain(with_settings(people, score_retention_days=365), now=timezone.now()) >= 1
    with people.within("alpha"):
        head = Prediction.objects.get(id=old["head"].id)
        assert list(Score.objects.filter(prediction=head).values_list("id", flat=True)) == [head.current_id]
        assert not Score.objects.filter(id=old["superseded"].id).exists()


def test_where_nothing_is_set_everything_stays(people: World, old):
    assert retention.retain(with_settings(people), now=timezone.now()) == 0
    with people.within("alpha"):
        assert ScoringJob.objects.filter(id=old["ended"].id).exists()
        assert Score.objects.filter(id=old["superseded"].id).exists()


def test_the_log_is_cut_at_its_own_time(people: World, monkeypatch):
    asked = []
    monkeypatch.setattr(retention.upkeep, "retain", lambda *, before, actor: asked.append(before) or 3)
    now = timezone.now()
    assert retention.retain(with_settings(people, audit_retention_days=400), now=now) == 3
    assert asked == [now - timedelta(days=400)]


def test_each_tenants_own_settings_hold(people: World, old):
    TenantSettings.objects.update(job_retention_days=None, audit_retention_days=None)
    assert retain() == 0
    alpha = Tenant.objects.get(id=people.tenants["alpha"].id)
    TenantSettings.objects.filter(tenant=alpha).update(job_retention_days=30)
    assert retain() == 1


def test_usage_knows_storage_and_keeps_the_day(people: World):
    count_usage()
    held = Usage.objects.get(tenant_id=people.tenants["alpha"].id)
    assert held.storage_bytes > 100_000
    day = UsageDay.objects.get(tenant_id=people.tenants["alpha"].id, day=timezone.now().date())
    assert (day.companies, day.storage_bytes) == (held.companies, held.storage_bytes)


def test_usage_counts_no_company_that_is_put_away_and_nothing_of_it(people: World):
    with people.within("alpha", "one"):
        place = Organization.objects.get(slug="one")
        company = factories.PredictionFactory(organization=place).company
    count_usage()
    before = Usage.objects.get(tenant_id=people.tenants["alpha"].id)
    with people.within("alpha", "one"):
        company_delete(company=company, actor=SYSTEM)
    count_usage()
    after = Usage.objects.get(tenant_id=people.tenants["alpha"].id)
    for name in ("companies", "predictions", "scores"):
        assert getattr(after, name) == getattr(before, name) - 1, name


def states_left(rows: dict) -> set[str]:
    found = Import.objects.filter(id__in=[row.id for row in rows.values()])
    return set(found.values_list("state", flat=True))


def test_files_of_imports_go_as_jobs_do_and_drafts_by_themselves(people: World):
    with people.within("alpha"):
        place = Organization.objects.get(slug="one")
        states = ("completed", "undoing", "draft", "checked")
        rows = {s: factories.ImportFactory(organization=place, state=s, created_at=LONG_AGO) for s in states}
        young = factories.ImportFactory(organization=place, state="draft")
        kept = default_storage.save(
            f"{people.tenants['alpha'].schema_name}/imports/{rows['draft'].id}/book.csv", ContentFile(b"a")
        )
    # Whatever an institution keeps, files that nobody takes in are of no use.
    assert retention.retain(with_settings(people), now=timezone.now()) == 2
    with people.within("alpha"):
        assert states_left(rows) == {"completed", "undoing"}
        assert Import.objects.filter(id=young.id).exists()
    retention.retain(with_settings(people, job_retention_days=365), now=timezone.now())
    with people.within("alpha"):
        assert states_left(rows) == {"undoing"}
    assert default_storage.exists(kept)  # the files go when the transaction is committed


def test_files_of_an_upload_that_died_go_after_a_day(people: World, old):
    with people.within("alpha"):
        stray = uuid7()
        path = default_storage.save(f"{folder(stray)}/upload.csv", ContentFile(b"symbol"))
        assert retention.strays(now=timezone.now()) == 0
        assert default_storage.exists(path)
        assert retention.strays(now=timezone.now() + timedelta(hours=25)) >= 1
        assert not default_storage.exists(path)
        assert default_storage.exists(old["file"])
