"""Passkeys over HTTP: real ceremonies with a security key in software, and everything that is refused."""

from __future__ import annotations

import pytest
from django.core.cache import caches
from django.test import override_settings
from redis.exceptions import ConnectionError as RedisGone
from webauthn.helpers import bytes_to_base64url

from accounts.mfa.models import Guard, Passkey, RecoveryCode
from accounts.mfa.tests.test_mfa import MFA, enrol, log_in, strict
from accounts.models import AuthSession
from accounts.permissions import Role
from accounts.privacy.exporting import everything
from tenants.models import PlatformAuditEvent
from tests.authenticator import BACKED_UP, ELIGIBLE, PRESENT, VERIFIED, Authenticator
from tests.fixtures import World, anonymous
from tests.letters import letters

__all__ = ["strict"]

KEYS = f"{MFA}/passkeys"
OPTIONS = f"{KEYS}/options"
VERIFY = f"{MFA}/verify"
ASK = f"{VERIFY}/options"
STEP_UP = "/api/v1/auth/step-up"


def add(client, device: Authenticator, name: str = "Key at work", **headers):
    options = client.post(OPTIONS, headers=headers)
    assert options.status_code == 201, options.content
    return client.post(
        KEYS,
        {"name": name, "credential": device.create(options.json())},
        format="json",
        headers=headers,
    )


def added(client, device: Authenticator, name: str = "Key at work") -> dict:
    answer = add(client, device, name)
    assert answer.status_code == 201, answer.content
    return answer.json()


def ask(token: str, host: str = "alpha.test") -> dict:
    answer = anonymous().post(ASK, {"mfa_token": token}, headers={"host": host})
    assert answer.status_code == 201, answer.content
    return answer.json()


def finish(token: str, credential, host: str = "alpha.test"):
    body = {"mfa_token": token, "credential": credential}
    return anonymous().post(VERIFY, body, format="json", headers={"host": host})


def token_of(user, host: str = "alpha.test") -> str:
    return log_in(user, host=host).json()["mfa_token"]


def sign_in(user, device: Authenticator, **said):
    token = token_of(user)
    return finish(token, device.get(ask(token), **said))


def events(action: str) -> list:
    return list(PlatformAuditEvent.objects.filter(action=action).order_by("id"))


# -- making, and signing in -----------------------------------------------------------------------


def test_a_key_is_made_and_signs_in(people: World, django_capture_on_commit_callbacks):
    user, client, device = people.user(Role.OWNER), people.client(Role.OWNER), Authenticator()
    options = client.post(OPTIONS).json()
    assert options["rp"] == {"id": "alpha.test", "name": "Default Risk Platform"}
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["attestation"] == "none"
    assert options["excludeCredentials"] == []
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(
            KEYS, {"name": " Key  at work ", "credential": device.create(options)}, format="json"
        )
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["passkey"]["name"], body["passkey"]["host"]) == ("Key at work", "alpha.test")
    assert "public_key" not in str(body)
    assert len(body["recovery_codes"]) == 10
    assert [letter.subject for letter in letters(user.email)] == ["A second factor was added to your account"]
    standing = client.get(MFA).json()
    assert (standing["totp"], standing["passkeys"], standing["session_has_it"]) == (False, 1, True)

    half = log_in(user)
    assert (half.status_code, half.json()["code"]) == (401, "mfa_required")
    assert half.json()["methods"] == ["passkey", "recovery_code"]
    token = half.json()["mfa_token"]
    asked = ask(token)
    assert (asked["rpId"], asked["userVerification"]) == ("alpha.test", "required")
    assert [item["id"] for item in asked["allowCredentials"]] == [bytes_to_base64url(device.keys[0].id)]
    right = finish(token, device.get(asked))
    assert right.status_code == 200, right.content
    assert right.json()["access_token"]
    session = AuthSession.objects.order_by("-id").first()
    assert session.second_factor
    key = Passkey.objects.get(user=user)
    assert (key.sign_count, key.last_used_at is not None) == (2, True)
    assert client.get(KEYS).json()[0]["last_used_at"] is not None
    # The token opens one session.
    assert finish(token, device.get(asked)).status_code == 401
    assert [event.changes for event in events("accounts.mfa.passkey_added")] == [
        {"name": "Key at work", "host": "alpha.test"}
    ]
    assert events("accounts.mfa.passed")[-1].changes == {"by": "passkey"}


def test_there_may_be_several_and_each_has_its_name(people: World):
    user, client = people.user(Role.OWNER), people.client(Role.OWNER)
    first, second = (
        Authenticator(),
        Authenticator(counts=False, flags=PRESENT | VERIFIED | ELIGIBLE | BACKED_UP),
    )
    assert len(added(client, first, "Key")["recovery_codes"]) == 10
    phone = added(client, second, "")
    assert (phone["passkey"]["name"], phone["passkey"]["is_synced"]) == ("Passkey 2", True)
    assert phone["recovery_codes"] == []
    assert [row["name"] for row in client.get(KEYS).json()] == ["Key", "Passkey 2"]
    excluded = client.post(OPTIONS).json()["excludeCredentials"]
    assert len(excluded) == 2
    assert sign_in(user, first).status_code == 200
    # A key without a counter says nought each time.
    assert sign_in(user, second).status_code == 200
    assert sign_in(user, second).status_code == 200
    renamed = client.patch(f"{KEYS}/{phone['passkey']['id']}", {"name": "Phone"})
    assert renamed.json()["name"] == "Phone"
    assert events("accounts.mfa.passkey_renamed")[0].changes == {"name": ["Passkey 2", "Phone"]}
    assert client.patch(f"{KEYS}/{phone['passkey']['id']}", {"name": "  "}).status_code == 400
    assert client.patch(f"{KEYS}/{phone['passkey']['id']}", {"name": "\u202egnp"}).status_code == 400


def test_the_eleventh_is_refused(people: World):
    client = people.client(Role.OWNER)
    for n in range(10):
        added(client, Authenticator(), f"Key {n}")
    answer = client.post(OPTIONS)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_passkeys")


def test_everything_about_keys_takes_a_fresh_proof(people: World):
    key = added(people.client(Role.OWNER), Authenticator())["passkey"]["id"]
    client = people.client(Role.OWNER, proved=False)
    asked = (("post", OPTIONS), ("post", KEYS), ("patch", f"{KEYS}/{key}"), ("delete", f"{KEYS}/{key}"))
    for method, path in asked:
        answer = getattr(client, method)(path, {"name": "Mine"}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required"), path
    assert client.get(KEYS).status_code == 200


def test_the_sessions_without_a_factor_end(people: World):
    user, other, client = people.user(Role.OWNER), people.client(Role.OWNER), people.client(Role.OWNER)
    added(client, Authenticator())
    alive = AuthSession.objects.filter(user=user, revoked_at=None)
    assert [session.id for session in alive] == [client.session_row.id]
    assert other.get(MFA).status_code == 401


def test_removing_the_last_takes_the_recovery_codes_along(people: World):
    user, client, device = people.user(Role.OWNER), people.client(Role.OWNER), Authenticator()
    key = added(client, device)["passkey"]["id"]
    assert client.delete(f"{KEYS}/{key}").status_code == 204
    assert not RecoveryCode.objects.filter(user=user).exists()
    assert log_in(user).status_code == 200
    assert client.get(MFA).json()["session_has_it"] is False
    assert events("accounts.mfa.passkey_removed")[0].changes == {"name": "Key at work", "host": "alpha.test"}
    assert client.delete(f"{KEYS}/{key}").status_code == 404


def test_beside_an_app_either_opens(people: World):
    user, client, device = people.user(Role.OWNER), people.client(Role.OWNER), Authenticator()
    enrol(client)
    key = added(client, device)["passkey"]["id"]
    assert log_in(user).json()["methods"] == ["passkey", "totp", "recovery_code"]
    assert sign_in(user, device).status_code == 200
    assert client.delete(f"{MFA}/totp").status_code == 204
    assert log_in(user).json()["methods"] == ["passkey", "recovery_code"]
    assert client.delete(f"{KEYS}/{key}").status_code == 204
    assert log_in(user).status_code == 200


def test_a_foreign_key_is_not_found(people: World):
    key = added(people.client(Role.OWNER), Authenticator())["passkey"]["id"]
    for stranger in (
        people.client(Role.ADMIN),
        people.client(Role.TENANT_ADMIN),
        people.client(Role.SUPER_ADMIN),
    ):
        assert stranger.patch(f"{KEYS}/{key}", {"name": "Mine"}).status_code == 404
        assert stranger.delete(f"{KEYS}/{key}").status_code == 404
        assert stranger.get(KEYS).json() == []
    assert people.client(Role.OWNER).delete(f"{KEYS}/no-id").status_code == 404
    assert Passkey.objects.get(id=key).name == "Key at work"


# -- hosts ----------------------------------------------------------------------------------------


def test_a_key_answers_on_its_host_only_but_counts_everywhere(people: World):
    user, device = people.user(Role.OWNER), Authenticator()
    codes = added(people.client(Role.OWNER), device)["recovery_codes"]
    half = log_in(user, host="localhost")
    assert half.json()["methods"] == ["recovery_code"]
    token = half.json()["mfa_token"]
    answer = anonymous().post(ASK, {"mfa_token": token}, headers={"host": "localhost"})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_passkeys_here")
    body = {"mfa_token": token, "code": codes[0]}
    assert anonymous().post(VERIFY, body, headers={"host": "localhost"}).status_code == 200
    RecoveryCode.objects.filter(user=user).delete()
    stuck = log_in(user, host="localhost").json()
    assert (stuck["code"], stuck["methods"]) == ("mfa_required", [])
    assert "another address" in stuck["detail"]


def test_what_a_key_signed_for_one_host_is_nothing_on_another(people: World):
    """A page of another institution passes on what it was shown: host and origin are signed."""
    user, device = people.user(Role.OWNER), Authenticator()
    added(people.client(Role.OWNER), device)
    token = token_of(user)
    elsewhere = device.twin()
    elsewhere.origin = "http://beta.test"
    assert finish(token, elsewhere.get(ask(token))).status_code == 401
    other_host = device.twin()
    other_host.keys[0].host = "beta.test"
    assert finish(token, other_host.get(ask(token))).status_code == 401
    assert finish(token, device.get(ask(token))).status_code == 200


@override_settings(CORS_ALLOWED_ORIGINS=["https://app.alpha.example"])
def test_a_front_end_that_is_allowed_has_keys_of_its_own_host(people: World):
    user, client = people.user(Role.OWNER), people.client(Role.OWNER)
    device = Authenticator(origin="https://app.alpha.example")
    answer = add(client, device, origin=device.origin)
    assert answer.status_code == 201, answer.content
    assert answer.json()["passkey"]["host"] == "app.alpha.example"
    body = {"email": user.email, "password": "correct-horse-9"}
    half = anonymous().post("/api/v1/auth/login", body, headers={"origin": device.origin}).json()
    assert half["methods"] == ["passkey", "recovery_code"]
    assert log_in(user).json()["methods"] == ["recovery_code"]
    # Whoever is not on the list cannot name himself: the host of the request counts.
    said = client.post(OPTIONS, headers={"origin": "https://evil.example"}).json()
    assert said["rp"]["id"] == "alpha.test"


def test_an_address_of_numbers_has_no_keys(people: World):
    client = people.client(Role.INDIVIDUAL, host="127.0.0.1")
    answer = client.post(OPTIONS)
    assert (answer.status_code, answer.json()["code"]) == (409, "no_passkeys_here")


# -- refusals at signing in -----------------------------------------------------------------------


def test_a_challenge_is_good_for_one_answer(people: World):
    user, device = people.user(Role.OWNER), Authenticator(counts=False)
    added(people.client(Role.OWNER), device)
    asked = ask(token_of(user))
    signed = device.get(asked)
    again = token_of(user)
    # Of another sign-in: refused, and used up by it.
    assert finish(again, signed).json()["code"] == "mfa_refused"
    assert finish(again, signed).json()["code"] == "mfa_refused"
    first = token_of(user)
    signed = device.get(ask(first))
    assert finish(first, signed).status_code == 200
    # The same bytes for a fresh sign-in of the same user.
    assert finish(token_of(user), signed).status_code == 401


def test_a_challenge_ends_in_five_minutes(people: World):
    user, device = people.user(Role.OWNER), Authenticator()
    added(people.client(Role.OWNER), device)
    token = token_of(user)
    signed = device.get(ask(token))
    store = caches["directory"]._cache.get_client(None, write=True)
    (name,) = store.keys("*:once:webauthn:*")
    assert 290 < store.ttl(name) <= 300
    store.delete(name)
    assert finish(token, signed).status_code == 401


def test_an_invented_challenge_is_refused(people: World):
    user, device = people.user(Role.OWNER), Authenticator()
    added(people.client(Role.OWNER), device)
    token = token_of(user)
    asked = ask(token) | {"challenge": "bXkgb3du"}
    assert finish(token, device.get(asked)).status_code == 401


def test_a_copied_key_is_noticed_and_opens_nothing_any_more(
    people: World, django_capture_on_commit_callbacks
):
    user, device = people.user(Role.OWNER), Authenticator()
    added(people.client(Role.OWNER), device)
    thief = device.twin()
    assert sign_in(user, device).status_code == 200
    assert sign_in(user, device).status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        assert sign_in(user, thief).json()["code"] == "mfa_refused"
    (event,) = events("accounts.mfa.passkey_doubted")
    assert event.changes == {"passkey": "Key at work", "counter": [3, 2]}
    assert event.category == "security"
    assert letters(user.email)[-1].subject == "A passkey of your account may have been copied"
    # Who was first to use it is not known: neither copy opens, and the password alone does not either.
    assert log_in(user).json()["methods"] == ["recovery_code"]
    token = token_of(user)
    answer = anonymous().post(ASK, {"mfa_token": token})
    assert answer.json()["code"] == "no_passkeys_here"
    RecoveryCode.objects.filter(user=user).delete()
    assert log_in(user).json()["code"] == "mfa_required"


def test_without_a_right_signature_no_key_is_doubted(people: World):
    user, device = people.user(Role.OWNER), Authenticator()
    added(people.client(Role.OWNER), device)
    sign_in(user, device)
    forger = Authenticator()
    forger.keys = [type(device.keys[0])("alpha.test", user.id.bytes, id=device.keys[0].id)]
    assert sign_in(user, forger).status_code == 401
    assert Passkey.objects.get(user=user).doubted_at is None


def test_somebody_elses_key_opens_nothing(people: World):
    mine, other = Authenticator(), Authenticator()
    added(people.client(Role.OWNER), mine)
    added(people.client(Role.ADMIN), other)
    user = people.user(Role.OWNER)
    assert sign_in(user, other).json()["code"] == "mfa_refused"
    # Nor does my key under the handle of another.
    token = token_of(user)
    signed = mine.get(ask(token))
    signed["response"]["userHandle"] = bytes_to_base64url(people.user(Role.ADMIN).id.bytes)
    assert finish(token, signed).status_code == 401
    # Nor a challenge that was given to another user's sign-in.
    theirs = ask(token_of(people.user(Role.ADMIN)))
    assert finish(token_of(user), mine.get(theirs)).status_code == 401


def test_a_key_is_registered_once_on_the_platform(people: World):
    device = Authenticator()
    added(people.client(Role.OWNER), device)
    client, liar = people.client(Role.ADMIN), Authenticator()
    # A device that gives its key the id of one that somebody else has registered.
    made = liar.create(client.post(OPTIONS).json(), identifier=device.keys[0].id)
    answer = client.post(KEYS, {"name": "x", "credential": made}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "passkey_known")
    assert Passkey.objects.get().user == people.user(Role.OWNER)


@pytest.mark.parametrize("flags", [VERIFIED, PRESENT], ids=["not present", "not verified"])
def test_presence_and_verification_are_required(people: World, flags):
    user, client, device = people.user(Role.OWNER), people.client(Role.OWNER), Authenticator()
    lazy = Authenticator(flags=flags)
    assert add(client, lazy).json()["code"] == "proof_refused"
    added(client, device)
    device.flags = flags
    assert sign_in(user, device).status_code == 401


def test_a_key_does_not_change_its_kind(people: World):
    user, device = people.user(Role.OWNER), Authenticator(counts=False)
    added(people.client(Role.OWNER), device)
    device.flags |= ELIGIBLE
    assert sign_in(user, device).status_code == 401


def test_an_answer_from_within_a_foreign_frame_is_refused(people: World):
    user, device = people.user(Role.OWNER), Authenticator()
    added(people.client(Role.OWNER), device)
    assert sign_in(user, device, crossOrigin=True).status_code == 401
    assert sign_in(user, device, crossOrigin=False).status_code == 200


def test_wrong_answers_are_counted_like_wrong_codes(people: World):
    user, device = people.user(Role.OWNER), Authenticator()
    added(people.client(Role.OWNER), device)
    stranger = Authenticator(origin="http://evil.test")
    stranger.keys = device.keys
    for _ in range(5):
        assert sign_in(user, stranger).status_code == 401
    assert Guard.objects.get(user=user).failures == 5
    assert sign_in(user, device).status_code == 429


# -- refusals at making ---------------------------------------------------------------------------


def test_a_key_for_another_origin_or_session_is_not_taken(people: World):
    client, other = people.client(Role.OWNER), people.client(Role.OWNER)
    assert add(client, Authenticator(origin="http://beta.test")).json()["code"] == "proof_refused"
    options = client.post(OPTIONS).json()
    credential = Authenticator().create(options)
    # Of another session of the same user.
    answer = other.post(KEYS, {"credential": credential}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "proof_refused")
    # And used up by it.
    assert client.post(KEYS, {"credential": credential}, format="json").status_code == 403
    assert not Passkey.objects.exists()


def test_a_challenge_for_signing_makes_no_key_and_the_other_way(people: World):
    client, device = people.client(Role.OWNER), Authenticator()
    added(client, device)
    asked = client.post(f"{STEP_UP}/options").json()
    creation = client.post(OPTIONS).json()
    made = Authenticator().create(creation | {"challenge": asked["challenge"]})
    assert client.post(KEYS, {"credential": made}, format="json").status_code == 403
    signed = device.get(asked | {"challenge": creation["challenge"]})
    assert client.post(STEP_UP, {"credential": signed}, format="json").status_code == 403


def spoilt(credential: dict) -> list[dict]:
    """The answer with each part broken in several ways."""
    found = []
    for part in credential["response"]:
        for value in ("", "AAAA", "!!!", "a" * 5, credential["response"][part][:-8], "o2NmbXRkbm9uZQ"):
            found.append({**credential, "response": {**credential["response"], part: value}})
    found += [
        {**credential, "id": "AAAA"},
        {**credential, "rawId": "AAAA"},
        {**credential, "type": "password"},
    ]
    found += [{}, {"id": 5}, {**credential, "response": []}, {**credential, "response": None}]
    return found


def test_broken_answers_are_refused_and_never_an_error_of_ours(people: World):
    user, client, device = people.user(Role.OWNER), people.client(Role.OWNER), Authenticator()
    for n in range(len(spoilt(device.create(client.post(OPTIONS).json())))):
        broken = spoilt(device.create(client.post(OPTIONS).json()))[n]
        assert client.post(KEYS, {"credential": broken}, format="json").status_code in {400, 403}, broken
    device = Authenticator()
    added(client, device)
    token = token_of(user)
    for n in range(len(spoilt(device.get(ask(token))))):
        Guard.objects.filter(user=user).delete()
        token = token_of(user)
        broken = spoilt(device.get(ask(token)))[n]
        if broken.get("response") and broken["response"].get("userHandle") == "":
            continue  # an empty handle is refused as a field, or taken as none
        assert finish(token, broken).status_code in {400, 401}, broken
    for credential in ("text", 7, [1]):
        assert finish(token, credential).status_code == 400


def test_without_redis_nobody_gets_in_by_a_key(people: World, monkeypatch):
    user, device = people.user(Role.OWNER), Authenticator()
    added(people.client(Role.OWNER), device)
    token = token_of(user)
    asked = ask(token)
    client = caches["directory"]._cache.get_client(None, write=True)

    def gone(*args, **kwargs):
        raise RedisGone

    monkeypatch.setattr(type(client), "getdel", gone)
    answer = finish(token, device.get(asked))
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


# -- step-up, requirement, reset --------------------------------------------------------------------


def test_a_key_is_a_fresh_proof(people: World):
    user, client, device = people.user(Role.OWNER), people.client(Role.OWNER), Authenticator()
    added(client, device)
    AuthSession.objects.filter(id=client.session_row.id).update(proved_at=None)
    refused = client.post(OPTIONS).json()
    assert refused["step_up"]["methods"] == ["passkey", "recovery_code"]
    asked = client.post(f"{STEP_UP}/options")
    assert asked.status_code == 201
    answer = client.post(STEP_UP, {"credential": device.get(asked.json())}, format="json")
    assert (answer.status_code, answer.json()["method"]) == (200, "passkey")
    assert client.post(OPTIONS).status_code == 201
    # Another session's challenge proves nothing here, and the password does no more.
    other = people.client(Role.OWNER, proved=False)
    asked = client.post(f"{STEP_UP}/options").json()
    assert other.post(STEP_UP, {"credential": device.get(asked)}, format="json").status_code == 403
    assert other.post(STEP_UP, {"password": "correct-horse-9"}).status_code == 403
    assert Passkey.objects.get(user=user).last_used_at


def test_a_challenge_of_a_sign_in_proves_nothing_on_a_session(people: World):
    user, client, device = people.user(Role.OWNER), people.client(Role.OWNER), Authenticator()
    added(client, device)
    asked = ask(token_of(user))
    assert client.post(STEP_UP, {"credential": device.get(asked)}, format="json").status_code == 403


def test_who_has_none_is_asked_to_sign_nothing(people: World):
    answer = people.client(Role.OWNER).post(f"{STEP_UP}/options")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_passkeys_here")
    assert anonymous().post(ASK, {"mfa_token": "mfa_no"}).json()["code"] == "mfa_refused"


def test_a_key_satisfies_an_institution_that_asks(strict: World, django_capture_on_commit_callbacks):
    user, device = strict.user(Role.OWNER), Authenticator()
    client = strict.client(Role.OWNER)
    assert client.get("/api/v1/companies").json()["code"] == "mfa_enrolment_required"
    with django_capture_on_commit_callbacks(execute=True):
        added(client, device)
    assert client.get("/api/v1/companies").status_code == 200
    answer = sign_in(user, device)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access_token']}")
    assert client.get("/api/v1/companies").status_code == 200


def test_a_reset_takes_the_keys_too(people: World):
    user, device = people.user(Role.ANALYST), Authenticator()
    added(people.client(Role.ANALYST), device)
    answer = people.client(Role.TENANT_ADMIN).post(f"{MFA}/reset", {"user_id": str(user.id)})
    assert answer.status_code == 204
    assert not Passkey.objects.filter(user=user).exists()
    assert log_in(user).status_code == 200


def test_what_is_kept_of_a_user_names_his_keys_without_them(people: World):
    user = people.user(Role.OWNER)
    added(people.client(Role.OWNER), Authenticator())
    parts = dict(everything(user))
    (row,) = parts["mfa_passkey"]
    assert row["name"] == "Key at work"
    assert "public_key" not in row
