"""Codes that are good for one use, given twice at the same moment."""

from __future__ import annotations

from django.utils import timezone

from accounts.mfa import services, totp
from accounts.mfa.errors import MfaRequired
from accounts.mfa.models import RecoveryCode, TotpDevice
from accounts.mfa.proofs import Given
from accounts.models import AuthSession
from accounts.services import sign_in
from tenants.kernel.errors import DomainError
from tests.authenticator import Authenticator
from tests.concurrency.test_refresh import in_parallel
from tests.fixtures import PASSWORD, OwnTenant, anonymous


def enrolled(own: OwnTenant) -> tuple[bytes, list[str]]:
    """The owner's secret and recovery codes."""
    enrolment = services.totp_begin(user=own.owner, actor=own.owner.actor)
    secret = totp.from_base32(enrolment.secret)
    # A code of the step before, so that the present one is still unused.
    code = totp.code_at(secret, totp.step_of(timezone.now()) - 1)
    session_id = own.client.session_row.id
    codes = services.totp_confirm(user=own.owner, code=code, session_id=session_id, actor=own.owner.actor)
    return secret, codes


def ask(own: OwnTenant) -> str:
    """The token of a sign-in whose password was right."""
    try:
        sign_in(email=own.owner.email, password=PASSWORD, tenant_id=own.ref.id, device="test", address=None)
    except MfaRequired as asked:
        return str(asked.fields["mfa_token"])
    raise AssertionError("no second factor was asked for")


def finish(own: OwnTenant, token: str, code: str) -> str:
    try:
        services.sign_in_finish(
            token=token, given=Given(code=code), tenant_id=own.ref.id, device="test", address=None
        )
    except DomainError as refusal:
        return refusal.code
    return "in"


def test_one_app_code_used_four_times_at_once_opens_one_session(own_tenant: OwnTenant):
    secret, _ = enrolled(own_tenant)
    tokens = [ask(own_tenant) for _ in range(4)]
    before = AuthSession.objects.filter(user=own_tenant.owner).count()
    code = totp.code_at(secret, totp.step_of(timezone.now()))
    outcomes = in_parallel(4, lambda n: finish(own_tenant, tokens[n], code))
    assert sorted(outcomes) == ["in", "mfa_refused", "mfa_refused", "mfa_refused"]
    assert AuthSession.objects.filter(user=own_tenant.owner).count() == before + 1


def test_one_recovery_code_used_four_times_at_once_opens_one_session(own_tenant: OwnTenant):
    _, codes = enrolled(own_tenant)
    tokens = [ask(own_tenant) for _ in range(4)]
    outcomes = in_parallel(4, lambda n: finish(own_tenant, tokens[n], codes[0]))
    assert sorted(outcomes) == ["in", "mfa_refused", "mfa_refused", "mfa_refused"]
    assert RecoveryCode.objects.filter(user=own_tenant.owner).exclude(used_at=None).count() == 1


def test_one_sign_in_finished_by_two_right_codes_opens_one_session(own_tenant: OwnTenant):
    _, codes = enrolled(own_tenant)
    token = ask(own_tenant)
    outcomes = in_parallel(4, lambda n: finish(own_tenant, token, codes[n]))
    assert sorted(outcomes) == ["in", "mfa_refused", "mfa_refused", "mfa_refused"]


def test_one_enrolment_confirmed_four_times_at_once_counts_once(own_tenant: OwnTenant):
    enrolment = services.totp_begin(user=own_tenant.owner, actor=own_tenant.owner.actor)
    code = totp.code_at(totp.from_base32(enrolment.secret), totp.step_of(timezone.now()))
    session_id = own_tenant.client.session_row.id

    def confirm(_):
        try:
            return len(
                services.totp_confirm(
                    user=own_tenant.owner, code=code, session_id=session_id, actor=own_tenant.owner.actor
                )
            )
        except DomainError as refusal:
            return refusal.code

    outcomes = in_parallel(4, confirm)
    assert [o for o in outcomes if not isinstance(o, str)] == [10]
    assert TotpDevice.objects.filter(user=own_tenant.owner).count() == 1
    assert RecoveryCode.objects.filter(user=own_tenant.owner).count() == 10


def test_wrong_codes_at_once_are_all_counted(own_tenant: OwnTenant):
    enrolled(own_tenant)
    tokens = [ask(own_tenant) for _ in range(4)]
    in_parallel(4, lambda n: finish(own_tenant, tokens[n], "000000"))
    own_tenant.owner.refresh_from_db()
    assert own_tenant.owner.proof_guard.failures == 4


def test_one_signature_of_a_passkey_sent_four_times_at_once_opens_one_session(own_tenant: OwnTenant):
    keys, verify = "/api/v1/auth/mfa/passkeys", "/api/v1/auth/mfa/verify"
    # Without a counter only the challenge stands between one answer and the next.
    device = Authenticator(origin=f"http://{own_tenant.mark}.test", counts=False)
    made = device.create(own_tenant.client.post(f"{keys}/options").json())
    assert own_tenant.client.post(keys, {"credential": made}, format="json").status_code == 201
    before = AuthSession.objects.filter(user=own_tenant.owner).count()
    token = ask(own_tenant)
    asked = anonymous(own_tenant.mark).post(f"{verify}/options", {"mfa_token": token}).json()
    body = {"mfa_token": token, "credential": device.get(asked)}
    outcomes = in_parallel(
        4, lambda _: anonymous(own_tenant.mark).post(verify, body, format="json").status_code
    )
    assert sorted(outcomes) == [200, 401, 401, 401]
    assert AuthSession.objects.filter(user=own_tenant.owner).count() == before + 1
