"""Progress that people believe: measured from chunks, polled with an ETag, streamed to those who may."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from accounts import services as accounts
from accounts import tokens
from accounts.memberships import membership_end
from accounts.middleware import SESSION_KEY
from accounts.models import AuthSession, Membership
from accounts.permissions import Role
from organizations.models import Organization
from predictions.live.channel import publish
from predictions.live.measuring import pace_of, progress_of, tag_of
from predictions.models import JobState, ScoringJob
from predictions.tests.test_files import HEADER, finished, good_rows, upload
from tenants.kernel.context import in_public
from tests.console import console
from tests.factories import ChunkFactory, JobFactory
from tests.fixtures import OwnTenant, World
from tests.streams import hang_up
from tests.worker import wait_until

ADDRESS = "/api/v1/predictions/jobs"
STREAM = "/stream/jobs"


def running_job(organization, rows=1000, **given) -> ScoringJob:
    given = {"state": JobState.PROCESSING, "total_rows": rows, "started_at": timezone.now(), **given}
    return JobFactory(organization=organization, planned_at=timezone.now(), **given)


# -- what is measured ----------------------------------------------------------------------------------


def test_the_pace_is_that_of_the_last_seconds(people: World):
    now = timezone.now()
    with people.within("alpha", "one"):
        owner = Organization.objects.get()
        job = running_job(owner, rows=10_000, started_at=now - timedelta(seconds=100), scored_rows=4000)
        ages = (90, 80, 20, 5)
        for number, age in enumerate(ages, 1):
            ChunkFactory(
                organization=owner, job=job, number=number, scored_rows=900, refused_rows=100,
                done_at=now - timedelta(seconds=age),
            )  # fmt: skip
        ChunkFactory(organization=owner, job=job, number=5)
        pace = pace_of(job, now=now)
        assert pace.overall == pytest.approx(40)
        assert pace.recent == pytest.approx(2000 / 30)
        assert pace.seconds_left == round(6000 / (2000 / 30))
        assert (pace.chunks_done, pace.chunks) == (4, 5)
        # Nothing for a while: the forecast is withdrawn, not kept.
        later = pace_of(job, now=now + timedelta(seconds=40))
        assert (later.recent, later.seconds_left) == (None, None)
        assert later.overall < pace.overall


def test_one_chunk_makes_no_forecast(people: World):
    now = timezone.now()
    with people.within("alpha", "one"):
        owner = Organization.objects.get()
        job = running_job(owner, started_at=now - timedelta(seconds=2), scored_rows=100)
        ChunkFactory(organization=owner, job=job, scored_rows=100, done_at=now)
        assert pace_of(job, now=now).seconds_left is None


def test_a_job_that_waits_says_so(people: World):
    with people.within("alpha", "one"):
        job = JobFactory(organization=Organization.objects.get(), state=JobState.PENDING)
        progress = progress_of(job)
    assert (progress["phase"], progress["rows_per_second"], progress["seconds_left"]) == (
        "waiting",
        None,
        None,
    )


# -- polling -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["", "/progress"])
def test_polling_costs_nothing_while_nothing_happens(people: World, ending):
    with people.within("alpha", "one"):
        job = JobFactory(
            organization=Organization.objects.get(), scored_rows=1, level_counts={"LOW": 1},
            started_at=timezone.now(), completed_at=timezone.now(),
        )  # fmt: skip
    client = people.client(Role.VIEWER)
    first = client.get(f"{ADDRESS}/{job.id}{ending}")
    again = client.get(f"{ADDRESS}/{job.id}{ending}", headers={"if-none-match": first["ETag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    with people.within("alpha", "one"):
        ScoringJob.objects.filter(id=job.id).update(refused_rows=1)
    changed = client.get(f"{ADDRESS}/{job.id}{ending}", headers={"if-none-match": first["ETag"]})
    assert changed.status_code == 200


def test_a_stall_changes_the_tag(people: World):
    now = timezone.now()
    with people.within("alpha", "one"):
        progress = progress_of(running_job(Organization.objects.get()))
    assert tag_of(progress, now=now) != tag_of(progress, now=now + timedelta(seconds=10))


# -- the stream ----------------------------------------------------------------------------------------


def host(own: OwnTenant) -> str:
    return f"{own.mark}.test"


def bearer(client) -> dict[str, str]:
    return {"Authorization": client._credentials["HTTP_AUTHORIZATION"]}


def follow(streams, own: OwnTenant, query: str = "", client=None, **headers):
    return streams.follow(STREAM + query, host(own), **bearer(client or own.client), **headers)


def tell(own: OwnTenant, job: ScoringJob, **changes) -> None:
    """Change a job and publish it, as a worker does."""
    with own.within():
        ScoringJob.objects.filter(id=job.id).update(**changes)
        publish(ScoringJob.objects.get(id=job.id))


def own_job(own: OwnTenant, **given) -> ScoringJob:
    with own.within():
        return running_job(Organization.objects.get(id=own.organization_id), **given)


@pytest.mark.worker
def test_a_real_job_is_seen_from_its_first_to_its_last_row(own_tenant: OwnTenant, worker, streams):
    follower = follow(streams, own_tenant)
    content = HEADER + good_rows(1500) + "BAD,Broken,Energy,1,2023,a lot,1,1,1,1\n"
    job_id = upload(own_tenant.client, content).json()["job_id"]
    finished(own_tenant.client, job_id)
    wait_until(lambda: any(not p["running"] for p in follower.jobs()), "the end of the job")
    seen = [p for p in follower.jobs() if p["job_id"] == job_id]
    done = [p["rows_done"] for p in seen]
    assert done == sorted(done)
    assert len(set(done)) >= 3, done
    last = seen[-1]
    assert (last["state"], last["rows_scored"], last["rows_refused"], last["percent"]) == (
        "completed", 1500, 1, 100,
    )  # fmt: skip
    assert sum(last["by_risk_level"].values()) == 1500
    assert last["rows_per_second"] > 0
    # The same words as for those who poll.
    polled = own_tenant.client.get(f"{ADDRESS}/{job_id}/progress").json()
    assert {k: v for k, v in polled.items() if k != "seconds"} == {
        k: v for k, v in last.items() if k != "seconds"
    }
    follower.close()


def test_who_begins_to_follow_hears_how_things_stand(own_tenant: OwnTenant, streams, django_db_blocker):
    with django_db_blocker.unblock():
        job = own_job(own_tenant, scored_rows=10)
        follower = follow(streams, own_tenant, f"?job={job.id}")
        wait_until(follower.jobs, "the first event")
        assert follower.jobs()[0]["rows_done"] == 10
        tell(own_tenant, job, scored_rows=20)
        wait_until(lambda: follower.jobs()[-1]["rows_done"] == 20, "the next event")
        tell(own_tenant, job, scored_rows=1000, state=JobState.COMPLETED)
        wait_until(lambda: follower.over, "the end of the stream")
        assert follower.end() == "done"
        assert follower.jobs()[-1]["state"] == "completed"
        # A job that has ended: its state, and the end.
        ended = follow(streams, own_tenant, f"?job={job.id}")
        wait_until(lambda: ended.over, "the end of the stream")
        assert ended.end() == "done"


def test_nobody_hears_of_another_tenant_or_organization(
    own_tenant: OwnTenant, world, streams, django_db_blocker
):
    with django_db_blocker.unblock():
        viewer = own_tenant.member("viewer")
        mine = follow(streams, own_tenant, client=viewer)
        job = own_job(own_tenant)
        with own_tenant.within():
            other = Organization.objects.create(name="Other", slug="other")
            foreign = running_job(other)
        stranger = world.client(Role.OWNER, "alpha", "one")
        theirs = streams.follow(STREAM, "alpha.test", **bearer(stranger))
        tell(own_tenant, foreign, scored_rows=1)
        tell(own_tenant, job, scored_rows=2)
        wait_until(mine.jobs, "the own job's event")
        assert {p["job_id"] for p in mine.jobs()} == {str(job.id)}
        assert theirs.jobs() == []
        for target in (foreign.id, "01990000-0000-7000-8000-0000deadbeef", "nonsense"):
            answer = streams.ask(f"{STREAM}?job={target}", host(own_tenant), **bearer(viewer))
            assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json")
        # A token of one tenant on the host of another.
        assert streams.ask(STREAM, "alpha.test", **bearer(own_tenant.client)).status == 403
        with own_tenant.within():
            foreign.delete()
            other.delete()
        mine.close()
        theirs.close()


def test_what_was_missed_is_told_again(own_tenant: OwnTenant, streams, django_db_blocker):
    with django_db_blocker.unblock():
        job = own_job(own_tenant)
        follower = follow(streams, own_tenant)
        tell(own_tenant, job, scored_rows=1)
        wait_until(lambda: any(i for _, i, _ in follower.events), "an event with an id")
        last = follower.events[-1][1]
        follower.close()
        tell(own_tenant, job, scored_rows=1000, state=JobState.COMPLETED)  # nobody listens
        again = follow(streams, own_tenant, Last_Event_ID=last)
        wait_until(again.jobs, "what was missed")
        assert [p["state"] for p in again.jobs()] == ["completed"]
        again.close()
        # An id that is too old, or none of ours: how things stand.
        job = own_job(own_tenant, scored_rows=7)
        for unknown in ("1-1", "nonsense"):
            third = follow(streams, own_tenant, Last_Event_ID=unknown)
            wait_until(third.jobs, "how things stand")
            assert third.jobs()[0]["rows_done"] == 7
            third.close()


def test_the_stream_ends_with_the_session(own_tenant: OwnTenant, streams, django_db_blocker):
    with django_db_blocker.unblock():
        follower = follow(streams, own_tenant)
        accounts.session_close(session_id=own_tenant.client.session_row.id, actor=own_tenant.owner.actor)
        wait_until(lambda: follower.over, "the end of the stream", seconds=30)
    assert follower.end() == "bad_token"


def test_the_stream_ends_with_the_membership(own_tenant: OwnTenant, streams, django_db_blocker):
    with django_db_blocker.unblock():
        follower = follow(streams, own_tenant, client=own_tenant.member("viewer"))
        held = Membership.objects.get(tenant_id=own_tenant.ref.id, role=Role.VIEWER)
        membership_end(membership=held, actor=own_tenant.owner.actor)
        wait_until(lambda: follower.over, "the end of the stream", seconds=30)
    assert follower.end() == "bad_token"


def test_the_stream_ends_with_the_token(own_tenant: OwnTenant, streams, django_db_blocker, monkeypatch):
    monkeypatch.setattr(tokens.AccessToken, "lifetime", timedelta(seconds=4))
    with django_db_blocker.unblock():
        short = tokens.access_for(own_tenant.client.session_row)
        follower = streams.follow(STREAM, host(own_tenant), Authorization=f"Bearer {short}")
        wait_until(lambda: follower.over, "the end of the stream", seconds=30)
        assert follower.end() == "token_expired"
        assert streams.ask(STREAM, host(own_tenant), Authorization=f"Bearer {short}").status == 401


def test_who_is_refused(own_tenant: OwnTenant, streams, django_db_blocker):
    with django_db_blocker.unblock():
        assert streams.ask(STREAM, host(own_tenant)).status == 401
        assert streams.ask(STREAM, host(own_tenant), Authorization="Bearer nonsense").status == 401
        assert streams.ask(STREAM, "nowhere.test").status == 404
        assert streams.ask("/api/v1/companies", host(own_tenant), **bearer(own_tenant.client)).status == 404
        assert streams.ask(STREAM, host(own_tenant), method="POST").status == 405


def test_a_user_holds_so_many_streams_and_no_more(own_tenant: OwnTenant, streams, django_db_blocker):
    with django_db_blocker.unblock():
        open_ones = [follow(streams, own_tenant) for _ in range(settings.STREAM_MAX_PER_USER)]
        answer = streams.ask(STREAM, host(own_tenant), **bearer(own_tenant.client))
        assert (answer.status, answer.headers["Retry-After"]) == (429, "10")
        assert b"too_many_streams" in answer.read()
        colleague = follow(streams, own_tenant, client=own_tenant.member("viewer"))
        for follower in [*open_ones, colleague]:
            follower.close()

        def free() -> bool:
            asked = streams.ask(STREAM, host(own_tenant), **bearer(own_tenant.client))
            hang_up(asked)
            return asked.status == 200

        wait_until(free, "a place that is given back")


def test_pages_of_other_origins_read_it_by_setting_only(own_tenant: OwnTenant, streams, django_db_blocker):
    with django_db_blocker.unblock():
        for origin, allowed in (
            (f"http://{host(own_tenant)}:8000", True),
            ("https://elsewhere.example", settings.CORS_ALLOW_ALL_ORIGINS),
        ):
            answer = streams.ask(STREAM, host(own_tenant), Origin=origin, **bearer(own_tenant.client))
            assert (answer.headers.get("Access-Control-Allow-Origin") == origin) is bool(allowed)
            # A cookie is of use on the same host only.
            with_cookies = answer.headers.get("Access-Control-Allow-Credentials") == "true"
            assert with_cookies is (host(own_tenant) in origin)
            hang_up(answer)
        preflight = streams.ask(
            STREAM, host(own_tenant), method="OPTIONS", Origin=f"http://{host(own_tenant)}:8000"
        )
        assert preflight.status == 204
        assert "authorization" in preflight.headers["Access-Control-Allow-Headers"]


def test_the_consoles_cookie_opens_it_on_its_own_host(
    own_tenant: OwnTenant, world, streams, django_db_blocker
):
    with django_db_blocker.unblock():
        client = console(world, Role.OWNER, own_tenant.mark, "own")
        cookie = f"drp_session={client.cookies['drp_session'].value}"
        job = own_job(own_tenant, scored_rows=3)
        follower = streams.follow(STREAM, host(own_tenant), Cookie=cookie)
        wait_until(follower.jobs, "how things stand")
        assert follower.jobs()[0]["job_id"] == str(job.id)
        assert streams.ask(STREAM, "alpha.test", Cookie=cookie).status == 401
        with in_public():
            session = AuthSession.objects.get(id=client.session[SESSION_KEY]["id"])
        accounts.session_close(session_id=session.id, actor=own_tenant.owner.actor)
        wait_until(lambda: follower.over, "the end of the stream", seconds=30)
