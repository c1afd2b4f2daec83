"""Tasks carry their reach, and refuse to run without it."""

from __future__ import annotations

import inspect

import pytest
from celery import current_app
from celery.exceptions import Retry
from django.db import OperationalError

from predictions import tasks
from predictions.tasks import score_chunk, sweep_jobs
from tenants import selectors
from tenants.kernel import jobs, scope
from tenants.kernel.errors import ScopeMissing
from tenants.kernel.request import SYSTEM
from tests.fixtures import World


def test_a_task_without_its_reach_refuses(people: World):
    with pytest.raises(ScopeMissing, match="without its reach"):
        score_chunk(chunk_id="01990000-0000-7000-8000-0000deadbeef")
    # Being inside some tenant is not enough: the message must have said so.
    with people.within("alpha"), pytest.raises(ScopeMissing, match="without its reach"):
        score_chunk(chunk_id="01990000-0000-7000-8000-0000deadbeef")


def test_a_platform_task_starts_in_public(people: World):
    with people.within("alpha"), pytest.raises(ScopeMissing, match="starts in public"):
        sweep_jobs()


def test_a_task_that_finds_no_database_is_tried_again_until_it_does(people: World, monkeypatch):
    asked = []
    found = selectors.organization_ids

    def away_at_first(*args):
        asked.append(args)
        if len(asked) < 9:
            raise OperationalError("the database system is starting up")
        return found(*args)

    monkeypatch.setattr(selectors, "organization_ids", away_at_first)
    reach = {"schema": people.tenants["alpha"].schema_name, "reason": "a test",
             "organizations": [str(people.organizations["alpha", "one"])]}  # fmt: skip
    begun = []
    monkeypatch.setattr(tasks.plan_job, "run", lambda **kwargs: begun.append(kwargs))
    tasks.plan_job.apply(kwargs={"job_id": "x"}, headers={jobs.HEADER: reach})
    assert begun == [{"job_id": "x"}]
    assert tasks.plan_job.max_retries < len(asked) == 9


def test_the_message_carries_tenant_organizations_and_actor(
    people: World, monkeypatch, django_capture_on_commit_callbacks
):
    sent = []
    monkeypatch.setattr(tasks.plan_job, "apply_async", lambda **kwargs: sent.append(kwargs))
    with django_capture_on_commit_callbacks(execute=True), people.within("alpha", "one"):
        jobs.enqueue("predictions.plan_job", actor=SYSTEM, queue="io", job_id="x")
        assert sent == [], "nothing is sent before the commit"
    (message,) = sent
    stamp = message["headers"][jobs.HEADER]
    assert stamp["schema"] == people.tenants["alpha"].schema_name
    assert stamp["organizations"] == [str(people.organizations["alpha", "one"])]
    assert (message["kwargs"], message["queue"]) == ({"job_id": "x"}, "io")


def test_a_misspelt_task_fails_in_the_request(people: World):
    with people.within("alpha"), pytest.raises(KeyError):
        jobs.enqueue("predictions.no_such_task", actor=SYSTEM)


def test_enqueueing_needs_a_scope(people: World):
    from tenants.kernel.context import in_tenant

    with in_tenant(people.tenants["alpha"]), pytest.raises(ScopeMissing):
        jobs.enqueue("predictions.plan_job", actor=SYSTEM, job_id="x")


def test_every_task_is_of_one_of_the_two_kinds():
    current_app.loader.import_default_modules()
    ours = [t for n, t in current_app.tasks.items() if not n.startswith("celery.")]
    assert len(ours) >= 5
    assert [t.name for t in ours if not isinstance(t, jobs.TenantTask | jobs.PlatformTask)] == []


def test_beat_starts_platform_tasks_only():
    from predictions.schedule import ENTRIES

    assert [n for n in ENTRIES if not isinstance(current_app.tasks[n], jobs.PlatformTask)] == []
    assert not scope.is_active()


def test_what_is_kept_for_a_day_goes_after_a_day(people: World):
    from datetime import timedelta

    from django.utils import timezone

    from organizations.models import IdempotencyRecord
    from organizations.tasks import purge
    from tenants.kernel.context import in_tenant

    with in_tenant(people.tenants["alpha"]):
        for age in (1, 25):
            IdempotencyRecord.objects.create(
                caller="c", key=str(age), route="r", created_at=timezone.now() - timedelta(hours=age)
            )
    assert purge() == 1
    with in_tenant(people.tenants["alpha"]):
        assert list(IdempotencyRecord.objects.values_list("key", flat=True)) == ["1"]


class Unsent:
    """The message of a retry, which goes nowhere."""

    def apply_async(self) -> None:
        pass


def test_a_failed_attempt_waits_twice_as_long_each_time_and_the_last_raises_what_was_wrong():
    task, wrong = current_app.tasks["predictions.plan_job"], ValueError("what was wrong")
    waited = []
    for retries in range(task.max_retries):
        task.push_request(retries=retries, called_directly=False, is_eager=False, id="x", args=(), kwargs={})
        try:
            assert not task.last_attempt
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(type(task), "signature_from_request", lambda *_, **__: Unsent())
                with pytest.raises(Retry) as again:
                    task.again(wrong)
            waited.append(again.value.when)
        finally:
            task.pop_request()
    assert waited == [2, 4, 8]
    task.push_request(retries=task.max_retries, called_directly=False, id="x", args=(), kwargs={})
    try:
        assert task.last_attempt
        with pytest.raises(ValueError, match="what was wrong"):
            task.again(wrong)
    finally:
        task.pop_request()


def test_every_task_over_rows_that_may_be_tried_again_says_when():
    """``max_retries`` alone does nothing: the task has to ask for it."""
    current_app.loader.import_default_modules()
    ours = [t for t in current_app.tasks.values() if isinstance(t, jobs.TenantTask)]
    declared = [t for t in ours if "max_retries" in vars(type(t))]
    silent = [t.name for t in declared if "self.again(" not in inspect.getsource(t.run)]
    assert declared
    assert silent == []
