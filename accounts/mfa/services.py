"""Second factors: proofs given anew, enrolment, and the second half of a sign-in."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import segno
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import hashing
from accounts import selectors as places
from accounts import services as accounts
from accounts.mfa import ceremonies, proofs, selectors, totp
from accounts.mfa.errors import MfaRefused, ProofRefused
from accounts.mfa.models import Challenge, Guard, Passkey, RecoveryCode, TotpDevice
from accounts.mfa.proofs import Given
from accounts.models import AuthSession, Credential, Membership, User
from accounts.selectors import Place
from tenants import selectors as directory
from tenants.kernel import audit, mail
from tenants.kernel.context import PERSONAL, in_public, in_tenant
from tenants.kernel.errors import Absent, BadCredentials, Conflict
from tenants.kernel.request import Actor
from tenants.kernel.sealing import seal

RECOVERY_CODES = 10
# Sixty bits: more than anybody tries against a table of keyed hashes, and still typed by hand.
RECOVERY_LETTERS = 12
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without I and O, 1 and 0: 32 letters, five bits each
MOST_ANSWERS = 5
ISSUER = "Default Risk Platform"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app needs; shown once."""

    secret: str
    uri: str
    qr_svg: str


# -- proofs -------------------------------------------------------------------------------------


def session_prove(*, session_id: UUID, user: User, given: Given, actor: Actor) -> tuple[str, datetime]:
    """Remember on the session that its user has proved himself anew: by what, and until when it holds.

    Raises ProofRefused and TooMany.
    """
    methods = selectors.proof_methods(user.id)
    method = proofs.proof_check(user=user, given=given, methods=methods, bound=session_id, actor=actor)
    now = timezone.now()
    with in_public(), transaction.atomic():
        session = AuthSession.objects.select_for_update().get(id=session_id)
        session.proved_at, session.proved_by = now, method
        session.save(update_fields=["proved_at", "proved_by"])
        audit.record("accounts.session.proved", on=session, changes={"by": method}, actor=actor)
    return method, now + timedelta(seconds=settings.STEP_UP_SECONDS)


# -- the second half of a sign-in ---------------------------------------------------------------


def sign_in_finish(
    *,
    token: str,
    given: Given,
    tenant_id: UUID | None,
    on_console: bool = False,
    place_for: Callable[[User], Place | None] | None = None,
    device: str,
    address: str | None,
) -> tuple[AuthSession, Place | None]:
    """Open the session of a sign-in that waited for its second factor, where ``place_for`` says or where
    the user begins.

    Raises MfaRefused for a wrong code and for a token that is unknown, used, too old or of another host,
    in the same words; TooMany while the user's attempts are locked.
    """
    challenge = _open_challenge(token, tenant_id, on_console)
    user = challenge.user
    methods = selectors.second_factors(user.id)
    try:
        method = proofs.proof_check(
            user=user, given=given, methods=methods, bound=challenge.id, actor=user.actor
        )
    except ProofRefused:
        with in_public(), transaction.atomic():
            Challenge.objects.filter(id=challenge.id).update(failures=F("failures") + 1)
            audit.record("accounts.session.refused", on=user, changes={"by": "mfa"}, actor=user.actor)
        raise MfaRefused() from None
    with in_public(), transaction.atomic():
        now = timezone.now()
        # Two right codes at once: the token opens one session.
        if not Challenge.objects.filter(id=challenge.id, used_at=None).update(used_at=now):
            raise MfaRefused()
        start = tenant_id or challenge.confined_to_id
        place = place_for(user) if place_for else places.starting_place(user, tenant_id=start)
        if not user.is_active or (place is None and (start is not None or on_console)):
            raise BadCredentials()
        if Credential.objects.filter(user=user, changed_at__gt=challenge.created_at).exists():
            # The password that was the first half is no longer his.
            raise MfaRefused()
        session = accounts.session_open(
            user=user,
            place=place,
            device=device,
            address=address,
            second_factor=True,
            confined_to=challenge.confined_to_id,
        )
        audit.record("accounts.mfa.passed", on=session, changes={"by": method}, actor=user.actor)
    return session, place


def session_ask(*, session_id: UUID, user: User) -> dict[str, Any]:
    """What a passkey signs to prove anew on a session; raises Conflict where none answers here."""
    place = ceremonies.here()
    with in_public():
        if place is None or not selectors.passkeys_at(user.id, place.host).exists():
            raise Conflict("No passkey of yours answers on this address.", code="no_passkeys_here")
        return ceremonies.request_options(user, place=place, bound=session_id)


def sign_in_ask(*, token: str, tenant_id: UUID | None, on_console: bool = False) -> dict[str, Any]:
    """What a passkey signs to finish a sign-in; raises MfaRefused, and Conflict where none answers here."""
    challenge = _open_challenge(token, tenant_id, on_console)
    return session_ask(session_id=challenge.id, user=challenge.user)


def sign_in_methods(*, token: str, tenant_id: UUID | None, on_console: bool = False) -> list[str]:
    """By what a sign-in may be finished on this host; raises MfaRefused."""
    return selectors.second_factors(_open_challenge(token, tenant_id, on_console).user_id)


def _open_challenge(token: str, tenant_id: UUID | None, on_console: bool) -> Challenge:
    with in_public():
        waiting = Challenge.objects.select_related("user").filter(
            token_hash=hashing.digest(token),
            tenant_id=cast(UUID, tenant_id),  # none: the platform's own host
            on_console=on_console,
            used_at=None,
            expires_at__gt=timezone.now(),
            failures__lt=MOST_ANSWERS,
        )
        challenge = waiting.first()
    if challenge is None:
        raise MfaRefused()
    return challenge


# -- enrolment ----------------------------------------------------------------------------------


@transaction.atomic
def totp_begin(*, user: User, actor: Actor) -> Enrolment:
    """A new secret for an authenticator app, in force once a code of it is confirmed.

    Raises Conflict where one is in force already.
    """
    with in_public():
        if TotpDevice.objects.filter(user=user).exclude(confirmed_at=None).exists():
            raise Conflict("An authenticator app is enrolled already; remove it first.", code="mfa_enrolled")
        secret = totp.new_secret()
        text = totp.base32(secret)
        device, _ = TotpDevice.objects.update_or_create(
            user=user,
            defaults={
                "secret_sealed": seal(text, purpose=proofs.TOTP_PURPOSE),
                "last_counter": -1,
                "created_at": timezone.now(),
            },
        )
        audit.record("accounts.mfa.totp_begun", on=device, actor=actor)
    uri = totp.provisioning_uri(secret, account=user.email, issuer=ISSUER)
    return Enrolment(text, uri, segno.make(uri, error="m").svg_inline(scale=5, border=4, light="white"))


def totp_confirm(*, user: User, code: str, session_id: UUID, actor: Actor) -> list[str]:
    """Put the authenticator app into force by one of its codes; the recovery codes, where they are new.

    Every other session of the user ends: they were opened without it. Raises ProofRefused, Conflict.
    """
    now = timezone.now()
    with in_public(), transaction.atomic():
        Guard.objects.get_or_create(user=user)
        Guard.objects.select_for_update().get(user=user)
        if not TotpDevice.objects.filter(user=user, confirmed_at=None).exists():
            raise Conflict("There is no enrolment to confirm; begin one.", code="no_enrolment")
        if proofs.totp_use(user, "".join(code.split()), now=now, confirmed=False):
            TotpDevice.objects.filter(user=user).update(confirmed_at=now)
            audit.record("accounts.mfa.totp_enrolled", on=user, actor=actor)
            return factor_added(user, session_id, actor)
        audit.record("accounts.proof.refused", on=user, changes={"enrolment": True}, actor=actor)
    raise ProofRefused("This code is not right; look at the clock of your device.")


def factor_added(user: User, session_id: UUID, actor: Actor) -> list[str]:
    """What follows a new factor: this session counts as opened with it, the others end, a letter goes out."""
    others = AuthSession.objects.filter(user=user, revoked_at=None, second_factor=False)
    accounts.sessions_revoke(others.exclude(id=session_id), because="second factor enrolled")
    AuthSession.objects.filter(id=session_id).update(second_factor=True)
    accounts.sessions_forget(AuthSession.objects.filter(id=session_id))
    mail.send(template="accounts/mfa_enrolled", to=user.email, context={"user": user})
    if RecoveryCode.objects.filter(user=user, used_at=None).exists():
        return []
    return _renew_codes(user)


def _renew_codes(user: User) -> list[str]:
    RecoveryCode.objects.filter(user=user).delete()
    codes = [
        "".join(secrets.choice(ALPHABET) for _ in range(RECOVERY_LETTERS)) for _ in range(RECOVERY_CODES)
    ]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, code_hash=proofs.recovery_hash(code)) for code in codes
    )
    return ["-".join((code[:4], code[4:8], code[8:])) for code in codes]


@transaction.atomic
def recovery_codes_renew(*, user: User, actor: Actor) -> list[str]:
    """Ten new recovery codes, shown once; the old ones are dead. Raises Conflict without a second factor."""
    with in_public():
        User.objects.select_for_update().get(pk=user.pk)
        if not selectors.has_second_factor(user.id):
            raise Conflict("Enrol a second factor first.", code="no_second_factor")
        codes = _renew_codes(user)
        audit.record("accounts.mfa.recovery_codes_renewed", on=user, actor=actor)
    return codes


@transaction.atomic
def totp_remove(*, user: User, actor: Actor) -> None:
    """Do without the authenticator app; raises Conflict where there is none."""
    with in_public():
        if not TotpDevice.objects.filter(user=user).delete()[0]:
            raise Conflict("There is no authenticator app to remove.", code="no_second_factor")
        audit.record("accounts.mfa.totp_removed", on=user, actor=actor)
        factor_removed(user)


def factor_removed(user: User) -> None:
    """What follows a factor's end: without any, no session counts as opened with one."""
    if not selectors.has_second_factor(user.id):
        RecoveryCode.objects.filter(user=user).delete()
        sessions = AuthSession.objects.filter(user=user, revoked_at=None)
        sessions.update(second_factor=False)
        accounts.sessions_forget(sessions)
    mail.send(template="accounts/mfa_removed", to=user.email, context={"user": user})


def factors_forget(user: User) -> None:
    """Remove every second factor, the recovery codes and the count of wrong ones. In public."""
    for model in (TotpDevice, Passkey, RecoveryCode, Guard):
        model.objects.filter(user=user).delete()


@transaction.atomic
def mfa_reset(*, user_id: UUID, tenant_id: UUID | None, by_super_admin: bool, actor: Actor) -> User:
    """Take every second factor from a user who has lost his, and end his sessions.

    An institution's admin (``tenant_id``) resets who works in his institution only: somebody with a
    place in another one is the platform's matter. Raises Absent for anybody else's users, Conflict.
    """
    with in_public():
        user = User.objects.select_for_update().filter(pk=user_id).first()
        held = Membership.objects.filter(user_id=user_id).exclude(tenant__schema_name=PERSONAL)
        here = cast(UUID, tenant_id)
        if user is None or not (by_super_admin or held.filter(tenant_id=here).exists()):
            raise Absent()
        if user.id == actor.user_id:
            raise Conflict("Remove your own second factor with a proof instead.", code="own_account")
        if not by_super_admin and (user.is_super_admin or held.exclude(tenant_id=here).exists()):
            raise Conflict("This user also works elsewhere: ask the platform.", code="shared_account")
        factors_forget(user)
        open_sessions = AuthSession.objects.filter(user=user, revoked_at=None)
        accounts.sessions_revoke(open_sessions, because="second factor reset")
        audit.record("accounts.mfa.reset", on=user, actor=actor)
        mail.send(template="accounts/mfa_reset", to=user.email, context={"user": user, "actor": actor})
    tenant = directory.tenant_by_id(tenant_id) if tenant_id else None
    if tenant is not None:
        with in_tenant(tenant):
            audit.record("accounts.mfa.reset", on=user, actor=actor)
    return user
