"""Changing and resetting passwords, moving to another address, and being locked out for a while."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts import lockout, passwords, services
from accounts.errors import LockedOut
from accounts.models import AuthSession, Credential, User
from accounts.permissions import Role
from accounts.recovery.models import MailedToken
from tenants.models import PlatformAuditEvent
from tests.fixtures import PASSWORD, World, anonymous
from tests.letters import letters, token_in

BETTER = "another-horse-7"


def post(address, body, client=None):
    client = client or anonymous()
    return client.post(f"/api/v1/auth/{address}", body, headers={"host": "localhost"})


def log_in(email, password=PASSWORD, host="alpha.test"):
    return anonymous().post(
        "/api/v1/auth/login", {"email": email, "password": password}, headers={"host": host}
    )


# -- change --------------------------------------------------------------------------------------


def change(client, current=PASSWORD, new=BETTER):
    return client.post("/api/v1/auth/change-password", {"current_password": current, "new_password": new})


def test_a_change_needs_the_present_password_and_ends_other_sessions(
    people: World, django_capture_on_commit_callbacks
):
    user = people.user(Role.ANALYST)
    here, elsewhere = people.client(Role.ANALYST), people.client(Role.ANALYST)
    assert elsewhere.get("/api/v1/users/me").status_code == 200
    wrong = change(here, current="nonsense-123")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "wrong_password")
    assert wrong.json()["errors"][0]["pointer"] == "/current_password"
    with django_capture_on_commit_callbacks(execute=True):
        assert change(here).status_code == 200
    assert here.get("/api/v1/users/me").status_code == 200
    assert elsewhere.get("/api/v1/users/me").status_code == 401
    assert log_in(user.email).status_code == 401
    assert log_in(user.email, BETTER).status_code == 200
    assert "Your password was changed" in [letter.subject for letter in letters(user.email)]


def test_a_change_by_id_is_for_oneself(people: World):
    body = {"current_password": PASSWORD, "new_password": BETTER}
    client, mine = people.client(Role.OWNER), people.user(Role.OWNER).id
    other = people.user(Role.ANALYST).id
    assert client.patch(f"/api/v1/users/{other}/password", body).status_code == 404
    assert client.patch(f"/api/v1/users/{mine}/password", body).status_code == 200


@pytest.mark.parametrize("weak", ["short", "12345678", "password1", "analyst-one@alpha.test"])
def test_weak_passwords_are_named(people: World, weak):
    answer = change(people.client(Role.ANALYST), new=weak)
    assert answer.status_code == 400
    assert {e["pointer"] for e in answer.json()["errors"]} == {"/new_password"}


def test_guessing_the_present_password_is_counted(people: World):
    client = people.client(Role.ANALYST)
    statuses = [change(client, current=f"guess-{n}-xyz").status_code for n in range(8)]
    assert statuses[:5] == [400] * 5
    assert 429 in statuses


# -- reset ---------------------------------------------------------------------------------------


def ask(email):
    return post("forgot-password", {"email": email})


def test_asking_answers_alike_and_writes_only_to_who_is_known(people: World):
    known = people.user(Role.ANALYST).email
    answers = [ask(known), ask("nobody@nowhere.test")]
    assert {a.status_code for a in answers} == {202}
    assert answers[0].json() == answers[1].json()
    assert [letter.to for letter in letters()] == [known]


def test_a_reset_ends_every_session_and_works_once(people: World, django_capture_on_commit_callbacks):
    user = people.user(Role.ANALYST)
    client = people.client(Role.ANALYST)
    assert client.get("/api/v1/users/me").status_code == 200
    User.objects.filter(pk=user.pk).update(email_verified_at=None)
    ask(user.email)
    ask(user.email)
    first, second = [token_in(letter) for letter in letters(user.email)]
    weak = post("reset-password", {"token": first, "password": "short"})
    assert (weak.status_code, weak.json()["errors"][0]["code"]) == (400, "weak_password")
    with django_capture_on_commit_callbacks(execute=True):
        assert post("reset-password", {"token": first, "new_password": BETTER}).status_code == 200
    assert client.get("/api/v1/users/me").status_code == 401
    assert not AuthSession.objects.filter(user=user, revoked_at=None).exists()
    assert log_in(user.email, BETTER).status_code == 200
    # The mailbox is proved by the way, and no other link is left.
    assert User.objects.get(pk=user.pk).email_verified_at is not None
    for token in (first, second):
        answer = post("reset-password", {"token": token, "password": "third-horse-88"})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_link")
    assert PlatformAuditEvent.objects.filter(action="accounts.password.reset").count() == 1


def test_a_change_of_the_password_voids_links_that_were_mailed(people: World):
    user = people.user(Role.ANALYST)
    ask(user.email)
    token = token_in(letters(user.email)[0])
    change(people.client(Role.ANALYST))
    assert post("reset-password", {"token": token, "password": BETTER}).status_code == 400


def test_an_account_gets_few_such_letters(people: World, settings):
    user = people.user(Role.ANALYST)
    for _ in range(settings.MAILED_TOKENS_PER_HOUR + 2):
        assert ask(user.email).status_code == 202
    assert len(letters(user.email)) == settings.MAILED_TOKENS_PER_HOUR


@pytest.mark.parametrize("body", [{}, {"token": "x"}, {"password": BETTER}])
def test_a_reset_says_what_is_missing(people: World, body):
    answer = post("reset-password", body)
    assert answer.status_code == 400
    assert answer.json()["errors"]


# -- another address -----------------------------------------------------------------------------


def move(client, email, password=PASSWORD):
    return client.post("/api/v1/users/me/email", {"email": email, "current_password": password})


def test_a_new_address_counts_when_it_is_proved(people: World):
    user, client = people.user(Role.ANALYST), people.client(Role.ANALYST)
    assert move(client, "moved@alpha.test", "nonsense").json()["code"] == "wrong_password"
    assert move(client, "moved@alpha.test").status_code == 202
    assert client.get("/api/v1/users/me").json()["email"] == user.email
    assert [letter.subject for letter in letters(user.email)] == ["Your e-mail address is about to change"]
    post("verify-email", {"token": token_in(letters("moved@alpha.test")[0])})
    assert log_in("Moved@alpha.test").status_code == 200
    assert log_in(user.email).status_code == 401


@pytest.mark.parametrize("how", ["reset", "change"])
def test_a_new_password_voids_a_move_that_somebody_else_asked_for(people: World, how):
    """Who had the account for a moment cannot take it with him after its owner is back."""
    user, client = people.user(Role.ANALYST), people.client(Role.ANALYST)
    move(client, "thief@evil.test")
    if how == "reset":
        post("forgot-password", {"email": user.email})
        token = token_in([x for x in letters(user.email) if "password" in x.subject][-1])
        assert post("reset-password", {"token": token, "password": BETTER}).status_code == 200
    else:
        assert change(client).status_code == 200
    answer = post("verify-email", {"token": token_in(letters("thief@evil.test")[0])})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_link")
    user.refresh_from_db()
    assert user.email != "thief@evil.test"


def test_a_reset_leaves_nothing_of_who_registered_somebody_elses_address(people: World):
    """Neither his keys nor his second factor: he had never shown that the address was his."""
    from accounts.mfa.models import TotpDevice
    from tests.factories import ApiKeyFactory

    user = people.user(Role.ANALYST)
    User.objects.filter(pk=user.pk).update(email_verified_at=None)
    key = ApiKeyFactory(user=user, tenant_id=people.tenants["alpha"].id)
    TotpDevice.objects.create(user=user, secret_sealed="x", confirmed_at=timezone.now())
    post("forgot-password", {"email": user.email})
    token = token_in([x for x in letters(user.email) if "password" in x.subject][-1])
    assert post("reset-password", {"token": token, "password": BETTER}).status_code == 200
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert not TotpDevice.objects.filter(user=user).exists()


def test_an_address_in_use_is_not_told_apart(people: World):
    client, taken = people.client(Role.ANALYST), people.user(Role.OWNER).email
    free, used = move(client, "free@alpha.test"), move(client, taken)
    assert (free.status_code, free.json()) == (used.status_code, used.json())
    assert [letter.subject for letter in letters(taken)] == ["You have an account already"]


def test_an_address_taken_in_the_meantime_is_refused(people: World):
    move(people.client(Role.ANALYST), "late@alpha.test")
    token = token_in(letters("late@alpha.test")[0])
    services.user_create(email="late@alpha.test", password=None, actor=people.user(Role.OWNER).actor)
    answer = post("verify-email", {"token": token})
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_email")
    assert MailedToken.objects.get().used_at is None


def test_the_profile_takes_no_address(people: World):
    client, user = people.client(Role.ANALYST), people.user(Role.ANALYST)
    same = client.put("/api/v1/users/me", {"email": user.email.upper(), "full_name": "A", "sector": None})
    assert same.status_code == 200
    other = client.put("/api/v1/users/me", {"email": "x@y.test"})
    assert (other.status_code, other.json()["errors"][0]["pointer"]) == (400, "/email")


# -- locked out ----------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [True, False])
def test_failures_lock_an_account_for_a_while_whether_or_not_it_is(people: World, settings, known):
    email = people.user(Role.ANALYST).email if known else "nobody@nowhere.test"
    free = settings.LOGIN_LIMITS["pair"][0]
    answers = [log_in(email, f"guess-{n}") for n in range(free + 2)]
    assert [a.status_code for a in answers[:free]] == [401] * free
    last = answers[-1]
    assert (last.status_code, last.json()["code"]) == (429, "locked_out")
    assert 0 < int(last["Retry-After"]) <= settings.LOGIN_LIMITS["pair"][1]
    if known:  # the right password has to wait too, or guesses would be told apart
        assert log_in(email).status_code == 429


def test_pauses_double_to_a_cap_and_attempts_meanwhile_do_not_lengthen_them(settings):
    settings.LOGIN_LIMITS = {"pair": (1, 10, 60), "account": (99, 1, 1), "address": (99, 1, 1)}
    assert [lockout._pause("pair", n) for n in range(1, 7)] == [10, 20, 40, 60, 60, 60]


def test_of_many_guesses_at_once_one_is_heard(people: World, settings):
    settings.LOGIN_LIMITS = {"pair": (2, 30, 900), "account": (99, 1, 1), "address": (99, 1, 1)}
    for _ in range(3):  # two are free, the next one takes the ticket of the first pause
        lockout.begin("a@b.test", "10.0.0.1")
    for _ in range(20):
        with pytest.raises(LockedOut) as refusal:
            lockout.begin("a@b.test", "10.0.0.1")
        assert 0 < refusal.value.fields["retry_after"] <= 30


def test_a_stranger_cannot_keep_the_owner_out(people: World, settings):
    """The owner signs in from where he did before, whatever somebody tries from elsewhere."""
    settings.LOGIN_LIMITS = {"pair": (50, 30, 900), "account": (3, 60, 120), "address": (99, 1, 1)}
    email = people.user(Role.ANALYST).email
    assert log_in(email).status_code == 200
    for number in range(10):
        try:
            lockout.begin(email, f"203.0.113.{number}")
        except LockedOut:
            continue
    with pytest.raises(LockedOut):
        lockout.begin(email, "203.0.113.99")
    assert log_in(email).status_code == 200
    # Even from a new address the wait is short.
    assert settings.LOGIN_LIMITS["account"][2] <= 120


def test_one_address_that_tries_many_accounts_is_slowed(settings):
    settings.LOGIN_LIMITS = {"pair": (9, 30, 900), "account": (9, 1, 1), "address": (4, 30, 900)}
    outcomes = []
    for number in range(8):
        try:
            lockout.begin(f"victim-{number}@b.test", "198.51.100.7")
            outcomes.append("heard")
        except LockedOut:
            outcomes.append("locked")
    assert outcomes == ["heard"] * 5 + ["locked"] * 3


def test_success_forgets_the_failures(people: World):
    email = people.user(Role.ANALYST).email
    for _ in range(3):
        for number in range(3):
            log_in(email, f"guess-{number}")
        assert log_in(email).status_code == 200


def test_the_console_counts_as_well(people: World):
    from tests.console import browser, sign_in

    email = people.user(Role.OWNER).email
    for number in range(6):
        log_in(email, f"guess-{number}")
    page = sign_in(browser("alpha.test"), email)
    assert page.status_code == 200
    assert "Too many attempts" in page.content.decode()


def test_hashes_are_argon2_outside_the_tests():
    from django.contrib.auth.hashers import Argon2PasswordHasher

    from config.settings import base

    assert base.PASSWORD_HASHERS[0] == "django.contrib.auth.hashers.Argon2PasswordHasher"
    # OWASP's least: 19 MiB and two passes, or more.
    assert Argon2PasswordHasher.memory_cost >= 19 * 1024
    assert Argon2PasswordHasher.time_cost >= 2


def test_a_change_beside_a_log_in_leaves_no_session_with_the_old_password(people: World):
    """The password was right when it was read, and was changed before the session is opened."""
    from tenants.kernel.errors import BadCredentials

    user = passwords.check(email=people.user(Role.ANALYST).email, password=PASSWORD, address=None)
    Credential.objects.filter(user=user).update(changed_at="2031-01-01T00:00:00Z")
    with pytest.raises(BadCredentials):
        services.session_open(user=user, place=None, device="t", address=None)
