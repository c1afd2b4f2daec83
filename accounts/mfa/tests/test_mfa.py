"""Second factors over HTTP: enrolling, signing in with them, losing them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts import services as accounts
from accounts.mfa import challenges, totp
from accounts.mfa.models import Challenge, Guard, RecoveryCode, TotpDevice
from accounts.models import AuthSession, Credential, User
from accounts.permissions import Role
from tenants.kernel.context import in_tenant
from tenants.kernel.request import SYSTEM
from tenants.models import PlatformAuditEvent
from tests.fixtures import PASSWORD, World, anonymous
from tests.letters import letters

MFA = "/api/v1/auth/mfa"
CONFIRM = f"{MFA}/totp/confirm"
VERIFY = f"{MFA}/verify"


def code_of(secret: str, *, steps: int = 0) -> str:
    """What an app shows now, or some steps later."""
    return totp.code_at(totp.from_base32(secret), totp.step_of(timezone.now()) + steps)


def forget_used(user) -> None:
    """Let codes of this half minute be used again: a test has no time to wait for the next."""
    TotpDevice.objects.filter(user=user).update(last_counter=-1)


def enrol(client) -> tuple[str, list[str]]:
    """Enrol an app for a client's user; its secret and the recovery codes."""
    secret = client.post(f"{MFA}/totp").json()["secret"]
    answer = client.post(CONFIRM, {"code": code_of(secret)})
    assert answer.status_code == 200, answer.content
    forget_used(client.session_row.user)
    return secret, answer.json()["recovery_codes"]


def log_in(user, *, host: str = "alpha.test"):
    body = {"email": user.email, "password": PASSWORD}
    return anonymous().post("/api/v1/auth/login", body, headers={"host": host})


def verify(token: str, code: str, *, host: str = "alpha.test"):
    return anonymous().post(VERIFY, {"mfa_token": token, "code": code}, headers={"host": host})


# RFC 6238, appendix B, the last six of its eight digits.
@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_rfc(seconds, code):
    at = datetime.fromtimestamp(seconds, UTC)
    assert totp.code_at(b"12345678901234567890", totp.step_of(at)) == code


def test_the_window_is_one_step_either_way():
    secret, at = totp.new_secret(), datetime(2026, 1, 1, tzinfo=UTC)
    now = totp.step_of(at)
    taken = [
        drift
        for drift in range(-3, 4)
        if totp.step_for(totp.code_at(secret, now + drift), secret, at=at, after=-1) == now + drift
    ]
    assert taken == [-1, 0, 1]
    assert totp.step_for(totp.code_at(secret, now), secret, at=at, after=now) is None


def test_enrolling_shows_the_secret_once_and_seals_it(people: World, django_capture_on_commit_callbacks):
    client = people.client(Role.OWNER)
    answer = client.post(f"{MFA}/totp")
    assert answer.status_code == 201
    body = answer.json()
    assert body["uri"].startswith("otpauth://totp/Default%20Risk%20Platform:owner-one%40alpha.test?secret=")
    assert body["qr_svg"].startswith("<svg")
    assert "http" not in body["qr_svg"].replace("http://www.w3.org/2000/svg", "")
    device = TotpDevice.objects.get(user=people.user(Role.OWNER))
    assert body["secret"] not in device.secret_sealed
    # Not in force yet: signing in asks for nothing.
    assert log_in(people.user(Role.OWNER)).status_code == 200
    assert client.post(CONFIRM, {"code": "000000"}).json()["code"] == "proof_refused"
    with django_capture_on_commit_callbacks(execute=True):
        codes = client.post(CONFIRM, {"code": code_of(body["secret"])}).json()["recovery_codes"]
    assert len(set(codes)) == 10
    stored = set(RecoveryCode.objects.values_list("code_hash", flat=True))
    assert not any(code.replace("-", "") in "".join(stored) for code in codes)
    assert client.post(f"{MFA}/totp").json()["code"] == "mfa_enrolled"
    standing = client.get(MFA).json()
    assert (standing["totp"], standing["recovery_codes_left"], standing["session_has_it"]) == (True, 10, True)
    assert "secret" not in client.get(MFA).content.decode()
    assert [letter.subject for letter in letters(people.user(Role.OWNER).email)] == [
        "A second factor was added to your account"
    ]


def test_enrolling_and_removing_need_a_fresh_proof(people: World):
    client = people.client(Role.OWNER, proved=False)
    for method, path in (("post", "totp"), ("delete", "totp"), ("post", "recovery-codes")):
        answer = getattr(client, method)(f"{MFA}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")


def test_the_log_in_asks_for_the_second_factor(people: World):
    user = people.user(Role.OWNER)
    secret, _ = enrol(people.client(Role.OWNER))
    half = log_in(user)
    assert (half.status_code, half.json()["code"]) == (401, "mfa_required")
    assert half["Content-Type"] == "application/problem+json"
    body = half.json()
    assert body["mfa_required"] is True
    assert body["methods"] == ["totp", "recovery_code"]
    assert body["mfa_token"] not in str(list(Challenge.objects.values()))
    assert "access_token" not in body
    wrong = verify(body["mfa_token"], "000000")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "mfa_refused")
    right = verify(body["mfa_token"], code_of(secret))
    assert right.status_code == 200, right.content
    assert set(right.json()) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert AuthSession.objects.order_by("-id").first().second_factor
    # The token opens one session.
    forget_used(user)
    assert verify(body["mfa_token"], code_of(secret)).status_code == 401


def test_a_code_is_used_up(people: World):
    user = people.user(Role.OWNER)
    secret, _ = enrol(people.client(Role.OWNER))
    code = code_of(secret)
    assert verify(log_in(user).json()["mfa_token"], code).status_code == 200
    assert verify(log_in(user).json()["mfa_token"], code).status_code == 401
    # The step before it is used up with it.
    assert verify(log_in(user).json()["mfa_token"], code_of(secret, steps=-1)).status_code == 401
    assert verify(log_in(user).json()["mfa_token"], code_of(secret, steps=1)).status_code == 200


def test_a_wrong_password_never_learns_of_the_second_factor(people: World):
    enrol(people.client(Role.OWNER))
    body = {"email": people.user(Role.OWNER).email, "password": "wrong-horse-1"}
    answer = anonymous().post("/api/v1/auth/login", body)
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_credentials")
    assert "mfa_token" not in answer.json()


def test_a_token_is_for_its_host_and_its_minutes(people: World):
    user = people.user(Role.OWNER)
    secret, _ = enrol(people.client(Role.OWNER))
    token = log_in(user).json()["mfa_token"]
    for host in ("beta.test", "localhost"):
        assert verify(token, code_of(secret), host=host).json()["code"] == "mfa_refused"
    Challenge.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert verify(token, code_of(secret)).json()["code"] == "mfa_refused"
    assert verify("mfa_nonsense", code_of(secret)).json()["code"] == "mfa_refused"
    Challenge.objects.update(expires_at=timezone.now() - timedelta(hours=2))
    assert challenges.challenges_purge() >= 1


def test_a_password_changed_in_between_is_no_first_half(people: World):
    user = people.user(Role.OWNER)
    secret, _ = enrol(people.client(Role.OWNER))
    token = log_in(user).json()["mfa_token"]
    Credential.objects.filter(user=user).update(changed_at=timezone.now())
    assert verify(token, code_of(secret)).json()["code"] == "mfa_refused"


def test_guesses_are_counted_over_all_sign_ins(people: World):
    user = people.user(Role.OWNER)
    secret, _ = enrol(people.client(Role.OWNER))
    for _ in range(5):
        assert verify(log_in(user).json()["mfa_token"], "000000").status_code == 401
    locked = verify(log_in(user).json()["mfa_token"], code_of(secret))
    assert (locked.status_code, locked.json()["code"]) == (429, "too_many")
    assert int(locked["Retry-After"]) > 0
    assert PlatformAuditEvent.objects.filter(action="accounts.proof.refused").count() == 5


def test_recovery_codes_work_once_in_any_spelling(people: World):
    user = people.user(Role.OWNER)
    client = people.client(Role.OWNER)
    _, codes = enrol(client)
    assert verify(log_in(user).json()["mfa_token"], codes[0].lower()).status_code == 200
    assert verify(log_in(user).json()["mfa_token"], codes[0]).status_code == 401
    assert verify(log_in(user).json()["mfa_token"], codes[1].replace("-", " ")).status_code == 200
    assert client.get(MFA).json()["recovery_codes_left"] == 8
    fresh = client.post(f"{MFA}/recovery-codes").json()["recovery_codes"]
    assert verify(log_in(user).json()["mfa_token"], codes[2]).status_code == 401
    assert verify(log_in(user).json()["mfa_token"], fresh[2]).status_code == 200


def test_recovery_codes_need_a_factor(people: World):
    answer = people.client(Role.OWNER).post(f"{MFA}/recovery-codes")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_second_factor")


def test_with_a_factor_the_password_proves_nothing_anew(people: World):
    client = people.client(Role.OWNER)
    secret, _ = enrol(client)
    answer = client.post("/api/v1/auth/step-up", {"password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (403, "proof_refused")
    answer = client.post("/api/v1/auth/step-up", {"code": code_of(secret)})
    assert answer.json()["method"] == "totp"


def test_enrolling_ends_sessions_without_it(people: World, django_capture_on_commit_callbacks):
    older, here = people.client(Role.OWNER), people.client(Role.OWNER)
    assert older.get("/api/v1/auth/me").status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        enrol(here)
    assert older.get("/api/v1/auth/me").status_code == 401
    assert here.get("/api/v1/auth/me").status_code == 200


def test_removing_it_leaves_nothing(people: World):
    user, client = people.user(Role.OWNER), people.client(Role.OWNER)
    enrol(client)
    assert client.delete(f"{MFA}/totp").status_code == 204
    assert log_in(user).status_code == 200
    assert not RecoveryCode.objects.filter(user=user).exists()
    assert not AuthSession.objects.filter(user=user, second_factor=True).exists()
    assert client.delete(f"{MFA}/totp").status_code == 409


# -- institutions that ask for it ---------------------------------------------------------------


@pytest.fixture
def strict(people: World, django_capture_on_commit_callbacks):
    """Alpha asks everybody for a second factor."""
    from tenants.models import Tenant, TenantSettings
    from tenants.selectors import forget_tenant

    TenantSettings.objects.filter(tenant_id=people.tenants["alpha"].id).update(require_mfa=True)
    forget_tenant(Tenant.objects.get(id=people.tenants["alpha"].id))
    return people


def test_a_member_without_a_factor_signs_in_only_to_enrol(strict: World, django_capture_on_commit_callbacks):
    user = strict.user(Role.ANALYST)
    pair = log_in(user).json()
    client = strict.client(Role.ANALYST)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['access_token']}")
    for path in ("/api/v1/companies", "/api/v1/predictions/annual", "/api/v1/organizations"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "mfa_enrolment_required"), path
    assert client.get("/api/v1/auth/me").status_code == 200
    assert client.get(MFA).json()["required_here"] is True
    assert client.post("/api/v1/auth/step-up", {"password": PASSWORD}).status_code == 200
    client.session_row = AuthSession.objects.filter(user=user).order_by("-id").first()
    with django_capture_on_commit_callbacks(execute=True):
        enrol(client)
    client.session_row.refresh_from_db()
    live = AuthSession.objects.get(user=user, revoked_at=None)
    assert live.second_factor
    assert client.get("/api/v1/companies").status_code == 200


def test_elsewhere_he_works_on(strict: World):
    assert strict.client(Role.OWNER, "beta").get("/api/v1/companies").status_code == 200
    User.objects.filter(pk=strict.user(Role.INDIVIDUAL).pk).update(email_verified_at=timezone.now())
    individual = User.objects.get(pk=strict.user(Role.INDIVIDUAL).pk)
    accounts.membership_grant(
        user=individual,
        tenant_id=strict.tenants["alpha"].id,
        organization_id=strict.organizations["alpha", "one"],
        role=Role.ANALYST,
        actor=SYSTEM,
    )
    assert strict.client(Role.INDIVIDUAL).get("/api/v1/companies").status_code == 200


def test_super_admins_can_be_asked_by_a_setting(people: World, settings):
    settings.PLATFORM_REQUIRE_MFA = True
    answer = people.client(Role.SUPER_ADMIN, host="localhost").get("/api/v1/tenants")
    assert answer.json()["code"] == "mfa_enrolment_required"
    assert people.client(Role.TENANT_ADMIN).get("/api/v1/companies").status_code == 200


# -- reset --------------------------------------------------------------------------------------


def reset(client, user):
    return client.post(f"{MFA}/reset", {"user_id": str(user.id)})


def test_an_admin_resets_a_member_and_everybody_knows(people: World, django_capture_on_commit_callbacks):
    member, client = people.user(Role.ANALYST), people.client(Role.ANALYST)
    enrol(client)
    with django_capture_on_commit_callbacks(execute=True):
        assert reset(people.client(Role.TENANT_ADMIN), member).status_code == 204
    assert client.get("/api/v1/auth/me").status_code == 401
    assert log_in(member).status_code == 200
    assert not Guard.objects.filter(user=member).exists()
    assert PlatformAuditEvent.objects.filter(action="accounts.mfa.reset", object_id=str(member.id)).exists()
    with in_tenant(people.tenants["alpha"]):
        from organizations.models import AuditEvent

        assert AuditEvent.objects.filter(action="accounts.mfa.reset").exists()
    assert "Your second factor was reset" in [letter.subject for letter in letters(member.email)]


def test_a_tenant_admin_resets_nobody_elses_user(people: World):
    admin = people.client(Role.TENANT_ADMIN)
    assert reset(admin, people.user(Role.ANALYST, "beta")).status_code == 404
    assert reset(admin, people.user(Role.INDIVIDUAL)).status_code == 404
    assert reset(admin, people.user(Role.SUPER_ADMIN)).status_code == 404
    shared = people.user(Role.ANALYST)
    accounts.membership_grant(
        user=shared,
        tenant_id=people.tenants["beta"].id,
        organization_id=people.organizations["beta", "one"],
        role=Role.VIEWER,
        actor=SYSTEM,
    )
    answer = reset(admin, shared)
    assert (answer.status_code, answer.json()["code"]) == (409, "shared_account")
    assert reset(people.client(Role.SUPER_ADMIN), shared).status_code == 204


def test_nobody_resets_himself_or_without_a_proof(people: World):
    admin = people.client(Role.TENANT_ADMIN)
    answer = reset(admin, people.user(Role.TENANT_ADMIN))
    assert (answer.status_code, answer.json()["code"]) == (409, "own_account")
    unproved = people.client(Role.TENANT_ADMIN, proved=False)
    assert reset(unproved, people.user(Role.ANALYST)).json()["code"] == "step_up_required"
    assert reset(people.client(Role.OWNER), people.user(Role.ANALYST)).status_code == 403
