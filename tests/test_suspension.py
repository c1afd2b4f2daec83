"""What a suspended institution can still do: nothing, by any way in; and what it finds when it is back."""

from __future__ import annotations

import pytest
from django.core.cache import caches

from accounts import services as accounts
from accounts import tokens
from accounts.permissions import Role
from accounts.principals import principal_for
from organizations.models import Organization
from predictions import tasks
from predictions.models import ScoringJob
from tenants import services
from tenants.branding import logo_url
from tenants.kernel.jobs import HEADER
from tenants.kernel.request import SYSTEM
from tenants.models import JobTicket, Tenant
from tests import factories
from tests.console import browser, console, platform_console, sign_in, text_of
from tests.fixtures import PASSWORD, World, anonymous

API = "/api/v1"


@pytest.fixture
def suspend(people: World, django_capture_on_commit_callbacks):
    """A function that suspends alpha, and lets the effects on the cache happen."""

    def now(*, lift: bool = False) -> None:
        key = people.tenants["alpha"].id
        with django_capture_on_commit_callbacks(execute=True):
            if lift:
                services.tenant_restore(tenant_id=key, actor=SYSTEM)
            else:
                services.tenant_suspend(tenant_id=key, reason="unpaid", actor=SYSTEM)

    return now


def login(people: World, host: str):
    body = {"email": people.user(Role.OWNER).email, "password": PASSWORD}
    return anonymous().post(f"{API}/auth/login", body, format="json", headers={"host": host})


def test_nobody_logs_in_there_and_elsewhere_it_is_no_place(people: World, suspend):
    suspend()
    answer = login(people, "alpha.test")
    assert (answer.status_code, answer.json()["code"]) == (403, "tenant_suspended")
    there = login(people, "localhost")
    assert there.status_code == 200  # he is who he is, but has no place to work in
    client = anonymous()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {there.json()['access_token']}")
    me = client.get(f"{API}/auth/me", headers={"host": "localhost"}).json()
    assert (me["tenant"], me["organization"], me["places"]) == (None, None, [])


@pytest.mark.parametrize("host", ["alpha.test", "localhost"])
def test_tokens_stop_at_once_and_work_again_afterwards(people: World, suspend, host):
    client = people.client(Role.OWNER, host=host)
    assert client.get(f"{API}/companies").status_code == 200
    suspend()
    answer = client.get(f"{API}/companies")
    assert (answer.status_code, answer.json()["code"]) == (403, "tenant_suspended")
    suspend(lift=True)
    assert client.get(f"{API}/companies").status_code == 200


def test_a_refresh_gives_nothing(people: World, suspend):
    client = people.client(Role.OWNER)
    pair = accounts.issue(client.session_row)
    suspend()

    def refreshed(host):
        body = {"refresh_token": pair.refresh_token}
        return anonymous().post(f"{API}/auth/refresh", body, format="json", headers={"host": host})

    assert refreshed("alpha.test").status_code in {401, 403}
    # On the platform's host the person stays signed in, and works nowhere.
    answer = refreshed("localhost")
    assert answer.status_code == 200
    outside = anonymous()
    bearer = {"host": "localhost", "authorization": f"Bearer {answer.json()['access_token']}"}
    assert outside.get(f"{API}/users/me", headers=bearer).json()["tenant_id"] is None
    assert outside.get(f"{API}/companies", headers=bearer).status_code in {403, 404}
    assert tokens.read_refresh(pair.refresh_token).session_id == client.session_row.id


def test_switching_into_it_is_refused(people: World, suspend):
    client = people.client(Role.INDIVIDUAL)
    suspend()
    body = {"organization_id": str(people.organizations["alpha", "one"])}
    assert client.post(f"{API}/auth/switch-organization", body, format="json").status_code in {403, 404}


def test_the_console_shows_why(people: World, suspend):
    client = console(people, Role.TENANT_ADMIN)
    assert client.get("/admin/").status_code == 200
    suspend()
    answer = client.get("/admin/")
    assert answer.status_code == 403
    assert "suspended" in text_of(answer)
    assert sign_in(browser("alpha.test"), people.user(Role.TENANT_ADMIN).email).status_code == 403


def test_files_and_archives_are_not_given_out(people: World, suspend):
    client = people.client(Role.OWNER)
    with people.within("alpha"):
        job = factories.JobFactory(organization=Organization.objects.get(slug="one"))
    suspend()
    for address in (
        f"predictions/jobs/{job.id}/results.csv",
        f"predictions/jobs/{job.id}/errors",
        "tenant-exports",
    ):
        answer = client.get(f"{API}/{address}")
        assert (answer.status_code, answer.json()["code"]) == (403, "tenant_suspended")
    ref = Tenant.objects.get(id=people.tenants["alpha"].id).ref
    assert logo_url(ref) is None


def test_work_that_waits_is_not_done_and_beat_passes_it_by(people: World, suspend, monkeypatch):
    with people.within("alpha"):
        job = factories.JobFactory(organization=Organization.objects.get(slug="one"), state="pending")
    ticket = JobTicket.objects.create(
        id=job.id,
        tenant_id=people.tenants["alpha"].id,
        kind="annual",
        state="pending",
        heartbeat="2020-01-01T00:00Z",
    )
    suspend()
    sent = []
    monkeypatch.setattr(tasks, "enqueue", lambda name, **more: sent.append((name, more["job_id"])))
    tasks.sweep_jobs()
    assert str(ticket.id) not in [key for _, key in sent]
    stamp = {"schema": people.tenants["alpha"].schema_name, "organizations": None, "reason": "test"}
    outcome = tasks.plan_job.apply(kwargs={"job_id": str(job.id)}, headers={HEADER: stamp})
    assert outcome.state == "IGNORED"
    with people.within("alpha"):
        assert ScoringJob.objects.get(id=job.id).state == "pending"
    suspend(lift=True)
    JobTicket.objects.filter(id=ticket.id).update(heartbeat="2020-01-01T00:00Z")
    tasks.sweep_jobs()
    assert ("predictions.advance_job", str(ticket.id)) in sent


def test_usage_is_not_counted_for_it(people: World, suspend):
    suspend()
    before = Tenant.objects.select_related("usage").get(id=people.tenants["alpha"].id).usage.counted_at
    tasks.count_usage()
    after = Tenant.objects.select_related("usage").get(id=people.tenants["alpha"].id).usage.counted_at
    assert before == after


def test_sessions_of_it_see_no_other_tenant_instead(people: World, suspend):
    session = people.client(Role.OWNER).session_row
    suspend()
    caches["directory"].clear()
    principal = principal_for(session.id, people.tenants["beta"].id, None)
    assert principal is None


def test_an_operator_restores_it_on_the_console(people: World, suspend):
    client = platform_console(people)
    suspend()
    address = f"/admin/tenants/tenant/{people.tenants['alpha'].id}/restore/"
    assert client.post(address, {"reason": "paid"}).status_code == 302
    assert Tenant.objects.get(id=people.tenants["alpha"].id).state == "active"


def test_a_key_of_a_program_stops_as_well(people: World, suspend):
    asked = {"name": "Nightly", "scopes": ["companies.read"]}
    made = people.client(Role.ANALYST).post(f"{API}/api-keys", asked, format="json")
    secret = made.json()["secret"]
    for host in ("alpha.test", "localhost"):
        client = anonymous()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}", HTTP_HOST=host)
        assert client.get(f"{API}/companies").status_code == 200
    suspend()
    for host in ("alpha.test", "localhost"):
        client = anonymous()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}", HTTP_HOST=host)
        answer = client.get(f"{API}/companies")
        assert (answer.status_code, answer.json()["code"]) == (403, "tenant_suspended")
