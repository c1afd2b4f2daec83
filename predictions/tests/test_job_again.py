"""Jobs that are not over with their end: split chunks, failed rows tried again, resumed, undone, deleted."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.permissions import Role
from companies.models import Company
from organizations.models import AuditEvent, Organization
from predictions import tasks
from predictions.models import JobChunk, JobState, Prediction, RowIssue, Score, ScoringJob
from predictions.services import chunks, cutting, jobs, leaving
from predictions.services.scoring import score_columns
from predictions.tests.test_files import HEADER, good_rows, upload
from tenants.kernel.context import in_public
from tenants.kernel.request import SYSTEM
from tenants.models import JobTicket
from tests.factories import JobFactory, NoteFactory, PredictionFactory, ScoreFactory
from tests.fixtures import World

JOBS = "/api/v1/predictions/jobs"
POISON = "POISON"


@pytest.fixture
def office(people: World):
    """Drives jobs by hand, in a transaction that is rolled back: nothing reaches a queue."""
    return Office(people)


class Office:
    def __init__(self, people: World) -> None:
        self.people = people
        self.client = people.client(Role.ANALYST)
        self.tasks = 0

    def upload(self, content: str) -> str:
        answer = upload(self.client, content)
        assert answer.status_code == 202, answer.content
        return str(answer.json()["job_id"])

    def work(self, job_id: str) -> dict:
        """As workers would: the file is cut, then every chunk that may be scored is."""
        with self.people.within("alpha", "one"):
            cutting.job_plan(job_id=job_id, actor=SYSTEM)
            while chunk := JobChunk.objects.filter(job=job_id, job__state="processing", done_at=None).first():
                self.tasks += 1
                try:
                    chunks.chunk_score(chunk_id=chunk.id)
                except ValueError:
                    chunks.chunk_failed(chunk_id=chunk.id)
            jobs.job_advance(job_id=job_id, actor=SYSTEM)
        return self.job(job_id)

    def go(self, job_id: str) -> None:
        """As the worker that takes a job away."""
        with self.people.within("alpha", "one"):
            leaving.job_take_away(job_id=UUID(job_id), actor=SYSTEM)

    def job(self, job_id: str) -> dict:
        return self.client.get(f"{JOBS}/{job_id}").json()

    def post(self, job_id: str, what: str):
        return self.client.post(f"{JOBS}/{job_id}/{what}")

    def assert_accounted(self, job: dict) -> None:
        assert job["state"] == "completed", job
        assert job["successful_rows"] + job["failed_rows"] == job["total_rows"]
        with self.people.within("alpha", "one"):
            found = JobChunk.objects.filter(job=job["id"])
            assert sum(found.values_list("rows", flat=True)) == job["total_rows"]
            scored = set(Score.objects.filter(job=job["id"]).values_list("row_number", flat=True))
            refused = RowIssue.objects.filter(job=job["id"], severity="error")
            faulty = set(refused.values_list("row_number", flat=True))
            assert (len(scored), len(faulty)) == (job["successful_rows"], job["failed_rows"])
            assert not scored & faulty
            assert sum(job["refused_by_reason"].values()) == job["failed_rows"]
            warnings = RowIssue.objects.filter(job=job["id"], severity="warning").count()
            assert warnings == job["warning_count"]
            assert not Prediction.objects.filter(current=None).exists()


@pytest.fixture
def poisonous(monkeypatch):
    """A row with which the engine fails, as a fault of ours would make it."""

    def fail(kind, table, *, model):
        if any(str(symbol).startswith(POISON) for symbol in table["company_symbol"].to_pylist()):
            raise ValueError("poison")
        return score_columns(kind, table, model=model)

    monkeypatch.setattr(chunks, "score_columns", fail)
    return monkeypatch


def poison(number: int = 0) -> str:
    return f"{POISON}{number},Poison,Energy,1,2020,10,1,1,1,100000000\n"


def test_a_poisonous_row_costs_only_itself(office: Office, poisonous, settings):
    settings.SCORING_CHUNK_ROWS = 64
    bad = "BAD,Bad,Energy,1,2020,abc,1,1,1,1\n" + "S0,Again,Technology,1,2015,1,1,1,1,1\n"
    rows = good_rows(100) + poison(1) + bad + good_rows(50, first=200) + poison(2)
    job = office.work(office.upload(HEADER + rows))
    office.assert_accounted(job)
    assert job["refused_by_reason"] == {"internal": 2, "not_a_number": 1, "duplicate_key": 1}
    assert job["successful_rows"] == 150
    # Halving asks twice the depth of the tree for each, not a task for each row.
    assert office.tasks < 40
    errors = office.client.get(f"{JOBS}/{job['id']}/errors?severity=error").json()["items"]
    found = [error for error in errors if error["code"] == "internal"]
    assert [error["row"] for error in found] == [102, 155]
    assert "the scoring fail" in found[0]["message"]


def test_failed_rows_alone_are_tried_again(office: Office, poisonous, settings):
    settings.SCORING_CHUNK_ROWS = 64
    job_id = office.upload(HEADER + good_rows(30) + poison(1) + "BAD,Bad,Energy,1,2020,abc,1,1,1,1\n")
    before = office.work(job_id)
    assert before["refused_by_reason"] == {"internal": 1, "not_a_number": 1}
    with office.people.within("alpha", "one"):
        kept = set(Score.objects.filter(job=job_id).values_list("id", flat=True))
    poisonous.setattr(chunks, "score_columns", score_columns)  # somebody has mended it
    answer = office.post(job_id, "retry")
    assert (answer.status_code, answer.json()["state"]) == (200, "processing")
    after = office.work(job_id)
    office.assert_accounted(after)
    assert after["refused_by_reason"] == {"not_a_number": 1}
    with office.people.within("alpha", "one"):
        now = set(Score.objects.filter(job=job_id).values_list("id", flat=True))
        assert kept < now
        assert len(now) == 31
        assert AuditEvent.objects.get(action="predictions.job.retried").changes == {"rows": 1}
    nothing = office.post(job_id, "retry")
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_to_retry")


def test_where_every_row_fails_the_job_does_and_can_be_resumed(office: Office, poisonous, settings):
    settings.JOB_MAX_FAULTS, settings.SCORING_CHUNK_ROWS = 3, 8
    job_id = office.upload(HEADER + "".join(poison(n) for n in range(40)))
    job = office.work(job_id)
    assert (job["state"], job["failed_rows"]) == ("failed", 0) or job["state"] == "failed"
    assert "the fault is on our side" in job["error_message"]
    assert office.tasks < 40
    poisonous.setattr(chunks, "score_columns", score_columns)
    assert office.post(job_id, "resume").json()["state"] == "processing"
    office.assert_accounted(office.work(job_id))
    assert office.post(job_id, "resume").json()["code"] == "job_ended"
    assert office.post(job_id, "retry").status_code == 200
    job = office.work(job_id)
    office.assert_accounted(job)
    assert job["successful_rows"] == 40


def test_a_server_that_is_away_says_nothing_of_the_rows(office: Office, monkeypatch):
    job_id = office.upload(HEADER + good_rows(5))
    with office.people.within("alpha", "one"):
        cutting.job_plan(job_id=job_id, actor=SYSTEM)
        chunk = JobChunk.objects.get(job=job_id)

        def away(**_):
            raise OperationalError("the server closed the connection")

        monkeypatch.setattr(tasks.chunks, "chunk_score", away)
        JobChunk.objects.filter(id=chunk.id).update(attempts=3)
        task = tasks.score_chunk
        task.push_request(retries=task.max_retries, entered_reach=True)
        try:
            with pytest.raises(OperationalError):
                task.run(chunk_id=str(chunk.id))
        finally:
            task.pop_request()
        chunk.refresh_from_db()
        assert (chunk.attempts, chunk.done_at, chunk.rows) == (0, None, 5)


def test_a_cancelled_job_goes_on_where_it_stopped(office: Office, settings):
    settings.SCORING_CHUNK_ROWS = 10
    job_id = office.upload(HEADER + good_rows(40))
    with office.people.within("alpha", "one"):
        cutting.job_plan(job_id=job_id, actor=SYSTEM)
        chunks.chunk_score(chunk_id=JobChunk.objects.filter(job=job_id).first().id)
    assert office.post(job_id, "cancel").json()["processed_rows"] == 10
    assert office.post(job_id, "resume").json()["state"] == "processing"
    job = office.work(job_id)
    office.assert_accounted(job)
    assert (job["successful_rows"], job["error_message"]) == (40, None)
    before = office.upload(HEADER + good_rows(3))
    office.post(before, "cancel")
    assert office.post(before, "resume").json()["state"] == "pending"
    office.assert_accounted(office.work(before))


def test_a_whole_job_is_undone_and_scored_again(office: Office, monkeypatch, settings):
    monkeypatch.setattr(leaving, "BATCH", 7)
    settings.SCORING_CHUNK_ROWS = 10
    first = office.upload(HEADER + good_rows(20))
    office.work(first)
    with office.people.within("alpha", "one"):
        old = {p.id: p.current_id for p in Prediction.objects.filter(current__job=first)}
        standing = set(Prediction.objects.filter(latest=True).values_list("id", flat=True))
        companies = set(Company.objects.values_list("id", flat=True))
    second = office.upload(HEADER + good_rows(30) + "BAD,Bad,Energy,1,2020,abc,1,1,1,1\n")
    office.work(second)
    refused = office.post(first, "undo")
    assert (refused.status_code, refused.json()["code"]) == (409, "scored_since")
    assert refused.json()["detail"].startswith("More than 7 of its predictions")
    with office.people.within("alpha", "one"):
        # Somebody has written about a company that the second file made: it stays.
        kept = Company.objects.get(symbol="S4")
        NoteFactory(organization=Organization.objects.get(), company=kept)
    answer = office.post(second, "undo")
    assert (answer.status_code, answer.json()["state"]) == (202, "undoing")
    for what in ("resume", "retry", "undo", "cancel"):
        assert office.post(second, what).status_code == 409, what
    assert office.client.delete(f"{JOBS}/{second}").json()["code"] == "job_running"
    office.go(second)
    job = office.job(second)
    assert (job["state"], job["successful_rows"], job["failed_rows"]) == ("undone", 0, 0)
    assert job["undone"] == {"scores": 30, "predictions": 10, "companies": 1}
    with office.people.within("alpha", "one"):
        assert not Score.objects.filter(job=second).exists()
        assert not RowIssue.objects.filter(job=second).exists()
        assert {p.id: p.current_id for p in Prediction.objects.filter(current__job=first)} == old
        for head in Prediction.objects.filter(current__job=first).select_related("current"):
            assert (head.pd, head.risk_level) == (head.current.pd, head.current.risk_level)
        assert set(Prediction.objects.filter(latest=True).values_list("id", flat=True)) == standing
        assert set(Company.objects.values_list("id", flat=True)) == companies | {kept.id}
        assert AuditEvent.objects.get(action="predictions.job.undone").changes == job["undone"]
    assert office.post(second, "undo").json()["code"] == "nothing_to_undo"
    with in_public():
        assert JobTicket.objects.get(id=second).rows_done == 0
    # And the other way round: the same file, scored once more.
    assert office.post(second, "resume").json()["state"] == "processing"
    again = office.work(second)
    office.assert_accounted(again)
    assert (again["successful_rows"], again["failed_rows"]) == (30, 1)


def test_a_large_job_is_deleted_in_the_background(office: Office, monkeypatch):
    monkeypatch.setattr(leaving, "AT_ONCE", 5)
    monkeypatch.setattr(leaving, "BATCH", 4)
    job_id = office.upload(HEADER + good_rows(12))
    office.work(job_id)
    answer = office.client.delete(f"{JOBS}/{job_id}")
    assert (answer.status_code, answer.json()["state"]) == (200, "deleting")
    assert office.post(job_id, "resume").json()["code"] == "job_running"
    with office.people.within("alpha", "one"):
        # A sweep finds it when its message is lost.
        before = timezone.now()
        jobs.job_advance(job_id=job_id, swept=True, actor=SYSTEM)
        with in_public():
            assert JobTicket.objects.get(id=job_id).heartbeat >= before
    office.go(job_id)
    assert office.client.get(f"{JOBS}/{job_id}").status_code == 404
    with office.people.within("alpha", "one"):
        assert Score.objects.filter(row_number__isnull=False, job=None).count() >= 12
        assert not ScoringJob.objects.filter(id=job_id).exists()
    small = office.upload(HEADER + good_rows(3))
    office.work(small)
    assert office.client.delete(f"{JOBS}/{small}").status_code == 204


def test_a_running_job_that_is_stuck_is_handed_out_again(office: Office, settings):
    job_id = office.upload(HEADER + good_rows(5))
    with office.people.within("alpha", "one"):
        cutting.job_plan(job_id=job_id, actor=SYSTEM)
        JobChunk.objects.filter(job=job_id).update(attempts=3)
        sent = JobChunk.objects.get(job=job_id).sent_at
    assert office.post(job_id, "resume").json()["state"] == "processing"
    with office.people.within("alpha", "one"):
        chunk = JobChunk.objects.get(job=job_id)
        assert chunk.attempts == 0
        assert chunk.sent_at > sent
        assert ScoringJob.objects.get(id=job_id).state == JobState.PROCESSING


@pytest.mark.parametrize("hours", [24, -24], ids=["back", "ahead"])
def test_the_clock_was_set(office: Office, hours: int):
    """A chunk that was sent tomorrow or yesterday is lost; one of just now is not."""
    job_id = office.upload(HEADER + good_rows(5))
    with office.people.within("alpha", "one"):
        cutting.job_plan(job_id=job_id, actor=SYSTEM)
        sent = JobChunk.objects.get(job=job_id).sent_at
        jobs.job_advance(job_id=job_id, swept=True, actor=SYSTEM)
        assert JobChunk.objects.get(job=job_id).sent_at == sent
        JobChunk.objects.filter(job=job_id).update(sent_at=sent + timedelta(hours=hours))
        jobs.job_advance(job_id=job_id, swept=True, actor=SYSTEM)
        again = JobChunk.objects.get(job=job_id).sent_at
        assert abs(again - timezone.now()) < timedelta(minutes=5)


def test_a_job_that_scored_a_prediction_twice_can_be_undone(people: World):
    """Two companies of its file were merged while it ran."""
    with people.within("alpha", "one"):
        owner = Organization.objects.get()
        job = JobFactory(organization=owner, state=JobState.COMPLETED, completed_at=timezone.now())
        head = PredictionFactory(organization=owner, scored__job=job, scored__row_number=2)
        head.current = ScoreFactory(organization=owner, prediction=head, job=job, row_number=9)
        head.save()
        assert leaving.job_undo(job=job, actor=SYSTEM).state == JobState.UNDOING
        leaving.job_take_away(job_id=job.id, actor=SYSTEM)
        job.refresh_from_db()
        assert (job.state, job.undone["scores"]) == (JobState.UNDONE, 2)
        assert not Prediction.all_objects.filter(id=head.id).exists()
