"""Getting in and out over HTTP."""

from __future__ import annotations

import time
from datetime import timedelta

import jwt
import pytest
from django.contrib.auth.hashers import make_password
from django.test import override_settings
from django.utils import timezone

from accounts import keys, services
from accounts.models import AuthSession, Credential, Membership, RefreshToken, User
from accounts.permissions import Role
from accounts.principals import forget_sessions
from tenants import services as tenants
from tenants.kernel.request import SYSTEM
from tenants.models import PlatformAuditEvent
from tests.fixtures import PASSWORD, World, anonymous, shut_out


def sign_in(client, email, password=PASSWORD):
    return client.post("/api/v1/auth/login", {"email": email, "password": password}, format="json")


def bearer(client, token):
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


@pytest.mark.parametrize("prefix", ["/api/v1", "/api"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_log_in_in_any_case_with_and_without_slash(people: World, prefix, slash):
    email = people.user(Role.OWNER).email.upper()
    answer = anonymous().post(f"{prefix}/auth/login{slash}", {"email": email, "password": PASSWORD})
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (body["token_type"], body["expires_in"]) == ("bearer", 1800)


def test_wrong_password_unknown_user_and_stranger_sound_the_same(people: World):
    wrong = sign_in(anonymous(), people.user(Role.OWNER).email, "nonsense-123")
    unknown = sign_in(anonymous(), "nobody@nowhere.test")
    stranger = sign_in(anonymous("beta"), people.user(Role.OWNER).email)
    assert {a.status_code for a in (wrong, unknown, stranger)} == {401}
    assert {a.json()["detail"] for a in (wrong, unknown, stranger)} == {"E-mail or password is not right."}
    assert PlatformAuditEvent.objects.filter(action="accounts.session.refused").count() >= 3


def test_me_tells_the_place_and_the_role(people: World):
    body = people.client(Role.OWNER).get("/api/v1/auth/me").json()
    assert body["role"] == "org_admin"
    assert body["tenant"]["name"] == "Alpha"
    assert body["organization"]["slug"] == "one"
    individual = people.client(Role.INDIVIDUAL).get("/api/v1/users/me").json()
    assert (individual["role"], individual["tenant"], individual["organization"]) == ("user", None, None)
    assert people.client(Role.VIEWER).get("/api/v1/auth/me").json()["role"] == "org_member"
    assert people.client(Role.SUPER_ADMIN).get("/api/v1/auth/me").json()["role"] == "super_admin"


def test_token_names_its_key_and_verifies_with_the_published_one(people: World):
    token = sign_in(anonymous(), people.user(Role.OWNER).email).json()["access_token"]
    published = anonymous().get("/.well-known/jwks.json").json()["keys"]
    kid = jwt.get_unverified_header(token)["kid"]
    key = jwt.PyJWK(next(k for k in published if k["kid"] == kid))
    claims = jwt.decode(token, key, algorithms=["RS256"], issuer="default-risk-platform")
    assert claims["tid"] == str(people.tenants["alpha"].id)
    assert claims["org"] == str(people.organizations["alpha", "one"])
    assert "d" not in published[0]


def test_tokens_of_an_older_key_hold_after_rotation(people: World):
    client = people.client(Role.OWNER)
    keys.rotate(actor=SYSTEM)
    keys.forget()
    try:
        assert client.get("/api/v1/auth/me").status_code == 200
        assert len(anonymous().get("/.well-known/jwks.json").json()["keys"]) == 2
    finally:
        keys.forget()


@pytest.mark.parametrize("fault", ["garbage", "symmetric", "none", "refresh", "expired", "unknown key"])
def test_bad_tokens_are_401(people: World, fault):
    body = sign_in(anonymous(), people.user(Role.OWNER).email).json()
    ring = keys.ring()
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    public = next(iter(ring.public_keys.values()))
    headers = {"kid": ring.signing_kid}
    token = {
        "garbage": "abc.def.ghi",
        # The classic confusion: the public key used as a shared secret.
        "symmetric": jwt.encode(claims, "x" * 64, algorithm="HS256", headers=headers),
        "none": jwt.encode(claims, None, algorithm="none", headers=headers),
        "refresh": body["refresh_token"],
        "expired": jwt.encode(
            {**claims, "exp": int(time.time()) - 5}, ring.private_key, algorithm="RS256", headers=headers
        ),
        "unknown key": jwt.encode(claims, ring.private_key, algorithm="RS256", headers={"kid": "other"}),
    }[fault]
    assert public is not None
    answer = bearer(anonymous(), token).get("/api/v1/auth/me")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["code"] in {"bad_token", "not_signed_in"}


def test_refresh_in_the_body_rotates_and_reuse_ends_the_session(people: World):
    client = anonymous()
    first = sign_in(client, people.user(Role.OWNER).email).json()
    second = client.post("/api/v1/auth/refresh", {"refresh_token": first["refresh_token"]}).json()
    assert second["refresh_token"] != first["refresh_token"]
    # Older access tokens live on: clients send a few more requests with them.
    assert bearer(anonymous(), first["access_token"]).get("/api/v1/auth/me").status_code == 200
    again = client.post("/api/v1/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert (again.status_code, again.json()["code"]) == (401, "token_rotated")
    RefreshToken.objects.exclude(rotated_at=None).update(rotated_at=timezone.now() - timedelta(minutes=1))
    stolen = client.post("/api/v1/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert (stolen.status_code, stolen.json()["code"]) == (401, "token_reused")
    assert client.post("/api/v1/auth/refresh", {"refresh_token": second["refresh_token"]}).status_code == 401


def test_refresh_as_bearer_stays_and_is_dead_once_rotated(people: World):
    first = sign_in(anonymous(), people.user(Role.OWNER).email).json()
    client = bearer(anonymous(), first["refresh_token"])
    for _ in range(2):
        answer = client.post("/api/v1/auth/refresh", {})
        assert answer.status_code == 200
        assert answer.json()["refresh_token"] == first["refresh_token"]
    anonymous().post("/api/v1/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert client.post("/api/v1/auth/refresh", {}).status_code == 401


def test_refresh_needs_a_user_who_may_still_work_there(people: World):
    user = people.user(Role.ANALYST)
    tokens = sign_in(anonymous(), user.email).json()
    Membership.objects.filter(user=user).delete()
    answer = anonymous().post("/api/v1/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    assert (answer.status_code, answer.json()["code"]) == (401, "place_lost")


def test_refresh_of_nothing_and_of_nonsense(people: World):
    assert anonymous().post("/api/v1/auth/refresh", {}).status_code == 401
    assert anonymous().post("/api/v1/auth/refresh", {"refresh_token": "nonsense"}).status_code == 401


def test_a_stale_token_does_not_keep_its_owner_from_logging_in(people: World):
    client = bearer(anonymous(), "abc.def.ghi")
    assert sign_in(client, people.user(Role.OWNER).email).status_code == 200
    assert client.get("/api/v1/auth/me").status_code == 401
    unknown = bearer(anonymous("nobody"), "abc.def.ghi").get("/api/v1/auth/me")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_host")


def test_a_leaked_key_can_be_retired_at_once(people: World):
    client = people.client(Role.OWNER)
    keys.rotate(at_once=True, actor=SYSTEM)
    keys.forget()
    try:
        assert client.get("/api/v1/auth/me").status_code == 401
    finally:
        keys.forget()


def test_log_out_ends_every_token_of_the_session(people: World, django_capture_on_commit_callbacks):
    tokens = sign_in(anonymous(), people.user(Role.OWNER).email).json()
    client = bearer(anonymous(), tokens["access_token"])
    assert client.get("/api/v1/auth/me").status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post("/api/v1/auth/logout").status_code == 204
    assert client.get("/api/v1/auth/me").status_code == 401
    answer = anonymous().post("/api/v1/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    assert answer.status_code == 401


def test_deactivation_ends_every_session(people: World, django_capture_on_commit_callbacks):
    client = people.client(Role.ANALYST)
    assert client.get("/api/v1/companies").status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        shut_out(people.user(Role.ANALYST))
    assert client.get("/api/v1/companies").status_code == 401
    assert sign_in(anonymous(), people.user(Role.ANALYST).email).status_code == 401


def test_a_lost_membership_is_lost_when_the_cache_has_forgotten(people: World, settings):
    """The stated time is DIRECTORY_SECONDS, 30 at most."""
    assert settings.DIRECTORY_SECONDS <= 30
    client = people.client(Role.ANALYST)
    assert client.get("/api/v1/companies").status_code == 200
    Membership.objects.filter(user=people.user(Role.ANALYST)).delete()
    session: AuthSession = client.session_row
    forget_sessions([(session.id, session.tenant_id)])
    assert client.get("/api/v1/companies").status_code == 401


def test_a_suspended_tenant_is_closed(people: World, django_capture_on_commit_callbacks):
    client, elsewhere = people.client(Role.OWNER), people.client(Role.OWNER, host="localhost")
    with django_capture_on_commit_callbacks(execute=True):
        tenants.tenant_suspend(tenant_id=people.tenants["alpha"].id, reason="test", actor=SYSTEM)
    for answer in (client.get("/api/v1/companies"), elsewhere.get("/api/v1/companies")):
        assert (answer.status_code, answer.json()["code"]) == (403, "tenant_suspended")
    assert people.client(Role.OWNER, "beta").get("/api/v1/companies").status_code == 200


def test_an_unknown_host_is_nobodys(people: World):
    answer = anonymous("nobody").get("/api/v1/auth/me")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_host")


def test_switching_needs_a_membership_and_gives_new_tokens(people: World, django_capture_on_commit_callbacks):
    user = people.user(Role.ANALYST)
    target = people.organizations["alpha", "two"]
    tokens = sign_in(anonymous(), user.email).json()
    client = bearer(anonymous(), tokens["access_token"])
    refused = client.post("/api/v1/auth/switch-organization", {"organization_id": str(target)})
    assert (refused.status_code, refused.json()["code"]) == (403, "no_member")
    with django_capture_on_commit_callbacks(execute=True):
        services.membership_grant(
            user=user,
            tenant_id=people.tenants["alpha"].id,
            organization_id=target,
            role=Role.VIEWER,
            actor=SYSTEM,
        )
    answer = client.post("/api/v1/auth/switch-organization", {"organization_id": str(target)})
    assert answer.status_code == 200
    switched = bearer(anonymous(), answer.json()["access_token"])
    owners = {row["organization_id"] for row in switched.get("/api/v1/companies").json()["items"]}
    assert owners == {str(target)}
    # In the other organization he is a viewer, whatever he is elsewhere.
    assert switched.post("/api/v1/predictions/annual", {}).status_code == 403
    stale = anonymous().post("/api/v1/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    assert stale.status_code == 401


def test_register_makes_an_individual_whatever_is_asked(people: World):
    body = {"email": "New@Person.test", "password": PASSWORD, "full_name": "New", "role": "super_admin"}
    answer = anonymous().post("/api/v1/auth/register", body, headers={"host": "localhost"})
    assert answer.status_code == 201, answer.content
    assert answer.json()["role"] == "user"
    user = User.objects.get(email__iexact="new@person.test")
    assert not user.is_super_admin
    assert [m.role for m in user.memberships.all()] == [Role.INDIVIDUAL]


@pytest.mark.parametrize(("password", "code"), [("short", "weak_password"), ("12345678", "weak_password")])
def test_register_refuses_weak_passwords_by_rule(people: World, password, code):
    answer = anonymous().post("/api/v1/auth/register", {"email": "weak@person.test", "password": password})
    assert answer.status_code == 400
    assert {e["code"] for e in answer.json()["errors"]} == {code}
    assert not User.objects.filter(email="weak@person.test").exists()


@override_settings(ENABLE_REGISTRATION=False)
def test_registration_can_be_switched_off(people: World):
    answer = anonymous().post("/api/v1/auth/register", {"email": "late@person.test", "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (403, "registration_off")


def test_the_hash_stands_apart_from_the_user(people: World):
    user = User.objects.get(pk=people.user(Role.OWNER).pk)
    assert "password" not in {f.name for f in User._meta.get_fields()}
    assert user.credential.algorithm
    assert user.check_password(PASSWORD)


def test_an_older_hash_is_made_anew_at_log_in(people: World, settings):
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher",
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ]
    user = people.user(Role.OWNER)
    Credential.objects.filter(user=user).update(password=make_password(PASSWORD, hasher="pbkdf2_sha256"))
    assert sign_in(anonymous(), user.email).status_code == 200
    assert Credential.objects.get(user=user).password.startswith("md5$")
