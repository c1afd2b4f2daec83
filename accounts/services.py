"""Writes to identity: users, memberships, sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import passwords, principals, selectors, tokens
from accounts.errors import Unverified
from accounts.mfa.challenges import second_factor_ask
from accounts.models import AuthSession, Membership, Profile, RefreshToken, User
from accounts.permissions import Role
from accounts.selectors import Place
from accounts.sso.errors import SsoRequired
from accounts.sso.selectors import provider_asked
from accounts.watching import services as watching
from tenants.kernel import audit
from tenants.kernel.context import PERSONAL, in_public, in_tenant
from tenants.kernel.errors import Absent, BadCredentials, BadToken, Conflict, Forbidden, InvalidInput
from tenants.kernel.request import Actor
from tenants.models import Tenant

# Clients that send the same refresh twice at once (two tabs, a retry) lose a race, they do not
# attack: within this time the loser is refused, the family lives on.
ROTATION_GRACE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client gets to work with."""

    access_token: str
    refresh_token: str
    expires_in: int


def _field_error(field: str, detail: str, code: str = "invalid") -> InvalidInput:
    return InvalidInput(errors=[{"pointer": f"/{field}", "code": code, "detail": detail}])


@transaction.atomic
def user_create(
    *,
    email: str,
    password: str | None,
    full_name: str = "",
    username: str = "",
    job_title: str = "",
    is_super_admin: bool = False,
    verified: bool = False,
    actor: Actor,
) -> User:
    """A new identity with its credential and profile; without a password nobody can sign in yet.

    ``verified`` says that whoever makes it vouches for the address.

    Raises InvalidInput for a bad address or password, Conflict for an address in use.
    """
    with in_public():
        address = email.strip()
        try:
            validate_email(address)
        except ValidationError:
            raise _field_error("email", "Enter an e-mail address.") from None
        taken = Conflict("This e-mail address is in use already.", code="duplicate_email")
        if User.objects.by_email(address) is not None:
            raise taken
        user = User(
            email=address,
            is_super_admin=is_super_admin,
            email_verified_at=timezone.now() if verified else None,
        )
        if password is not None:
            passwords.check_rules(password, user, names=f"{full_name} {username}")
        try:
            with transaction.atomic():
                user.save()
        except IntegrityError:  # somebody with this address came between the look and the write
            raise taken from None
        Profile.objects.create(user=user, full_name=full_name, username=username, job_title=job_title)
        passwords.store(user, password)
        audit.record("accounts.user.created", on=user, changes={"email": address}, actor=actor)
    return user


def email_prove(*, user: User, actor: Actor) -> None:
    """Note that the user holds his address: he has shown what was sent there."""
    with in_public():
        user.email_verified_at = timezone.now()
        User.objects.filter(pk=user.pk, email_verified_at=None).update(
            email_verified_at=user.email_verified_at
        )
        audit.record("accounts.user.email_proved", on=user, actor=actor)


def user_require_verified(user: User) -> None:
    """Raise Unverified unless the user has proved his address: before he joins anything."""
    if user.email_verified_at is None:
        raise Unverified()


@transaction.atomic
def membership_grant(
    *,
    user: User,
    tenant_id: UUID,
    organization_id: UUID | None,
    role: Role,
    vouched: bool = False,
    actor: Actor,
) -> Membership:
    """Let a user enter a tenant, or an organization of it, in a role. Writes the directory only:
    ``organizations.services`` decides whether he may.

    Raises Unverified for a user whose address is not proved: whoever gives a role goes by the address. A
    personal workspace needs no proof; ``vouched`` says that an administrator has made the account himself
    for this very place.
    """
    with in_public():
        if not vouched and not Tenant.objects.filter(id=tenant_id, schema_name=PERSONAL).exists():
            user_require_verified(user)
        if Membership.objects.filter(
            user=user, tenant_id=tenant_id, organization_id=organization_id
        ).exists():
            raise Conflict("This user is a member already.", code="duplicate_member")
        row = Membership.objects.create(
            user=user, tenant_id=tenant_id, organization_id=organization_id, role=role
        )
        change = {"role": role, "organization": str(organization_id), "tenant": str(tenant_id)}
        audit.record("accounts.membership.granted", on=user, changes=change, actor=actor)
        sessions_forget(AuthSession.objects.filter(user=user, revoked_at=None))
    return row


def user_sessions_end(*, user: User, because: str, keep: UUID | None = None, **only: UUID | None) -> int:
    """End every session of a user but ``keep``, or ``only`` those of a place; tells how many.

    No audit row: the caller says why.
    """
    with in_public():
        sessions = AuthSession.objects.filter(user=user, revoked_at=None, **only)
        if keep is not None:
            sessions = sessions.exclude(id=keep)
        return sessions_revoke(sessions, because=because)


@transaction.atomic
def user_sign_out(
    *, user: User, keep: UUID | None = None, only: dict[str, UUID] | None = None, actor: Actor
) -> int:
    """End every session of a user but ``keep``, or ``only`` those of a place; tells how many."""
    with in_public():
        ended = user_sessions_end(user=user, because="signed out", keep=keep, **(only or {}))
        audit.record("accounts.user.signed_out", on=user, changes={"sessions": ended}, actor=actor)
    return ended


@transaction.atomic
def user_session_end(*, user: User, session_id: UUID, actor: Actor) -> None:
    """End one of a user's sessions; raises Absent for one that is not his, or not open."""
    with in_public():
        if not user_sessions_end(user=user, because="signed out", id=session_id):
            raise Absent()
        session = AuthSession.objects.get(id=session_id)
        audit.record("accounts.session.closed", on=session, actor=actor)


def user_sessions_forget(*, user: User) -> None:
    """Have every session of a user read on its next request what he may do."""
    with in_public():
        sessions_forget(AuthSession.objects.filter(user=user, revoked_at=None))


# -- sessions -----------------------------------------------------------------------------------


def sign_in(
    *, email: str, password: str, tenant_id: UUID | None, device: str, address: str | None
) -> tuple[User, TokenPair]:
    """Check the credentials and open a session where the user may work.

    Raises BadCredentials, in the same words for an unknown address, a wrong password and somebody who
    has no place on this host; MfaRequired where the right password is only the first half;
    SsoRequired where the institution takes no passwords.
    """
    user = passwords.check(email=email, password=password, address=address)
    place = selectors.starting_place(user, tenant_id=tenant_id) if user is not None else None
    if user is None or (place is None and tenant_id is not None):
        with in_public():
            known, label = User.objects.by_email(email), email.strip()[:254]
            audit.record("accounts.session.refused", on=known, actor=Actor(None, label))
        raise BadCredentials()
    if provider_asked(user, tenant_id):
        raise SsoRequired(endpoint="/api/v1/auth/sso")
    second_factor_ask(user=user, tenant_id=tenant_id)
    session = session_open(user=user, place=place, device=device, address=address)
    return user, issue(session)


@transaction.atomic
def session_open(
    *,
    user: User,
    place: Place | None,
    device: str,
    address: str | None,
    second_factor: bool = False,
    confined_to: UUID | None = None,
) -> AuthSession:
    """A new session in a place (none: a user without any organization).

    ``confined_to``: a tenant's identity provider has said who it is, and nobody else; the session
    opens nothing outside that tenant.
    """
    with in_public():
        passwords.assert_stands(user)
        now = timezone.now()
        session = AuthSession.objects.create(
            user=user,
            tenant=place.tenant if place else None,
            organization_id=place.organization_id if place else None,
            expires_at=selectors.latest_end(now, place.tenant.id if place else None),
            device=device[:200],
            address=address,
            second_factor=second_factor,
            confined_to_id=confined_to,
        )
        User.objects.filter(pk=user.pk).update(last_login=now)
        user.last_login = now
        audit.record("accounts.session.opened", on=session, actor=user.actor)
        watching.session_seen(user=user, session=session)
    return session


@transaction.atomic
def issue(session: AuthSession) -> TokenPair:
    """An access token and a fresh refresh token for a session."""
    with in_public():
        identifier, refresh = tokens.refresh_for(session)
        RefreshToken.objects.create(id=identifier, session=session)
    return TokenPair(tokens.access_for(session), refresh, _expires_in())


def _expires_in() -> int:
    return int(settings.ACCESS_TOKEN_LIFETIME.total_seconds())


def session_refresh(*, token: str, rotate: bool, host_tenant_id: UUID | None = None) -> TokenPair:
    """New tokens for a refresh token. A session whose place is lost goes on in another one of the user.

    With ``rotate`` the token is used up and a new one given; without, a new access token for the same
    session. A token that was used up earlier revokes its whole family. Raises BadToken.
    """
    claims = tokens.read_refresh(token)
    reused = False
    with in_public(), transaction.atomic():
        # The session's lock makes refreshes, switches and log-outs queue: exactly one finds the row unused.
        session = AuthSession.objects.select_for_update(of=("self",)).filter(id=claims.session_id).first()
        row = RefreshToken.objects.filter(id=claims.jti, session=session).first()
        now = timezone.now()
        if session is None or row is None or session.revoked_at or session.expires_at <= now:
            raise BadToken()
        if not session.user.is_active:
            raise BadToken("You may not work there any more; sign in again.", code="place_lost")
        if row.rotated_at is None:
            if not _place_holds(session):
                _fall_back(session, host_tenant_id)
            if rotate:
                row.rotated_at = now
                row.save(update_fields=["rotated_at"])
            session.last_used_at = now
            session.save(update_fields=["last_used_at"])
            if rotate:
                return issue(session)
            return TokenPair(tokens.access_for(session), token, _expires_in())
        reused = now - row.rotated_at > ROTATION_GRACE
        if reused:
            sessions_revoke(AuthSession.objects.filter(id=session.id), because="reuse")
            audit.record("accounts.session.reuse_detected", on=session, actor=session.user.actor)
    if reused:
        raise BadToken("This refresh token was used before; the session has ended.", code="token_reused")
    raise BadToken("This refresh token has just been used.", code="token_rotated")


def _place_holds(session: AuthSession) -> bool:
    if session.confined_to_id is not None and session.confined_to_id != session.tenant_id:
        return False
    if session.user.is_super_admin:
        return True
    if session.tenant_id is None:
        return False
    found = selectors.place_in(
        session.user, tenant_id=session.tenant_id, organization_id=session.organization_id
    )
    return found is not None


def _fall_back(session: AuthSession, host_tenant_id: UUID | None) -> None:
    # The session of an identity provider stays in its institution, as one on a tenant's host does.
    bound_to = session.confined_to_id or host_tenant_id
    place = selectors.place_to_fall_back(session.user, tenant_id=session.tenant_id, host_tenant_id=bound_to)
    if place is None and bound_to is not None:
        raise BadToken("You may not work there any more; sign in again.", code="place_lost")
    before = (session.tenant_id, session.organization_id)
    session.tenant = place.tenant if place else None
    session.organization_id = place.organization_id if place else None
    if before == (session.tenant_id, session.organization_id):
        return
    session.save(update_fields=["tenant", "organization_id"])
    change = {"organization": [str(before[1]), str(session.organization_id)]}
    audit.record("accounts.session.fell_back", on=session, changes=change, actor=session.user.actor)


@transaction.atomic
def session_close(*, session_id: UUID, actor: Actor) -> None:
    """End a session: its refresh tokens are dead, its access tokens too."""
    with in_public():
        sessions_revoke(AuthSession.objects.filter(id=session_id, revoked_at=None), because="signed out")
        session = AuthSession.objects.filter(id=session_id).first()
        audit.record("accounts.session.closed", on=session, actor=actor)


@transaction.atomic
def session_switch(
    *,
    session_id: UUID,
    user: User,
    organization_id: UUID | None,
    tenant_id: UUID | None = None,
    host_tenant_id: UUID | None = None,
    actor: Actor,
) -> tuple[Place, TokenPair]:
    """Work in another organization from now on: new tokens, the session's refresh tokens used up.

    Without an organization, those who reach a whole tenant work in the tenant ``tenant_id``.
    Raises Forbidden where the user may not work there (or there is no such organization), and on a
    tenant's host for the place of another tenant.
    """
    with in_public():
        session = AuthSession.objects.select_for_update().get(id=session_id)
        place = selectors.place_in(user, tenant_id=tenant_id, organization_id=organization_id)
        # The session of an identity provider stays in its institution.
        stays_in = session.confined_to_id or host_tenant_id
        if place is None or (session.confined_to_id and place.tenant.id != session.confined_to_id):
            raise Forbidden("You are no member of this organization.", code="no_member")
        if stays_in is not None and place.tenant.id != stays_in:
            raise Forbidden("Sign in at that institution's own address.", code="wrong_host")
        before = session.organization_id
        session.tenant, session.organization_id = place.tenant, place.organization_id
        session.last_used_at = timezone.now()
        session.expires_at = min(
            session.expires_at, selectors.latest_end(session.created_at, place.tenant.id)
        )
        session.save(update_fields=["tenant", "organization_id", "last_used_at", "expires_at"])
        session.refresh_tokens.filter(rotated_at=None).update(rotated_at=timezone.now())
        transaction.on_commit(lambda: principals.forget_move(session_id))
        change = {"organization": [str(before), str(organization_id)], "tenant": str(place.tenant.id)}
        audit.record("accounts.session.switched", on=session, changes=change, actor=actor)
        if user.is_super_admin:
            # The tenant's own log shows that somebody of the platform has come.
            with in_tenant(place.tenant.ref):
                audit.record(
                    "accounts.session.entered_by_platform",
                    on=user,
                    changes={"session": str(session.id)},
                    actor=actor,
                )
        return place, issue(session)


def sessions_purge() -> int:
    """Remove sessions a month after they ended; the audit log keeps that they were."""
    with in_public():
        ended = AuthSession.objects.filter(expires_at__lt=timezone.now() - timedelta(days=30))
        return ended.delete()[0]


def sessions_revoke(sessions: QuerySet[AuthSession], *, because: str) -> int:
    """End sessions: their refresh tokens are dead at once, their access tokens after the commit."""
    sessions_forget(sessions)
    return sessions.update(revoked_at=timezone.now(), revoked_because=because)


def sessions_forget(sessions: QuerySet[AuthSession]) -> None:
    """Read the database again for the next request of these sessions, once this transaction commits."""
    rows = list(sessions.values_list("id", "tenant_id"))
    transaction.on_commit(lambda: principals.forget_sessions(rows))
