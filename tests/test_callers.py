"""Every action against callers who are somebody, but not in order: rules written out by hand.

``tests/test_permissions.py`` walks every action with every role; here the same actions are walked by an
owner of another organization, by somebody of another tenant, and by those whose account, organization or
institution is not in order. Each walk is one test: hundreds of requests share a client, and leave nothing.
"""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from accounts.models import User, UserState
from accounts.permissions import Role
from organizations.models import Organization
from tenants.kernel.ids import uuid7
from tenants.models import OrganizationEntry, OrganizationState, Tenant, TenantState
from tests.fixtures import World, _forget_cache
from tests.test_isolation import ROW
from tests.test_permissions import EVERYBODY, ROUTES, TABLE, actions_of

NOBODYS = "01990000-0000-7000-8000-0000deadbeef"
# An address that is not proved yet: its owner works alone, and founds, joins and invites nothing.
UNVERIFIED_MAY_NOT = {("organizations", "create"), ("api-keys", "create")}


def walk(client, rows=None, only=None):
    """Ask for everything once; yields route, action and answer. Nothing that is written stays."""
    for prefix, viewset in ROUTES.items():
        if only is not None and prefix not in only:
            continue
        for action, method, detail, ending in actions_of(viewset):
            row = (rows or {}).get(prefix, NOBODYS)
            address = f"/api/v1/{prefix}" + (f"/{row}" if detail else "")
            parts = {"user_id": NOBODYS, "email": "listed@firm.test"}
            with transaction.atomic():
                answer = getattr(client, method)(address + ending.format(**parts), {}, format="json")
                if not connection.needs_rollback:
                    transaction.set_rollback(True)
            yield prefix, action, answer


def wrong(answers, rule):
    """Where the outcome is another than the rule says: status and code, or a set of statuses."""
    found = {}
    for prefix, action, answer in answers:
        expected = rule(prefix, action)
        code = answer.json().get("code") if "problem" in answer.get("Content-Type", "") else None
        if expected is None or answer.status_code in expected or (answer.status_code, code) in expected:
            continue
        found[f"{prefix} {action}"] = (answer.status_code, code, expected)
    return found


def is_open(prefix: str, action: str) -> bool:
    return TABLE[prefix][action] == EVERYBODY


def test_a_suspended_user_is_nobody(people: World):
    client = people.client(Role.OWNER)
    user = people.user(Role.OWNER)
    User.objects.filter(pk=user.pk).update(is_active=False, state=UserState.SUSPENDED)
    # What needs no account stays open to everybody, also to him.
    assert wrong(walk(client), lambda p, a: None if is_open(p, a) else {401}) == {}


def test_a_member_of_an_archived_organization_is_nobody_there(people: World):
    client = people.client(Role.OWNER)
    one = people.organizations["alpha", "one"]
    with people.within("alpha"):
        Organization.objects.filter(id=one).update(state=OrganizationState.ARCHIVED)
    OrganizationEntry.objects.filter(id=one).update(state=OrganizationState.ARCHIVED)
    _forget_cache()
    assert wrong(walk(client), lambda p, a: None if is_open(p, a) else {401}) == {}


@pytest.mark.parametrize("role", [Role.TENANT_ADMIN, Role.OWNER, Role.VIEWER])
@pytest.mark.parametrize("host", ["alpha.test", "localhost"])
def test_a_suspended_tenant_is_closed_to_all_of_its_people(people: World, role, host):
    client = people.client(role, host=host)
    Tenant.objects.filter(id=people.tenants["alpha"].id).update(state=TenantState.SUSPENDED)
    _forget_cache()
    only = None if (role, host) == (Role.OWNER, "alpha.test") else {"companies", "auth", "audit", "tenant"}

    def rule(prefix: str, action: str):
        # A refresh reads a token of its own, on the platform's host only then a tenant.
        own = (prefix, action, host) == ("auth", "refresh", "localhost")
        return {401} if own else {(403, "tenant_suspended")}

    assert wrong(walk(client, only=only), rule) == {}


@pytest.mark.parametrize("role", [Role.TENANT_ADMIN, Role.OWNER])
def test_a_token_of_another_tenant_opens_nothing_here(people: World, role):
    client = people.client(role, "beta", host="alpha.test")
    only = None if role == Role.OWNER else {"companies", "auth", "audit", "tenant"}

    def rule(prefix: str, action: str):
        # A refresh reads a token of its own.
        return None if (prefix, action) == ("auth", "refresh") else {(403, "wrong_tenant")}

    assert wrong(walk(client, only=only), rule) == {}


def test_an_owner_of_another_organization_finds_no_row_of_this_one(people: World):
    with people.within("alpha", "one"):
        rows = {prefix: find().pk for prefix, find in ROW.items()}
    client = people.client(Role.OWNER, "alpha", "two")
    details = {(p, a) for p in rows for a, _, detail, _ in actions_of(ROUTES[p]) if detail}

    def rule(prefix: str, action: str):
        if (prefix, action) not in details:
            return None
        allowed = TABLE[prefix][action]
        # What is for its maker alone names nobody: a stranger to the organization does not find it either.
        return {404} if Role.OWNER in allowed or not allowed else {403}

    assert wrong(walk(client, rows, only=set(rows)), rule) == {}


def test_an_unverified_person_works_alone(people: World):
    client = people.client(Role.INDIVIDUAL)
    User.objects.filter(pk=people.user(Role.INDIVIDUAL).pk).update(email_verified_at=None)
    _forget_cache()

    def rule(prefix: str, action: str):
        if (prefix, action) in UNVERIFIED_MAY_NOT:
            return set(range(400, 500))
        if (prefix, action) == ("auth", "refresh"):
            return {401}  # there is no refresh token in the walk
        if Role.INDIVIDUAL in TABLE[prefix][action]:
            # Allowed: whatever is wrong with an empty body, or a row that is not there.
            return {200, 201, 202, 204, 304, 400, 403, 404, 409, 410, 415, 422}
        return {403, 404}

    assert wrong(walk(client), rule) == {}


def test_a_session_of_nobody_opens_nothing(people: World):
    client = people.client(Role.OWNER)
    client.session_row.revoked_at = client.session_row.created_at
    client.session_row.save()
    assert wrong(walk(client), lambda p, a: None if is_open(p, a) else {401}) == {}


def test_the_page_of_permissions_is_current():
    call_command("permission_page", "--check")


def test_a_row_that_nobody_has_is_absent_to_all(people: World):
    for role in (Role.SUPER_ADMIN, Role.TENANT_ADMIN, Role.VIEWER):
        assert people.client(role).get(f"/api/v1/companies/{uuid7()}").status_code == 404
