"""Mailed proofs: verifying an address, changing it, and setting a new password without the old one.

Whoever asks for a letter learns nothing from the answer: an address without an account costs the same
work and gets the same words, and no letter.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from accounts import lockout, passwords
from accounts import services as accounts
from accounts.api_keys.services import keys_end
from accounts.errors import BadLink, WrongPassword
from accounts.hashing import digest
from accounts.mfa.services import factors_forget
from accounts.models import Credential, User
from accounts.recovery.models import MailedToken, PendingInstitution, Purpose
from tenants.kernel import audit, mail
from tenants.kernel.context import in_public
from tenants.kernel.errors import Conflict, InvalidInput, TooMany
from tenants.kernel.jobs import enqueue
from tenants.kernel.request import SYSTEM, Actor
from tenants.mailing.models import OutgoingLetter

KEPT = timedelta(days=30)
LINK_OF = {Purpose.VERIFY: "verify_email", Purpose.RESET: "reset_password"}
LIFETIME_OF = {Purpose.VERIFY: "VERIFICATION_LIFETIME", Purpose.RESET: "PASSWORD_RESET_LIFETIME"}


def _token_make(user: User, purpose: Purpose, email: str, *, lifetime: timedelta | None = None) -> str:
    text = secrets.token_urlsafe(32)
    MailedToken.objects.create(
        user=user,
        purpose=purpose,
        digest=digest(text),
        email=email,
        expires_at=timezone.now() + (lifetime or getattr(settings, LIFETIME_OF[purpose])),
    )
    return text


def _letter(template: str, *, to: str, purpose: Purpose, token: str, **context: Any) -> UUID:
    link = mail.link(LINK_OF[purpose], token=token)
    hours = int(getattr(settings, LIFETIME_OF[purpose]).total_seconds() // 3600)
    values = {"link": link, "token": token, "hours": hours, "email": to, **context}
    return mail.send(template=f"accounts/{template}", to=to, context=values)


def _too_many(user: User, purpose: Purpose) -> bool:
    lately = timezone.now() - timedelta(hours=1)
    recent = MailedToken.objects.filter(user=user, purpose=purpose, created_at__gt=lately)
    return recent.count() >= settings.MAILED_TOKENS_PER_HOUR


def _take(text: str, purpose: Purpose) -> MailedToken:
    """The token's row, locked and used up; raises BadLink. Of two at once one finds it unused."""
    found = MailedToken.objects.select_for_update(of=("self",)).select_related("user__profile")
    row = found.filter(digest=digest(text.strip()), purpose=purpose).first()
    now = timezone.now()
    if row is None or row.used_at is not None or row.expires_at <= now:
        raise BadLink()
    row.used_at = now
    row.save(update_fields=["used_at"])
    return row


# -- verifying an address ------------------------------------------------------------------------


@transaction.atomic
def verification_send(*, user: User, email: str | None = None) -> None:
    """Mail a link that proves the user's address, or the new one that he wants."""
    with in_public():
        to = email or user.email
        token = _token_make(user, Purpose.VERIFY, to)
        _letter("verify", to=to, purpose=Purpose.VERIFY, token=token, name=user.profile.full_name)


@transaction.atomic
def verification_resend(*, user: User, actor: Actor) -> None:
    """Mail the link once more; raises Conflict for a proved address, TooMany after a few in an hour."""
    with in_public():
        User.objects.select_for_update().get(pk=user.pk)
        if user.email_verified_at is not None:
            raise Conflict("This address is verified already.", code="already_verified")
        if _too_many(user, Purpose.VERIFY):
            raise TooMany("Several letters were sent already; look for them.", retry_after=3600)
        verification_send(user=user)
        audit.record("accounts.verification.resent", on=user, actor=actor)


@transaction.atomic
def address_verify(*, token: str) -> User:
    """The mailed token proves that the address is the user's; a new address replaces the old one then.

    Raises BadLink, and Conflict where somebody else has taken the address in the meantime.
    """
    with in_public():
        row = _take(token, Purpose.VERIFY)
        user = User.objects.select_for_update().get(pk=row.user_id)
        if not user.is_active:
            raise BadLink()
        before = user.email
        moved = row.email.lower() != before.lower()
        if moved and User.objects.by_email(row.email) is not None:
            raise Conflict("This e-mail address is in use already.", code="duplicate_email")
        user.email, user.email_verified_at = row.email, timezone.now()
        user.save(update_fields=["email", "email_verified_at"])
        _spend_others(row)
        changes = {"email": [before, row.email]} if moved else {}
        audit.record("accounts.address.verified", on=user, changes=changes, actor=user.actor)
        if moved:
            accounts.user_sessions_forget(user=user)  # what is cached of them names the old address
        if PendingInstitution.objects.filter(user=user).exists():
            enqueue("organizations.open_registered", actor=SYSTEM, queue="default", user_id=str(user.pk))
    return user


@transaction.atomic
def address_disown(*, token: str) -> None:
    """Somebody else has registered with this address: close the account to him.

    The password is taken away and every session ends. The owner of the mailbox can set a password of
    his own by mail, if he wants the account.
    """
    with in_public():
        row = _take(token, Purpose.VERIFY)
        user = row.user
        moved = row.email.lower() != user.email.lower()
        if not moved and user.email_verified_at is None:
            PendingInstitution.objects.filter(user=user).delete()
            passwords.store(user, None)
            _dispossess(user, because="disowned")
        _spend_others(row)
        audit.record("accounts.address.disowned", on=user, actor=Actor(None, row.email))


def _dispossess(user: User, *, because: str) -> None:
    """End what somebody has left in an account whose address he never proved, but for its password: sessions,
    keys, second factors, and letters that would move it to another address."""
    accounts.user_sessions_end(user=user, because=because)
    keys_end(user=user, because=because)
    factors_forget(user)
    MailedToken.objects.filter(user=user, used_at=None).update(used_at=timezone.now())


@transaction.atomic
def account_reclaim(*, user: User, password: str | None, actor: Actor) -> None:
    """Hand an account whose address was never proved to whoever has just proved it by something else than its
    password: an invitation's letter, or the word of an institution's provider.

    Anybody may have registered the address before. Whatever he knows or holds opens nothing any more; the
    password is ``password``, or (None) none until the owner sets one by mail. Raises InvalidInput.
    """
    with in_public():
        User.objects.select_for_update().get(pk=user.pk)
        if password is not None:
            passwords.check_rules(password, user)
        passwords.store(user, password)
        PendingInstitution.objects.filter(user=user).delete()
        _dispossess(user, because="reclaimed")
        accounts.email_prove(user=user, actor=actor)
        audit.record("accounts.user.reclaimed", on=user, security=True, actor=actor)
        _tell_changed(user)


def _spend_others(row: MailedToken) -> None:
    others = MailedToken.objects.filter(user_id=row.user_id, purpose=row.purpose, used_at=None)
    others.update(used_at=timezone.now())


def _spend_letters(user: User) -> None:
    """Letters that would open the account, or take it to another address, are worth nothing after its
    password was set: somebody else may have asked for them."""
    waiting = MailedToken.objects.filter(user=user, used_at=None)
    own = waiting.filter(purpose=Purpose.VERIFY, email__iexact=user.email)
    waiting.exclude(pk__in=own.values("pk")).update(used_at=timezone.now())


def address_change_ask(*, user: User, email: str, password: str, address: str | None, actor: Actor) -> None:
    """Ask to use another e-mail address: it replaces the old one when the link mailed to it is opened.

    The old address is told. An address that somebody has is not told apart: its owner gets a letter
    instead. Raises WrongPassword, which counts like a failed log-in (LockedOut), InvalidInput, TooMany.
    """
    new = email.strip()
    try:
        validate_email(new)
    except ValidationError:
        raise InvalidInput(errors=[_fault("email", "invalid", "Enter an e-mail address.")]) from None
    attempt = lockout.begin(user.email, address)
    with in_public(), transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        row = User.objects.with_credential().get(pk=user.pk)
        assert_password(row, password)
        if new.lower() == row.email.lower():
            raise InvalidInput(errors=[_fault("email", "unchanged", "This is your address already.")])
        if _too_many(row, Purpose.VERIFY):
            raise TooMany("Several letters were sent already; look for them.", retry_after=3600)
        holder = User.objects.by_email(new)
        if holder is None:
            verification_send(user=row, email=new)
        else:
            _token_make(row, Purpose.VERIFY, new)  # counts, and proves nothing: nobody is told it
            account_known_tell(user=holder)
        mail.send(template="accounts/address_changing", to=row.email, context={"name": row.profile.full_name})
        audit.record("accounts.address.change_asked", on=row, changes={"email": new}, actor=actor)
    lockout.succeeded(attempt)


def account_known_tell(*, user: User) -> None:
    """Tell the owner of an address that somebody has just tried to register with it."""
    context = {"name": user.profile.full_name, "link": mail.link("forgot_password")}
    mail.send(template="accounts/known", to=user.email, context=context)


@transaction.atomic
def welcome_send(*, user: User) -> None:
    """Mail somebody for whom an administrator has made an account a link to set his own password."""
    lifetime = settings.VERIFICATION_LIFETIME
    with in_public():
        token = _token_make(user, Purpose.RESET, user.email, lifetime=lifetime)
    # In whose name the letter is written depends on where the caller is.
    context = {
        "link": mail.link("reset_password", token=token),
        "token": token,
        "hours": int(lifetime.total_seconds() // 3600),
        "email": user.email,
        "name": user.profile.full_name,
    }
    mail.send(template="accounts/welcome", to=user.email, context=context)


# -- passwords -----------------------------------------------------------------------------------


@transaction.atomic
def password_forgot(*, email: str) -> None:
    """Mail a link for a new password, where there is such an account; the same work where there is none."""
    with in_public():
        user = User.objects.by_email(email)
        if user is not None and user.is_active and not _too_many(user, Purpose.RESET):
            token = _token_make(user, Purpose.RESET, user.email)
            _letter("reset", to=user.email, purpose=Purpose.RESET, token=token, name=user.profile.full_name)
            audit.record("accounts.password.reset_asked", on=user, actor=SYSTEM)
            return
        # The same letter, which is never sent: its worker finds no row.
        letter = _letter(
            "reset", to=email[:254], purpose=Purpose.RESET, token=secrets.token_urlsafe(32), name=""
        )
        OutgoingLetter.objects.filter(id=letter).delete()
        audit.record("accounts.password.reset_asked", actor=Actor(None, email.strip()[:254]))


@transaction.atomic
def password_reset(*, token: str, password: str) -> User:
    """Set a new password with a mailed token: every session ends, the address is proved by the way.

    Raises BadLink, or InvalidInput for a weak password (the link stays good then).
    """
    with in_public():
        row = _take(token, Purpose.RESET)
        user = User.objects.select_for_update().get(pk=row.user_id)
        if not user.is_active or row.email.lower() != user.email.lower():
            raise BadLink()
        _set(user, password, field="password")
        if user.email_verified_at is None:
            user.email_verified_at = timezone.now()
            user.save(update_fields=["email_verified_at"])
            # Whoever set it up had not shown that the address was his.
            _dispossess(user, because="password reset")
        _spend_letters(user)
        accounts.user_sessions_end(user=user, because="password reset")
        lockout.forget_account(user.email)
        audit.record("accounts.password.reset", on=user, actor=user.actor)
        _tell_changed(user)
        if PendingInstitution.objects.filter(user=user).exists():
            enqueue("organizations.open_registered", actor=SYSTEM, queue="default", user_id=str(user.pk))
    return user


def password_change(
    *, user: User, session_id: UUID, current: str, password: str, address: str | None, actor: Actor
) -> None:
    """A new password, by whoever knows the present one; every other session ends.

    Raises WrongPassword, which counts like a failed log-in (LockedOut), or InvalidInput.
    """
    attempt = lockout.begin(user.email, address)
    with in_public(), transaction.atomic():
        # The lock that opening a session takes too: none is opened with the old password any more.
        Credential.objects.select_for_update().get(user=user)
        row = User.objects.with_credential().get(pk=user.pk)
        assert_password(row, current)
        _set(row, password, field="new_password")
        accounts.user_sessions_end(user=row, because="password changed", keep=session_id)
        _spend_letters(row)
        audit.record("accounts.password.changed", on=row, actor=actor)
        _tell_changed(row)
    lockout.succeeded(attempt)


def assert_password(user: User, password: str) -> None:
    """Raise WrongPassword unless this is the user's password."""
    if not user.check_password(password):
        raise WrongPassword(
            errors=[_fault("current_password", "wrong_password", "The current password is not right.")]
        )


def _set(user: User, password: str, *, field: str) -> None:
    passwords.check_rules(password, user, field=field)
    passwords.store(user, password)


def _tell_changed(user: User) -> None:
    context = {"name": user.profile.full_name, "link": mail.link("forgot_password")}
    mail.send(template="accounts/password_changed", to=user.email, context=context)


def _fault(field: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": f"/{field}", "code": code, "detail": detail}


def tokens_purge() -> int:
    """Remove tokens a month after their end."""
    with in_public():
        ended = MailedToken.objects.filter(expires_at__lt=timezone.now() - KEPT)
        return ended.delete()[0]
