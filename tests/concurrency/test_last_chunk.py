"""A chunk that ends while its job is being counted is in the figures of the job, whichever way it falls."""

from __future__ import annotations

from types import ModuleType

import pytest
from django.utils import timezone

from companies.imports.models import ImportState
from companies.imports.services import jobs as imports
from organizations.models import Organization
from predictions.models import JobState
from predictions.services import jobs
from tenants.kernel.request import SYSTEM
from tests.factories import ChunkFactory, ImportChunkFactory, ImportFactory, JobFactory
from tests.fixtures import World


def ends_after_the_count(monkeypatch: pytest.MonkeyPatch, module: ModuleType, chunk, **figures: int) -> None:
    """Have another worker's chunk committed just after the figures were counted, once."""
    count, waiting = module._count, [chunk]

    def then_it_ends(row) -> None:
        count(row)
        if waiting:
            late = waiting.pop()
            type(late).objects.filter(id=late.id).update(done_at=timezone.now(), **figures)

    monkeypatch.setattr(module, "_count", then_it_ends)


def test_a_job_never_closes_without_its_last_chunk(people: World, monkeypatch):
    now = timezone.now()
    with people.within("alpha", "one"):
        owner = Organization.objects.get()
        job = JobFactory(
            organization=owner, state=JobState.PROCESSING, planned_at=now, started_at=now, total_rows=200
        )
        ChunkFactory(organization=owner, job=job, number=1, rows=100, scored_rows=100, done_at=now)
        late = ChunkFactory(organization=owner, job=job, number=2, rows=100, sent_at=now)
        ends_after_the_count(monkeypatch, jobs, late, scored_rows=100)
        for _ in range(2):
            job = jobs.job_advance(job_id=job.id, actor=SYSTEM)
            assert job.state != JobState.COMPLETED or job.scored_rows == 200
    assert (job.state, job.scored_rows) == (JobState.COMPLETED, 200)


def test_an_import_never_closes_without_its_last_chunk(people: World, monkeypatch):
    now = timezone.now()
    with people.within("alpha", "one"):
        owner = Organization.objects.get()
        row = ImportFactory(
            organization=owner, state=ImportState.PROCESSING, planned_at=now, total_rows=20, dry=False
        )
        ImportChunkFactory(organization=owner, job=row, number=1, rows=10, ok_rows=10, done_at=now)
        late = ImportChunkFactory(organization=owner, job=row, number=2, rows=10, sent_at=now)
        ends_after_the_count(monkeypatch, imports, late, ok_rows=10)
        for _ in range(2):
            row = imports.import_advance(import_id=row.id, actor=SYSTEM)
            assert row.state != ImportState.COMPLETED or row.ok_rows == 20
    assert (row.state, row.ok_rows) == (ImportState.COMPLETED, 20)
