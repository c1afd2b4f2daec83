"""Keys of programs: what they open, what they never open, and how they end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import TestCase
from django.utils import timezone

from accounts import hashing
from accounts.api_keys import secrets
from accounts.api_keys.models import ApiKey
from accounts.api_keys.services import NOT_FOR_KEYS
from accounts.models import Membership, User
from accounts.permissions import MATRIX, PERMISSIONS, WHOLE_TENANT, Role
from accounts.standing.selectors import PLATFORM
from accounts.standing.services import user_deactivate
from organizations.models import AuditEvent
from tenants.kernel.context import in_tenant
from tenants.kernel.request import SYSTEM
from tests.factories import ApiKeyFactory
from tests.fixtures import PASSWORD, World, anonymous
from tests.test_permissions import ROUTES

KEYS = "/api/v1/api-keys"
READ = ["companies.read", "predictions.read"]


def make(client, scopes=READ, **more):
    return client.post(KEYS, {"name": "Nightly", "scopes": list(scopes), **more}, format="json")


def program(secret: str, host: str = "alpha.test"):
    """A client that calls with a key."""
    client = anonymous()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}", HTTP_HOST=host)
    return client


@pytest.fixture
def key(people: World) -> dict[str, str]:
    """A key of an analyst, who may write: one that may only read."""
    return make(people.client(Role.ANALYST)).json()


def test_what_a_key_looks_like():
    made = {secrets.new_secret() for _ in range(50)}
    assert len(made) == 50
    for secret in made:
        assert secret.startswith("drp_live_")
        assert len(secret) == 55
        assert secrets.is_well_formed(secret)
        assert not secrets.is_well_formed(secret[:-1] + ("a" if secret[-1] != "a" else "b"))
    for nonsense in ("", "drp_live_", "drp_live_" + "x" * 46, secret[9:], f"x{secret}", secret + "1"):
        assert not secrets.is_well_formed(nonsense)


def test_a_typing_error_costs_no_query(people: World, django_assert_num_queries):
    secret = secrets.new_secret()
    wrong = secret[:20] + ("a" if secret[20] != "a" else "b") + secret[21:]
    from accounts.api_keys.reading import key_of

    with django_assert_num_queries(0):
        assert key_of(wrong) is None


def test_the_secret_is_shown_once_and_kept_as_a_hash(people: World, key):
    row = ApiKey.objects.get(id=key["id"])
    assert row.secret_hash == hashing.digest(key["secret"])
    assert key["secret"] not in str(ApiKey.objects.values())
    assert key["secret"].startswith(key["hint"])
    client = people.client(Role.ANALYST)
    listed = client.get(KEYS)
    assert [item["id"] for item in listed.json()["items"]] == [key["id"]]
    assert key["secret"] not in listed.content.decode() + client.get(f"{KEYS}/{key['id']}").content.decode()
    with in_tenant(people.tenants["alpha"]):
        event = AuditEvent.objects.get(action="accounts.api_key.created")
    assert (event.actor_id, event.category) == (people.user(Role.ANALYST).id, "security")
    assert key["secret"] not in str(event.changes)


def test_a_key_works_within_its_scopes_only(people: World, key):
    client = program(key["secret"])
    answer = client.get("/api/v1/companies")
    assert answer.status_code == 200
    assert {row["organization_id"] for row in answer.json()["items"]} == {
        str(people.organizations["alpha", "one"])
    }
    refused = client.post("/api/v1/predictions/annual", {}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert client.get("/api/v1/predictions/jobs").status_code == 403
    assert client.get("/api/v1/auth/me").json()["email"] == people.user(Role.ANALYST).email
    # From the platform's host as well, and from no other institution's.
    assert program(key["secret"], "localhost").get("/api/v1/companies").status_code == 200
    elsewhere = program(key["secret"], "beta.test").get("/api/v1/companies")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "wrong_tenant")


def test_use_is_remembered_but_not_written_each_time(people: World, key):
    client = program(key["secret"])
    client.get("/api/v1/companies")
    first = ApiKey.objects.get(id=key["id"]).last_used_at
    assert first is not None
    client.get("/api/v1/companies")
    assert ApiKey.objects.get(id=key["id"]).last_used_at == first
    assert ApiKey.objects.get(id=key["id"]).last_used_from == "127.0.0.1"


def test_what_a_key_does_is_written_down_as_the_keys(people: World):
    made = make(people.client(Role.ANALYST), ["predictions.create"]).json()
    body = {"company_symbol": "BYKEY", "reporting_year": 2024, "return_on_assets": 4}
    assert program(made["secret"]).post("/api/v1/predictions/annual", body, format="json").status_code == 201
    with in_tenant(people.tenants["alpha"]):
        event = AuditEvent.objects.filter(action__startswith="predictions.").order_by("-id").first()
    assert (event.credential, str(event.credential_id)) == ("api_key", made["id"])
    assert event.actor_id == people.user(Role.ANALYST).id


# -- scopes -------------------------------------------------------------------------------------


def test_nobody_gives_what_he_does_not_hold(people: World):
    answer = make(people.client(Role.VIEWER), ["companies.read", "predictions.create"])
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/scopes"
    assert "predictions.create" in answer.json()["errors"][0]["detail"]
    for scopes in ([], ["no.such"], ["*"]):
        assert make(people.client(Role.OWNER), scopes).status_code == 400


@pytest.mark.parametrize("permission", sorted(NOT_FOR_KEYS & set(PERMISSIONS)))
def test_some_permissions_take_a_person(people: World, permission):
    assert make(people.client(Role.TENANT_ADMIN), [permission], whole_tenant=True).status_code == 400


def test_a_key_sinks_with_its_owner(people: World):
    """Scopes are met with what the owner holds at each use."""
    made = make(people.client(Role.OWNER), ["companies.read", "members.read", "predictions.create"]).json()
    client = program(made["secret"])
    assert client.post("/api/v1/predictions/annual", {}, format="json").status_code == 400
    Membership.objects.filter(user=people.user(Role.OWNER)).update(role=Role.VIEWER)
    forget_grants(made)
    assert client.post("/api/v1/predictions/annual", {}, format="json").status_code == 403
    assert client.get("/api/v1/companies").status_code == 200


def forget_grants(made) -> None:
    """What DIRECTORY_SECONDS does by itself."""
    from django.core.cache import caches

    caches["directory"].delete(f"grants:key:{made['id']}")


def test_a_lost_membership_ends_the_keys_work(people: World, key):
    client = program(key["secret"])
    assert client.get("/api/v1/companies").status_code == 200
    Membership.objects.filter(user=people.user(Role.ANALYST)).delete()
    forget_grants(key)
    assert client.get("/api/v1/companies").status_code == 401


def test_deactivation_ends_keys_for_good_and_at_once(people: World, key, django_capture_on_commit_callbacks):
    client, user = program(key["secret"]), people.user(Role.ANALYST)
    assert client.get("/api/v1/companies").status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        row = User.objects.get(pk=user.pk)
        user_deactivate(user=row, reach=PLATFORM, actor=SYSTEM, role=Role.SUPER_ADMIN)
    assert client.get("/api/v1/companies").status_code == 401
    assert ApiKey.objects.get(id=key["id"]).revoked_because == "deactivated"


def test_the_key_of_one_organization_reaches_no_other(people: World):
    admin = people.client(Role.TENANT_ADMIN)
    nowhere = make(admin)
    assert (nowhere.status_code, nowhere.json()["errors"][0]["pointer"]) == (400, "/whole_tenant")
    wide = program(make(admin, whole_tenant=True).json()["secret"])
    owners = {row["organization_id"] for row in wide.get("/api/v1/companies").json()["items"]}
    assert len(owners) == 2
    one = people.organizations["alpha", "one"]
    ApiKey.objects.update(organization_id=one)
    from tests.fixtures import _forget_cache

    _forget_cache()
    owners = {row["organization_id"] for row in wide.get("/api/v1/companies").json()["items"]}
    assert owners == {str(one)}
    refused = make(people.client(Role.OWNER), whole_tenant=True)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_whole_tenant")


CREATE_USER = "/api/v1/auth/admin/create-user"


@pytest.mark.parametrize("whole_tenant", [True, False])
@pytest.mark.parametrize("role", ["tenant_admin", "org_admin", "analyst", "viewer"])
def test_a_key_makes_no_account_that_may_more_than_itself(people: World, role, whole_tenant):
    """Else whoever holds a key for one thing signs in a moment later with an account for everything."""
    admin = people.client(Role.TENANT_ADMIN)
    if not whole_tenant:
        admin = people.client(Role.OWNER)
    scopes = ["members.read", "members.change"]
    secret = make(admin, scopes, whole_tenant=whole_tenant).json()["secret"]
    place = str(people.organizations["alpha", "one"])
    body = {"email": "made@evil.test", "password": PASSWORD, "role": role, "organization_id": place}
    answer = program(secret).post(CREATE_USER, body, format="json")
    assert answer.status_code == 403, answer.content
    assert not User.objects.filter(email="made@evil.test").exists()


@pytest.fixture
def boss_in_one(people: World):
    """The admin of an institution, at work in one of its organizations."""
    client = people.client(Role.TENANT_ADMIN)
    place = {"organization_id": str(people.organizations["alpha", "one"])}
    with TestCase.captureOnCommitCallbacks(execute=True):
        pair = client.post("/api/v1/auth/switch-organization", place, format="json").json()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['access_token']}")
    return client


def test_a_key_for_one_organization_makes_no_admin_of_the_institution(people: World, boss_in_one):
    every = [p for p in MATRIX[Role.TENANT_ADMIN] if p not in NOT_FOR_KEYS | WHOLE_TENANT]
    made = make(boss_in_one, every).json()
    assert made["organization_id"] == str(people.organizations["alpha", "one"])
    body = {"email": "made@evil.test", "password": PASSWORD, "role": "tenant_admin"}
    answer = program(made["secret"]).post(CREATE_USER, body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "role_too_high")


def test_a_key_for_one_organization_changes_nothing_of_the_institution(people: World, boss_in_one):
    """Its second factor and single sign-on among them; not even with a key from before the rule."""
    assert make(boss_in_one, ["tenant.change"]).status_code == 400
    made = make(boss_in_one, READ).json()
    ApiKey.objects.filter(id=made["id"]).update(scopes=sorted(WHOLE_TENANT))
    client = program(made["secret"])
    assert client.get("/api/v1/tenant").status_code == 403
    answer = client.patch("/api/v1/tenant/settings", {"require_mfa": False}, format="json")
    assert answer.status_code == 403
    assert client.post("/api/v1/organizations", {"name": "Third"}, format="json").status_code == 403
    whole = make(boss_in_one, ["tenant.read"], whole_tenant=True).json()["secret"]
    assert program(whole).get("/api/v1/tenant").status_code == 200


@pytest.mark.parametrize("way", ["role", "invitation", "link", "whitelist", "default"])
def test_a_key_raises_nobody_above_its_scopes(people: World, way):
    scopes = ["members.change", "joining.change", "organizations.change", "organizations.read"]
    client = program(make(people.client(Role.OWNER), scopes).json()["secret"])
    here = f"/api/v1/organizations/{people.organizations['alpha', 'one']}"
    member = people.user(Role.VIEWER)
    calls = {
        "role": ("put", f"/api/v1/users/members/{member.id}/role", {"role": "admin"}),
        "invitation": ("post", f"{here}/invitations", {"email": "made@evil.test", "role": "admin"}),
        "link": ("post", f"{here}/links", {"role": "admin"}),
        "whitelist": ("post", f"{here}/whitelist", {"email": "made@evil.test", "role": "admin"}),
        "default": ("patch", here, {"default_role": "admin"}),
    }
    verb, address, body = calls[way]
    answer = getattr(client, verb)(address, body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "beyond_key"), answer.content


def test_operators_have_no_keys(people: World):
    answer = make(people.client(Role.SUPER_ADMIN), ["companies.read"])
    assert (answer.status_code, answer.json()["code"]) == (403, "no_keys_here")


# -- what a key never does ----------------------------------------------------------------------


def test_a_key_touches_nothing_of_the_account(people: World):
    """Every action for everybody signed in is closed to keys, but for who-am-I."""
    admin = people.client(Role.TENANT_ADMIN)
    held = [p for p in PERMISSIONS if p not in NOT_FOR_KEYS and not p.startswith("platform")]
    made = make(admin, [p for p in held if p in _grantable(admin)], whole_tenant=True)
    client = program(made.json()["secret"])
    closed = []
    for prefix, viewset in ROUTES.items():
        for extra in viewset.get_extra_actions():
            for method, name in extra.mapping.items():
                if viewset.permissions[name] != "signed-in" or extra.detail or name == "me":
                    continue
                answer = getattr(client, method)(f"/api/v1/{prefix}/{extra.url_path}", {}, format="json")
                assert (answer.status_code, answer.json()["code"]) == (403, "not_by_key"), (prefix, name)
                closed.append(name)
    assert {"logout", "switch_organization", "prove", "begin_totp", "confirm_totp", "renew_codes"} <= set(
        closed
    )
    for method, path in (("get", ""), ("post", ""), ("post", f"/{made.json()['id']}/rotate")):
        assert getattr(client, method)(f"{KEYS}{path}", {}, format="json").status_code == 403


def _grantable(client) -> set[str]:
    from accounts.permissions import MATRIX

    return set(MATRIX[Role.TENANT_ADMIN])


def test_a_key_has_a_limit_of_its_own(people: World, key, settings):
    settings.RATE_LIMITS = True
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"read": (1, 3600, 2)}
    second = make(people.client(Role.ANALYST), name="another").json()
    one, other, owner = program(key["secret"]), program(second["secret"]), people.client(Role.ANALYST)
    assert [one.get("/api/v1/companies").status_code for _ in range(3)] == [200, 200, 429]
    assert one.get("/api/v1/companies")["RateLimit-Policy"] == '"read";q=2;w=7200'
    # Neither a second key of the same person nor his own session has used anything up.
    assert [caller.get("/api/v1/companies").status_code for caller in (other, owner)] == [200, 200]


def test_a_key_is_no_log_in(people: World, key):
    for body in ({}, {"refresh_token": key["secret"]}):
        answer = program(key["secret"]).post("/api/v1/auth/refresh", body, format="json")
        assert answer.status_code == 401
    assert program(key["secret"]).get("/admin/").status_code == 302


def test_making_and_rotating_need_a_fresh_proof(people: World, key):
    client = people.client(Role.ANALYST, proved=False)
    for answer in (make(client), client.post(f"{KEYS}/{key['id']}/rotate", {})):
        assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")
    assert client.post("/api/v1/auth/step-up", {"password": PASSWORD}).status_code == 200
    assert make(client).status_code == 201


def test_an_institution_that_asks_for_a_second_factor_asks_of_keys_too(people: World, key, settings):
    from tenants.models import Tenant, TenantSettings
    from tenants.selectors import forget_tenant

    client = program(key["secret"])
    TenantSettings.objects.filter(tenant_id=people.tenants["alpha"].id).update(require_mfa=True)
    forget_tenant(Tenant.objects.get(id=people.tenants["alpha"].id))
    assert client.get("/api/v1/companies").json()["code"] == "mfa_enrolment_required"


def test_a_module_that_is_off_silences_keys(people: World, key):
    from tenants.models import Tenant, TenantSettings
    from tenants.selectors import forget_tenant

    client, person = program(key["secret"]), people.client(Role.ANALYST)
    TenantSettings.objects.filter(tenant_id=people.tenants["alpha"].id).update(modules_off=["api_keys"])
    forget_tenant(Tenant.objects.get(id=people.tenants["alpha"].id))
    assert client.get("/api/v1/companies").status_code == 401
    assert person.get(KEYS).json()["code"] == "module_off"
    assert person.get("/api/v1/companies").status_code == 200


# -- whose keys ---------------------------------------------------------------------------------


def test_keys_of_others(people: World, key, django_capture_on_commit_callbacks):
    other_tenant = ApiKeyFactory(
        user=people.user(Role.ANALYST, "beta"),
        tenant_id=people.tenants["beta"].id,
        organization_id=people.organizations["beta", "one"],
    )
    other_organization = ApiKeyFactory(
        user=people.user(Role.ANALYST, "alpha", "two"),
        tenant_id=people.tenants["alpha"].id,
        organization_id=people.organizations["alpha", "two"],
    )
    owner, viewer = people.client(Role.OWNER), people.client(Role.VIEWER)
    assert [item["id"] for item in owner.get(KEYS).json()["items"]] == [key["id"]]
    assert viewer.get(KEYS).json()["items"] == []
    admin_sees = {item["id"] for item in people.client(Role.TENANT_ADMIN).get(KEYS).json()["items"]}
    assert admin_sees == {key["id"], str(other_organization.id)}
    for client, row in (
        (owner, other_tenant),
        (owner, other_organization),
        (people.client(Role.TENANT_ADMIN), other_tenant),
        (viewer, ApiKey.objects.get(id=key["id"])),
    ):
        address = f"{KEYS}/{row.id}"
        assert client.get(address).status_code == 404
        assert client.delete(address).status_code == 404
        assert client.post(f"{address}/rotate", {}).status_code == 404
    # Who runs the organization may end a member's key, and never gets its successor.
    rotated = owner.post(f"{KEYS}/{key['id']}/rotate", {})
    assert (rotated.status_code, rotated.json()["code"]) == (403, "not_yours")
    program_client = program(key["secret"])
    assert program_client.get("/api/v1/companies").status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        assert owner.delete(f"{KEYS}/{key['id']}").status_code == 204
    assert program_client.get("/api/v1/companies").status_code == 401
    assert owner.delete(f"{KEYS}/{key['id']}").json()["code"] == "key_dead"


# -- life ---------------------------------------------------------------------------------------


def test_a_key_expires(people: World, key):
    client = program(key["secret"])
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = client.get("/api/v1/companies")
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_token")
    assert people.client(Role.ANALYST).get(f"{KEYS}/{key['id']}").json()["state"] == "expired"
    assert people.client(Role.ANALYST).post(f"{KEYS}/{key['id']}/rotate", {}).json()["code"] == "key_dead"


def test_the_life_of_a_key_is_bounded(people: World):
    client = people.client(Role.ANALYST)
    days = (timezone.now() + timedelta(days=90)).date().isoformat()
    assert make(client).json()["expires_at"].startswith(days)
    for wrong in (0, 366, -1):
        assert make(client, days=wrong).status_code == 400


def test_rotation_overlaps_and_happens_once(people: World, key, django_capture_on_commit_callbacks):
    client = people.client(Role.ANALYST)
    answer = client.post(f"{KEYS}/{key['id']}/rotate", {"overlap_hours": 2})
    assert answer.status_code == 201, answer.content
    new = answer.json()
    assert (new["name"], new["scopes"]) == (key["name"], key["scopes"])
    for secret in (key["secret"], new["secret"]):
        assert program(secret).get("/api/v1/companies").status_code == 200
    old = ApiKey.objects.get(id=key["id"])
    assert timedelta(hours=1) < old.expires_at - timezone.now() < timedelta(hours=3)
    again = client.post(f"{KEYS}/{key['id']}/rotate", {})
    assert (again.status_code, again.json()["code"]) == (409, "key_rotated")
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"{KEYS}/{new['id']}/rotate", {"overlap_hours": 0})
    assert program(new["secret"]).get("/api/v1/companies").status_code == 401


def test_nobody_hoards_keys(people: World):
    for _ in range(20):
        ApiKeyFactory(user=people.user(Role.ANALYST), tenant_id=people.tenants["alpha"].id)
    answer = make(people.client(Role.ANALYST))
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_keys")
