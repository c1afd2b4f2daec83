"""Operations 1 to 8: getting in, who am I, tokens, passwords, joining."""

from __future__ import annotations

import pytest

from tests.contract.application import PASSWORD
from tests.contract.conftest import ROLES, Stage
from tests.contract.shapes import JOINED, ME, TOKENS, check
from tests.letters import last_text, token_in

pytestmark = pytest.mark.contract
OTHER = "another-horse-77"


def operation(*numbers: int):
    """The operations of the client's list that a test holds; ``test_complete`` reads it."""
    return lambda test: test


@operation(1)
@pytest.mark.parametrize("role", ROLES)
def test_log_in_answers_a_pair_of_tokens(stage: Stage, role: str):
    tokens = stage.tab().post("/auth/login", {"email": stage.emails[role], "password": PASSWORD})
    check(tokens, TOKENS)
    assert 900 <= tokens["expires_in"] <= 3600


@operation(1)
def test_a_wrong_password_is_401_with_a_sentence(stage: Stage):
    body = {"email": stage.emails["org_member"], "password": "wrong-password-1"}
    stage.tab().refused(401, "POST", "/auth/login", body)


@operation(2)
@pytest.mark.parametrize("role", ROLES)
def test_me_is_flat_and_speaks_one_role(stage: Stage, role: str):
    me = stage.signed_in(role).me
    assert me["role"] == role
    assert (me["tenant_id"] is not None) == (role in {"org_member", "org_admin", "tenant_admin"})
    assert (me["organization_id"] is not None) == (role in {"org_member", "org_admin"})
    if role == "org_admin":
        assert me["organization"]["id"] == str(stage.organization_id) == me["organization_id"]
        assert me["organization"]["join_token"]
    if role == "org_member":
        assert not me["organization"].get("join_token")


@operation(3)
def test_registering_accepts_the_clients_form(stage: Stage):
    email = stage.address("new")
    form = {"email": email, "username": "newcomer", "full_name": "New Comer", "password": PASSWORD}
    answer = stage.tab().ask("POST", "/auth/register", {**form, "role": "user"})
    assert answer.status_code == 201, answer.text
    assert answer.json()["email"] == email
    assert stage.tab().sign_in(email).me["role"] == "user"


@operation(4)
def test_the_bearer_refresh_gives_access_tokens_again_and_again(stage: Stage):
    tab = stage.signed_in("org_member")
    first = tab.access
    seen = {first}
    for _ in range(2):
        tokens = tab.renew()
        assert 900 <= tokens["expires_in"] <= 3600
        seen.add(tab.access)
        tab.look()
    assert len(seen) == 3
    tab.access = first
    tab.look()  # an older access token lives to its end


@operation(5, 1)
def test_a_changed_password_ends_every_other_session(stage: Stage):
    email = stage.address("changes")
    form = {"email": email, "username": "changes", "full_name": "Who Changes", "password": PASSWORD}
    stage.tab().post("/auth/register", form)
    tab, other = stage.tab().sign_in(email), stage.tab().sign_in(email)
    wrong = {"current_password": "not-the-one-1", "new_password": OTHER}
    tab.refused(400, "POST", "/auth/change-password", wrong)
    tab.refused(400, "POST", "/auth/change-password", {"current_password": PASSWORD, "new_password": "short"})
    tab.post("/auth/change-password", {"current_password": PASSWORD, "new_password": OTHER})
    tab.look()
    other.refused(401, "GET", "/users/me")
    other.refused(401, "POST", "/auth/refresh", {}, token=other.refresh)
    stage.tab().refused(401, "POST", "/auth/login", {"email": email, "password": PASSWORD})
    stage.tab().sign_in(email, OTHER)


@operation(6)
def test_a_forgotten_password_answers_the_same_for_everybody(stage: Stage):
    known = stage.tab().post("/auth/forgot-password", {"email": stage.emails["empty"]})
    unknown = stage.tab().post("/auth/forgot-password", {"email": stage.address("nobody")})
    assert known == unknown


@operation(6)
def test_the_letters_token_sets_a_new_password(stage: Stage, django_db_blocker):
    email = stage.address("forgets")
    form = {"email": email, "username": "forgets", "full_name": "Who Forgets", "password": PASSWORD}
    stage.tab().post("/auth/register", form)
    tab = stage.tab()
    tab.post("/auth/forgot-password", {"email": email})
    with django_db_blocker.unblock():
        token = token_in(last_text(email))
    tab.post("/auth/reset-password", {"token": token, "new_password": OTHER})
    tab.sign_in(email, OTHER)


def newcomer(stage: Stage, django_db_blocker, name: str = "joins"):
    """Somebody without an organization whose address is proved."""
    email = stage.address(name)
    form = {"email": email, "username": name, "full_name": "Who Joins", "password": PASSWORD}
    stage.tab().post("/auth/register", form)
    with django_db_blocker.unblock():
        token = token_in(last_text(email))
    stage.tab().post("/auth/verify-email", {"token": token})
    return email, stage.tab().sign_in(email)


@operation(7, 2)
def test_joining_takes_the_token_and_ones_own_address(stage: Stage, django_db_blocker):
    admin = stage.signed_in("org_admin")
    secret = admin.get(f"/organizations/{stage.organization_id}")["join_token"]
    email, tab = newcomer(stage, django_db_blocker)
    other = {"join_token": secret, "email": "somebody@else.test"}
    tab.refused(400, "POST", "/auth/join", other)
    tab.refused(403, "POST", "/auth/join", {"join_token": secret, "email": email})
    admin.post(f"/organizations/{stage.organization_id}/whitelist", {"email": email})
    joined = tab.post("/auth/join", {"join_token": secret, "email": email.upper()})
    check(joined, JOINED)
    assert joined["organization_id"] == str(stage.organization_id)
    me = tab.look().me
    assert (me["role"], me["organization_id"]) == ("org_member", str(stage.organization_id))


@operation(8)
def test_the_profile_form_is_taken_whole(stage: Stage):
    tab = stage.signed_in("user")
    body = {"full_name": "Single Person", "email": tab.me["email"], "sector": "Energy"}
    changed = tab.put("/users/me", body)
    check(changed, ME)
    assert (changed["full_name"], changed["sector"]) == ("Single Person", "Energy")
    assert tab.look().me == changed
