"""What each state of an organization does, to whom."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import TestCase
from django.utils import timezone

from accounts import services as accounts
from accounts.models import AuthSession
from accounts.permissions import Role
from companies.models import Company
from organizations.models import AuditEvent, Organization, StateChange
from organizations.services import lifecycle
from predictions.models import Prediction, ScoringJob
from predictions.tasks import advance_job, score_chunk
from tenants.kernel import jobs, scope
from tenants.kernel.context import in_public
from tenants.kernel.request import SYSTEM
from tenants.models import OrganizationEntry, OrganizationState
from tests.fixtures import PASSWORD, World, anonymous

ROWS = "/api/v1/predictions/annual"
SCORE = {"company_symbol": "NEW", "reporting_year": 2024, "return_on_assets": 4}


def address(people: World, organization="two", end=""):
    return f"/api/v1/organizations/{people.organizations['alpha', organization]}{end}"


def set_state(people: World, state: str, organization="two") -> None:
    steps = {
        "inactive": lifecycle.organization_deactivate,
        "suspended": lifecycle.organization_suspend,
        "archived": lifecycle.organization_archive,
    }
    identifier = people.organizations["alpha", organization]
    with people.within("alpha"), TestCase.captureOnCommitCallbacks(execute=True):
        steps[state](organization_id=identifier, reason="test", actor=SYSTEM)


def test_suspend_and_lift_leave_a_history(people: World):
    admin = people.client(Role.TENANT_ADMIN)
    assert admin.post(address(people, end="/suspend"), {}).status_code == 400  # without a reason
    answer = admin.post(address(people, end="/suspend"), {"reason": "Unpaid."})
    assert (answer.status_code, answer.json()["state"]) == (200, "suspended")
    again = admin.post(address(people, end="/suspend"), {"reason": "Unpaid."})
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    assert admin.post(address(people, end="/lift"), {"reason": "Paid."}).json()["is_active"] is True
    history = admin.get(address(people, end="/history")).json()["items"]
    assert [(h["from_state"], h["to_state"], h["reason"]) for h in history] == [
        ("suspended", "active", "Paid."),
        ("active", "suspended", "Unpaid."),
    ]
    assert history[0]["by_email"] == people.user(Role.TENANT_ADMIN).email
    with people.within("alpha"):
        actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"organizations.organization.suspended", "organizations.organization.lifted"} <= actions


@pytest.mark.parametrize("state", ["suspended", "archived"])
def test_members_of_a_closed_organization_are_out(people: World, state):
    client = people.client(Role.OWNER, organization="two")
    assert client.get(ROWS).status_code == 200
    set_state(people, state)
    assert client.get(ROWS).status_code == 401
    with in_public():
        assert OrganizationEntry.objects.get(id=people.organizations["alpha", "two"]).state == state
    refused = anonymous().post(
        "/api/v1/auth/login",
        {"email": people.user(Role.OWNER, organization="two").email, "password": PASSWORD},
    )
    assert refused.status_code == 401


def test_members_of_an_inactive_organization_read_and_do_not_write(people: World):
    owner, analyst = (people.client(role, organization="two") for role in (Role.OWNER, Role.ANALYST))
    with TestCase.captureOnCommitCallbacks(execute=True):
        assert owner.patch(address(people), {"is_active": False}).json()["state"] == "inactive"
    for client in (owner, analyst):
        assert client.get(ROWS).status_code == 200
        answer = client.post(ROWS, SCORE)
        assert (answer.status_code, answer.json()["code"]) == (403, "organization_not_active")
    assert analyst.patch(address(people), {"is_active": True}).status_code == 403
    with TestCase.captureOnCommitCallbacks(execute=True):
        assert owner.patch(address(people), {"is_active": True}).json()["state"] == "active"
    assert analyst.post(ROWS, SCORE).status_code == 201


@pytest.mark.parametrize("state", ["inactive", "suspended"])
def test_a_tenant_admin_reads_a_closed_organization_and_does_not_write(people: World, state):
    admin = people.client(Role.TENANT_ADMIN)
    with people.within("alpha", "two"):
        row = Prediction.objects.filter(kind="annual").first()
    assert admin.delete(f"{ROWS}/{row.pk}").status_code == 204
    with people.within("alpha", "two"):
        Prediction.objects.filter(kind="annual").count()
        row = Prediction.objects.filter(kind="quarterly").first()
    set_state(people, state)
    one = f"/api/v1/predictions/quarterly/{row.pk}"
    assert admin.get(one).status_code == 200
    answer = admin.delete(one)
    assert (answer.status_code, answer.json()["code"]) == (409, "organization_not_active")
    assert admin.get(address(people)).json()["state"] == state


def test_archived_is_out_of_every_list_until_it_is_asked_for(people: World):
    admin = people.client(Role.TENANT_ADMIN)
    with people.within("alpha", "two"):
        company = Company.objects.first()
    set_state(people, "archived")
    shown = {o["id"] for o in admin.get("/api/v1/organizations/").json()["organizations"]}
    assert str(people.organizations["alpha", "two"]) not in shown
    found = admin.get("/api/v1/organizations?state=archived").json()["items"]
    assert [o["name"] for o in found] == ["Two"]
    assert admin.get(f"/api/v1/companies/{company.pk}").status_code == 404
    assert admin.patch(address(people), {"name": "Other"}).status_code in {404, 409}
    restored = admin.post(address(people, end="/restore"), {})
    assert restored.json()["is_active"] is True
    assert admin.get(f"/api/v1/companies/{company.pk}").status_code == 200


def test_the_default_organization_stays_open(people: World):
    admin = people.client(Role.TENANT_ADMIN)
    answer = admin.post(address(people, "one", "/archive"), {"reason": "Old."})
    assert (answer.status_code, answer.json()["code"]) == (409, "default_organization")
    # Another one takes its place; then it can go.
    assert admin.patch(address(people, "two"), {"is_default": True}).json()["is_default"] is True
    assert admin.post(address(people, "one", "/archive"), {"reason": "Old."}).status_code == 200
    with in_public():
        defaults = OrganizationEntry.objects.filter(tenant_id=people.tenants["alpha"].id, is_default=True)
        assert [e.name for e in defaults] == ["Two"]


def test_nothing_is_made_in_a_tenant_admins_organization_that_is_closed(people: World):
    admin = people.client(Role.TENANT_ADMIN)
    wanted = str(people.organizations["alpha", "two"])
    switched = admin.post("/api/v1/auth/switch-organization", {"organization_id": wanted})
    admin.credentials(HTTP_AUTHORIZATION=f"Bearer {switched.json()['access_token']}")
    assert admin.post(ROWS, SCORE).json()["organization_id"] == wanted
    set_state(people, "suspended")
    answer = admin.post(ROWS, {**SCORE, "company_symbol": "NEXT"})
    assert (answer.status_code, answer.json()["code"]) == (409, "organization_not_active")


def test_a_session_goes_on_elsewhere_when_its_organization_closes(people: World):
    owner = people.user(Role.OWNER, organization="two")
    with people.within("alpha"):
        accounts.membership_grant(
            user=owner,
            tenant_id=people.tenants["alpha"].id,
            organization_id=people.organizations["alpha", "one"],
            role=Role.VIEWER,
            vouched=True,
            actor=SYSTEM,
        )
    client = people.client(Role.OWNER, organization="two")
    pair = accounts.issue(client.session_row)
    set_state(people, "suspended")
    assert client.get(ROWS).status_code == 401
    bearer = {"authorization": f"Bearer {pair.refresh_token}"}
    answer = anonymous().post("/api/v1/auth/refresh", {}, headers=bearer)
    assert answer.status_code == 200, answer.content
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access_token']}")
    assert client.get("/api/v1/auth/me").json()["organization"]["name"] == "One"


def test_without_another_place_on_the_host_the_session_is_refused(people: World):
    client = people.client(Role.ANALYST, organization="two")
    pair = accounts.issue(client.session_row)
    set_state(people, "archived")
    bearer = {"authorization": f"Bearer {pair.refresh_token}"}
    answer = anonymous().post("/api/v1/auth/refresh", {}, headers=bearer)
    assert (answer.status_code, answer.json()["code"]) == (401, "place_lost")
    # On the platform's host he goes on as somebody without an organization.
    answer = anonymous().post("/api/v1/auth/refresh", {}, headers={**bearer, "host": "localhost"})
    assert answer.status_code == 200
    with in_public():
        assert AuthSession.objects.get(id=client.session_row.id).organization_id is None


def test_only_an_empty_organization_is_deleted_at_once(people: World):
    admin = people.client(Role.TENANT_ADMIN)
    full = admin.delete(address(people, "two"))
    assert (full.status_code, full.json()["code"]) == (409, "organization_not_empty")
    made = admin.post("/api/v1/organizations", {"name": "Short-lived"}).json()
    assert admin.delete(f"/api/v1/organizations/{made['id']}").status_code == 204
    assert admin.get(f"/api/v1/organizations/{made['id']}").status_code == 404
    with in_public():
        assert not OrganizationEntry.objects.filter(id=made["id"]).exists()


def test_an_archive_is_deleted_with_all_it_holds_when_it_is_old_enough(people: World):
    admin = people.client(Role.TENANT_ADMIN)
    identifier = people.organizations["alpha", "two"]
    set_state(people, "archived")
    assert admin.delete(address(people, "two")).json()["code"] == "organization_not_empty"
    past = timezone.now() - timedelta(days=settings.ORGANIZATION_DELETE_AFTER_DAYS, minutes=1)
    with people.within("alpha"):
        Organization.objects.filter(id=identifier).update(archived_at=past)
    assert admin.delete(address(people, "two")).status_code == 204
    with people.within("alpha"):
        for model in (Organization, Company, Prediction, StateChange):
            field = "id" if model is Organization else "organization_id"
            assert not model.objects.filter(**{field: identifier}).exists()
        assert AuditEvent.objects.filter(action="organizations.organization.deleted").exists()


def test_a_task_for_a_closed_organization_does_nothing(people: World):
    """The worker's signals, called as Celery calls them: what was sent before runs after."""
    alpha = people.tenants["alpha"].schema_name
    both = [str(people.organizations["alpha", o]) for o in ("one", "two")]
    set_state(people, "suspended")

    def reach_of(organizations: list[str]) -> set | None:
        stamp = {"schema": alpha, "organizations": organizations, "reason": "test"}
        score_chunk.push_request(headers={jobs.HEADER: {**stamp, "actor": [None, "test"]}})
        try:
            jobs._enter(task=score_chunk)
            entered = getattr(score_chunk.request, "entered_reach", False)
            return set(map(str, scope.current().organization_ids)) if entered else None
        finally:
            jobs._leave(task=score_chunk)
            score_chunk.pop_request()

    assert reach_of(both) == {both[0]}
    assert reach_of([both[1]]) is None
    # The sweep sees every organization, and looks after no job of a closed one.
    with people.within("alpha", "two"):
        job = ScoringJob.objects.first()
        ScoringJob.objects.filter(pk=job.pk).update(state="processing", planned_at=timezone.now())
    stamp = {"schema": alpha, "organizations": None, "reason": "sweep", "actor": [None, "test"]}
    advance_job.push_request(headers={jobs.HEADER: stamp})
    try:
        jobs._enter(task=advance_job)
        advance_job(job_id=str(job.pk))
    finally:
        jobs._leave(task=advance_job)
        advance_job.pop_request()
    with people.within("alpha", "two"):
        assert ScoringJob.objects.get(pk=job.pk).state == "processing"


def test_every_state_has_its_words():
    """A state that is added must be thought about wherever states decide."""
    assert set(OrganizationState) == {"active", "inactive", "suspended", "archived"}
