"""Who is served first, who next, and what an organization may ask for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.permissions import Role
from organizations.models import AuditEvent, Organization
from predictions.models import JobChunk, JobPriority, JobState, ScoringJob
from predictions.services import cut_slots, cutting, dispatching
from predictions.tests.test_files import HEADER, assert_accounted, finished, good_rows, upload
from tenants.kernel.context import in_public
from tenants.kernel.ids import uuid7
from tenants.kernel.request import SYSTEM
from tenants.models import JobTicket
from tests.factories import JobFactory
from tests.fixtures import OwnTenant, World
from tests.worker import Worker, wait_until

JOBS = "/api/v1/predictions/jobs"


def planned(organization: Organization, *, chunks: int, priority: str = "normal", **given) -> ScoringJob:
    """A job that is cut and has handed out nothing yet."""
    job = JobFactory(
        organization=organization, state=JobState.PROCESSING, priority=priority, planned_at=timezone.now(),
        total_rows=chunks * 10, **given,
    )  # fmt: skip
    JobChunk.objects.bulk_create(
        JobChunk(organization=organization, job=job, number=n + 1, path="nowhere", rows=10)
        for n in range(chunks)
    )
    return job


def under_way(job: ScoringJob) -> int:
    return job.chunks.filter(done_at=None).exclude(sent_at=None).count()


def finish(job: ScoringJob, count: int = 1) -> None:
    """As if workers had written so many of its chunks."""
    sent = job.chunks.filter(done_at=None).exclude(sent_at=None).values_list("id", flat=True)[:count]
    JobChunk.objects.filter(id__in=list(sent)).update(done_at=timezone.now())


@pytest.fixture
def alone(people: World):
    """No other tenant works."""
    with in_public():
        JobTicket.objects.all().delete()
    return people


def test_a_job_an_organization_and_all_hold_no_more_than_their_places(alone: World, settings):
    settings.CHUNKS_PER_JOB, settings.CHUNKS_PER_ORGANIZATION, settings.CHUNKS_IN_FLIGHT = 4, 6, 9
    with alone.within("alpha"):
        one, two = Organization.objects.order_by("id")[:2]
        jobs = [planned(one, chunks=9), planned(one, chunks=9), planned(two, chunks=9)]
        dispatching.dispatch()
        held = [under_way(job) for job in jobs]
        assert held[0] + held[1] <= 6
        assert max(held) <= 4
        assert sum(held) == 9
        dispatching.dispatch()
        assert [under_way(job) for job in jobs] == held


def test_the_freed_place_goes_round(alone: World, settings):
    """The organization with one job goes on as fast as the one with three."""
    settings.CHUNKS_PER_JOB, settings.CHUNKS_PER_ORGANIZATION, settings.CHUNKS_IN_FLIGHT = 4, 8, 4
    with alone.within("alpha"):
        one, two = Organization.objects.order_by("id")[:2]
        many = [planned(one, chunks=30) for _ in range(3)]
        single = planned(two, chunks=30)
        for _ in range(10):
            dispatching.dispatch()
            assert [sum(under_way(job) for job in many), under_way(single)] == [2, 2]
            for job in (*many, single):
                finish(job)
        done = [job.chunks.exclude(done_at=None).count() for job in many]
        assert max(done) - min(done) <= 1


def test_tenants_share_the_places_alike(alone: World, settings):
    settings.CHUNKS_IN_FLIGHT = 8
    with in_public():
        for tenant in ("alpha", "beta"):
            for _ in range(1 if tenant == "beta" else 5):
                JobTicket.objects.create(
                    id=uuid7(), tenant_id=alone.tenants[tenant].id, kind="annual", state="processing"
                )
    with alone.within("alpha"):
        assert dispatching.share_of_tenant() == 4
    with in_public():
        JobTicket.objects.update(heartbeat=timezone.now() - timedelta(minutes=10))
    with alone.within("alpha"):  # who was not heard of for long holds no places
        assert dispatching.share_of_tenant() == 8


def test_within_a_tenant_the_more_urgent_goes_first(alone: World, settings):
    settings.CHUNKS_PER_JOB, settings.CHUNKS_IN_FLIGHT = 4, 4
    with alone.within("alpha"):
        one = Organization.objects.order_by("id").first()
        low = planned(one, chunks=9, priority=JobPriority.LOW)
        normal = planned(one, chunks=9)
        urgent = planned(one, chunks=2, priority=JobPriority.URGENT)
        dispatching.dispatch()
        assert [under_way(job) for job in (low, normal, urgent)] == [0, 4, 2]
        finish(normal, 4)
        normal.chunks.exclude(done_at=None).update(done_at=timezone.now())
        normal.chunks.filter(done_at=None).update(done_at=timezone.now())
        dispatching.dispatch()
        assert under_way(low) == 4


def test_low_is_passed_over_but_not_for_ever():
    assert dispatching.urgency("low") > dispatching.urgency("normal") > dispatching.urgency("urgent")
    assert dispatching.urgency("low", passed_over=True) == dispatching.urgency("normal")
    assert dispatching.urgency("urgent", passed_over=True) == dispatching.urgency("urgent")


def test_a_priority_by_size_by_wish_and_later(people: World, settings):
    client = people.client(Role.ANALYST)
    settings.SMALL_FILE_ROWS, settings.URGENT_MAX_ROWS = 5, 10
    small = upload(client, HEADER + good_rows(5)).json()
    large = upload(client, HEADER + good_rows(6)).json()
    assert (small["priority"], large["priority"]) == ("urgent", "normal")
    answer = post(client, HEADER + good_rows(6), priority="low")
    assert answer.json()["priority"] == "low"
    assert post(client, HEADER + good_rows(6), priority="now").status_code == 400
    refused = post(client, HEADER + good_rows(11), priority="urgent")
    assert (refused.status_code, refused.json()["code"]) == (400, "too_large_for_urgent")
    changed = client.post(f"{JOBS}/{large['id']}/priority", {"priority": "urgent"}, format="json")
    assert (changed.status_code, changed.json()["priority"]) == (200, "urgent")
    with people.within("alpha"):
        event = AuditEvent.objects.get(action="predictions.job.prioritised")
        assert event.changes == {"priority": ["normal", "urgent"]}
        ScoringJob.objects.filter(id=large["id"]).update(state=JobState.COMPLETED)
    late = client.post(f"{JOBS}/{large['id']}/priority", {"priority": "low"}, format="json")
    assert (late.status_code, late.json()["code"]) == (409, "job_ended")


def test_urgent_rows_are_spent_by_the_hour(people: World, settings):
    client = people.client(Role.ANALYST)
    settings.URGENT_ROWS_PER_HOUR = 10
    first = upload(client, HEADER + good_rows(8)).json()
    assert first["priority"] == "urgent"
    assert (
        upload(client, HEADER + good_rows(8)).json()["priority"] == "normal"
    )  # by size it just goes in turn
    refused = post(client, HEADER + good_rows(8), priority="urgent")
    assert (refused.status_code, refused.json()["code"]) == (429, "urgent_spent")
    assert 0 < int(refused["Retry-After"]) <= 3600
    with people.within("alpha"):
        hour_ago = timezone.now() - timedelta(minutes=61)
        ScoringJob.objects.filter(id=first["id"]).update(created_at=hour_ago)
    assert post(client, HEADER + good_rows(8), priority="urgent").status_code == 202


def test_jobs_that_wait_and_rows_of_a_day_are_limited(people: World, settings):
    client = people.client(Role.ANALYST)
    settings.JOBS_UNFINISHED = 2
    with people.within("alpha"):
        ScoringJob.objects.update(state=JobState.COMPLETED)
    for _ in range(2):
        assert upload(client, HEADER + good_rows(3)).status_code == 202
    refused = upload(client, HEADER + good_rows(3))
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_jobs")
    assert int(refused["Retry-After"]) > 0
    # Another organization is not held up by it.
    other = people.client(Role.ANALYST, "alpha", "two")
    assert upload(other, HEADER + good_rows(3)).status_code == 202
    settings.JOBS_UNFINISHED, settings.JOB_ROWS_PER_DAY = 0, 10
    refused = upload(client, HEADER + good_rows(10))
    assert (refused.status_code, refused.json()["code"]) == (429, "rows_spent")
    with people.within("alpha", "one"):
        ScoringJob.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert upload(client, HEADER + good_rows(10)).status_code == 202


def test_one_large_file_is_read_at_a_time(people: World, settings):
    settings.URGENT_MAX_ROWS = 5
    with people.within("alpha", "one"):
        owner = Organization.objects.get()
        first, second, small = (JobFactory(organization=owner, total_rows=n) for n in (9, 9, 5))
        try:
            assert cut_slots.take(first)
            assert cut_slots.take(first), "a cut that was broken off keeps its slot"
            assert not cut_slots.take(second)
            assert cut_slots.take(small)
            cut_slots.give_back(second)  # not its own
            assert not cut_slots.take(second)
            ScoringJob.objects.filter(id=second.id).update(state=JobState.PENDING)
            cutting.job_plan(job_id=second.id, actor=SYSTEM)
            second.refresh_from_db()
            assert (second.state, second.planned_at) == (JobState.PENDING, None)
            cut_slots.give_back(first)
            assert cut_slots.take(second)
        finally:
            cut_slots.give_back(first)
            cut_slots.give_back(second)


@pytest.mark.worker
def test_an_urgent_file_waits_for_one_chunk_of_a_large_one(own_tenant: OwnTenant, worker: Worker):
    large = post(own_tenant.client, HEADER + good_rows(6000), priority="normal").json()["job_id"]

    def done(job_id: str) -> int:
        with own_tenant.within():
            return JobChunk.objects.filter(job=job_id).exclude(done_at=None).count()

    wait_until(lambda: done(large) >= 3, "the large file to be under way")
    urgent = upload(own_tenant.client, HEADER + good_rows(100, first=10_000)).json()
    assert urgent["priority"] == "urgent"
    finished(own_tenant.client, urgent["job_id"])
    with own_tenant.within():
        beside = JobChunk.objects.filter(job=large)
        job = ScoringJob.objects.get(id=urgent["job_id"])
        assert beside.filter(done_at=None).exists(), "the large file was over before: nothing was tested"
        # While it was read and scored, each of two processes ended what it had begun and no more than the
        # other went on with: a queue in the order of arrival would have held it behind four chunks, twice.
        between = beside.filter(done_at__gt=job.created_at, done_at__lt=job.completed_at).count()
        assert between <= 8, between
    assert_accounted(own_tenant, finished(own_tenant.client, large))


def post(client, content: str, **fields):
    """An upload with further fields."""
    import io

    file = io.BytesIO(content.encode())
    file.name = "portfolio.csv"
    return client.post(JOBS, {"file": file, "kind": "annual", **fields}, format="multipart")
