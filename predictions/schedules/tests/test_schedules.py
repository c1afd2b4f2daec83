"""Portfolios by the clock: when they are due, what a run scores, who is told, and who may."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from uuid import uuid4

import pytest

from accounts.models import Membership, MembershipState
from accounts.permissions import Role
from organizations.models import AuditEvent
from organizations.notices.models import Notice
from predictions.models import ScoringJob
from predictions.schedules import services
from predictions.schedules.clock import Rule, next_due
from predictions.schedules.models import Run, Schedule
from predictions.schedules.tasks import dispatch
from predictions.tests.test_files import HEADER, good_rows, run
from tenants.kernel.request import SYSTEM
from tests.fixtures import OwnTenant, World
from tests.worker import wait_until

ADDRESS = "/api/v1/schedules"
WEEKLY = {
    "name": "Book",
    "source": "file",
    "file_name": "portfolio.csv",
    "frequency": "weekly",
    "at": "06:30",
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# -- the clock -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "after", "due"),
    [
        # The same wall time in winter and in summer.
        (Rule("daily", time(6), "Europe/Zurich"), "2026-01-10 12:00", "2026-01-11 05:00"),
        (Rule("daily", time(6), "Europe/Zurich"), "2026-07-10 12:00", "2026-07-11 04:00"),
        # Strictly after: the moment itself is past.
        (Rule("daily", time(6), "UTC"), "2026-01-10 06:00", "2026-01-11 06:00"),
        # 02:30 does not exist on 29 March: the first moment after the gap, 03:00 local.
        (Rule("daily", time(2, 30), "Europe/Zurich"), "2026-03-28 12:00", "2026-03-29 01:00"),
        (Rule("daily", time(2, 30), "Europe/Zurich"), "2026-03-29 01:00", "2026-03-30 00:30"),
        # 02:30 comes twice on 25 October: the first one, and then the next day.
        (Rule("daily", time(2, 30), "Europe/Zurich"), "2026-10-24 12:00", "2026-10-25 00:30"),
        (Rule("daily", time(2, 30), "Europe/Zurich"), "2026-10-25 00:30", "2026-10-26 01:30"),
        # A gap of half an hour.
        (Rule("daily", time(2, 10), "Australia/Lord_Howe"), "2026-10-03 12:00", "2026-10-03 15:30"),
        # Midnight is the gap.
        (Rule("daily", time(0), "America/Santiago"), "2026-09-05 12:00", "2026-09-06 04:00"),
        # Another day there than in UTC.
        (Rule("weekly", time(7), "Asia/Tokyo", weekday=0), "2026-11-29 12:00", "2026-11-29 22:00"),
        (Rule("weekly", time(7), "Asia/Tokyo", weekday=0), "2026-11-29 22:00", "2026-12-06 22:00"),
        (Rule("daily", time(23, 30), "America/Los_Angeles"), "2026-01-01 06:00", "2026-01-01 07:30"),
        # The last day of a month that has no 31st, and of both Februaries.
        (Rule("monthly", time(6), "UTC", day=31), "2026-01-31 06:00", "2026-02-28 06:00"),
        (Rule("monthly", time(6), "UTC", day=31), "2026-02-28 06:00", "2026-03-31 06:00"),
        (Rule("monthly", time(6), "UTC", day=31), "2026-03-31 06:00", "2026-04-30 06:00"),
        (Rule("monthly", time(6), "UTC", day=30), "2028-02-01 00:00", "2028-02-29 06:00"),
        (Rule("monthly", time(6), "UTC", day=1), "2026-12-15 00:00", "2027-01-01 06:00"),
    ],
)
def test_when_it_is_due_next(rule, after, due):
    assert next_due(rule, at(after)) == at(due)


@pytest.mark.parametrize("zone", ["Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "UTC"])
def test_a_year_of_days_has_each_day_once(zone):
    rule, found, now = Rule("daily", time(2, 15), zone), [], at("2026-01-01 12:00")
    for _ in range(365):
        now = next_due(rule, now)
        found.append(now)
    gaps = {later - earlier for earlier, later in zip(found, found[1:], strict=False)}
    assert min(gaps) >= timedelta(hours=22)
    assert max(gaps) <= timedelta(hours=26)


# -- the API -------------------------------------------------------------------------------------------


def make(client, **given) -> dict:
    answer = client.post(ADDRESS, {**WEEKLY, **given}, format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_a_portfolio_is_saved_changed_paused_and_removed(people: World):
    client = people.client(Role.OWNER)
    made = make(client, time_zone="Europe/Zurich", weekday=2)
    assert made["subscribers"] == [str(people.user(Role.OWNER).pk)]
    due = datetime.fromisoformat(made["next_run_at"])
    assert due.weekday() == 2
    address = f"{ADDRESS}/{made['id']}"
    changed = client.patch(address, {"frequency": "monthly", "day": 31}, format="json").json()
    assert (changed["frequency"], changed["name"], changed["time_zone"]) == (
        "monthly",
        "Book",
        "Europe/Zurich",
    )
    paused = client.post(f"{address}/pause").json()
    assert (paused["paused"], paused["next_run_at"]) == (True, None)
    assert client.post(f"{address}/resume").json()["next_run_at"] == changed["next_run_at"]
    assert client.delete(address).status_code == 204
    with people.within("alpha"):
        found = (
            AuditEvent.objects.filter(object_id=made["id"]).order_by("id").values_list("action", flat=True)
        )
        assert [action.rpartition(".")[2] for action in found] == [
            "created", "updated", "paused", "resumed", "deleted",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"file_name": ""}, "/file_name"),
        ({"source": "companies"}, "/symbols"),
        ({"source": "companies", "symbols": ["NOBODY"]}, "/symbols"),
        ({"day": 32}, "/day"),
        ({"weekday": 7}, "/weekday"),
        ({"at": "25:00"}, "/at"),
        ({"subscribers": [str(uuid4())]}, "/subscribers"),
        ({"name": "  "}, "/name"),
    ],
)
def test_what_cannot_be_saved(people: World, given, pointer):
    answer = people.client(Role.OWNER).post(ADDRESS, {**WEEKLY, **given}, format="json")
    assert answer.status_code == 400, answer.content
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)


def test_a_name_is_there_once(people: World):
    client = people.client(Role.OWNER)
    make(client)
    answer = client.post(ADDRESS, WEEKLY, format="json")
    assert answer.json()["errors"][0]["code"] == "unique"


def test_nobody_of_another_organization_is_told(people: World):
    stranger = people.user(Role.OWNER, "alpha", "two")
    answer = people.client(Role.OWNER).post(
        ADDRESS, {**WEEKLY, "subscribers": [str(stranger.pk)]}, format="json"
    )
    assert answer.json()["errors"][0]["code"] == "not_a_member"


def test_individuals_have_none(people: World):
    assert people.client(Role.INDIVIDUAL).post(ADDRESS, WEEKLY, format="json").status_code == 403


def test_an_analyst_changes_his_own_only(people: World):
    analyst = people.client(Role.ANALYST)
    own = make(analyst, name="Mine")
    other = make(people.client(Role.OWNER))
    assert analyst.post(f"{ADDRESS}/{own['id']}/pause").status_code == 200
    assert analyst.post(f"{ADDRESS}/{other['id']}/pause").json()["code"] == "not_yours"


# -- runs ----------------------------------------------------------------------------------------------


def test_a_due_time_is_handed_out_once_and_the_clock_goes_on(people: World):
    made = make(people.client(Role.OWNER), frequency="daily", at="06:00")
    now = at("2027-01-10 07:00")  # weeks late: one run, not forty
    with people.within("alpha"):
        Schedule.objects.exclude(id=made["id"]).update(next_run_at=None)
        assert services.due_hand_out(now=now, actor=SYSTEM) == 1
        assert services.due_hand_out(now=now, actor=SYSTEM) == 0
        assert Schedule.objects.get(id=made["id"]).next_run_at == at("2027-01-11 06:00")
        Schedule.objects.filter(id=made["id"]).update(paused_at=now)
        assert services.due_hand_out(now=at("2028-01-01 00:00"), actor=SYSTEM) == 0


def test_a_run_that_cannot_be_says_why_and_tells(people: World):
    made = make(people.client(Role.OWNER), file_name="never.csv")
    with people.within("alpha", "one"):
        schedule = Schedule.objects.get(id=made["id"])
        due = at("2027-01-10 07:00")
        first = services.run_begin(schedule=schedule, due_at=due, actor=SYSTEM)
        again = services.run_begin(schedule=schedule, due_at=due, actor=SYSTEM)
        assert first.id == again.id
        assert (first.state, first.refusal) == ("refused", "There is no uploaded file never.csv any more.")
        told = Notice.objects.filter(kind="scheduled_runs", user_id=people.user(Role.OWNER).pk)
        assert [n.title for n in told] == ["Book could not be scored"]
    runs = people.client(Role.VIEWER).get(f"{ADDRESS}/{made['id']}/runs").json()["items"]
    assert runs[0]["refusal"] == first.refusal


def test_whoever_has_left_scores_nothing(people: World):
    made = make(people.client(Role.ANALYST))
    Membership.objects.filter(user=people.user(Role.ANALYST)).update(state=MembershipState.SUSPENDED)
    with people.within("alpha", "one"):
        schedule = Schedule.objects.get(id=made["id"])
        found = services.run_begin(schedule=schedule, due_at=at("2027-01-10 07:00"), actor=SYSTEM)
        assert "may no longer" in found.refusal
        assert not ScoringJob.objects.filter(scheduled_runs=found).exists()


@pytest.mark.worker
def test_the_clock_scores_a_file_again_and_tells_what_has_changed(own_tenant: OwnTenant, worker):
    first = run(own_tenant, HEADER + good_rows(60))
    made = make(own_tenant.client, frequency="daily", at="06:00")
    with own_tenant.within():
        Schedule.objects.update(next_run_at=datetime.now(UTC) - timedelta(minutes=1))
    assert dispatch() == 1

    def runs():
        return own_tenant.client.get(f"{ADDRESS}/{made['id']}/runs").json()["items"]

    wait_until(lambda: runs() and runs()[0]["large_changes"] is not None, "the run's end")
    found = runs()[0]
    assert (found["state"], found["large_changes"], found["begun_by"]) == ("completed", 0, None)
    report = own_tenant.client.get(f"/api/v1/predictions/jobs/{found['job_id']}/report").json()
    assert report["changes"]["previous"]["id"] == first["id"]
    assert report["scheduled"] == "Book"
    notices = own_tenant.client.get("/api/v1/notices?kind=scheduled_runs").json()["items"]
    assert len(notices) == 1
    assert notices[0]["text"].startswith("0 of 12 companies changed by more than 5 %.")
    # By a list of companies: what is stored of them is scored, at the push of a button.
    listed = make(own_tenant.client, name="Three", source="companies", symbols=["s0", "S1", "S2"])
    begun = own_tenant.client.post(f"{ADDRESS}/{listed['id']}/run")
    assert begun.status_code == 202, begun.content
    with own_tenant.within():
        going = Run.objects.get(id=begun.json()["id"])
        wait_until(lambda: ScoringJob.objects.get(id=going.job_id).state == "completed", "the job")
        job = ScoringJob.objects.get(id=going.job_id)
        assert (job.scored_rows, job.refused_rows) == (3, 0)
        # The same inputs and the same model give the same PDs.
        for score in job.scores.select_related("prediction"):
            before = score.prediction.scores.exclude(id=score.id).order_by("-id").first()
            assert score.pd == pytest.approx(before.pd, abs=1e-9)
