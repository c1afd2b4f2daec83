"""Signing in by an institution's provider: out with the browser, back with a code, in with a session."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import hashing
from accounts import selectors as places
from accounts import services as accounts
from accounts.mfa.challenges import second_factor_ask
from accounts.models import AuthSession, User
from accounts.selectors import Place
from accounts.sso import people, provider
from accounts.sso.errors import SsoOff, SsoRefused
from accounts.sso.models import Attempt, Connection, Ticket
from tenants import modules
from tenants.kernel import audit
from tenants.kernel.context import TenantRef, in_public
from tenants.kernel.errors import DomainError
from tenants.kernel.request import Actor
from tenants.kernel.sealing import seal, unseal

ATTEMPT_LIFE = timedelta(minutes=10)
TICKET_LIFE = timedelta(minutes=1)
VERIFIER_PURPOSE = "accounts.sso.verifier"
SECRET_PURPOSE = "accounts.sso.client-secret"  # noqa: S105 - a name, no secret


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send the browser, and what to leave in it."""

    url: str
    browser: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """A browser that came back with a good word of the provider."""

    user: User
    attempt: Attempt
    proved_at: datetime | None
    code: str = ""


def connection_of(tenant_id: UUID) -> Connection:
    """The provider in force of an institution; raises SsoOff."""
    with in_public():
        found = Connection.objects.filter(tenant_id=tenant_id, is_active=True).first()
    if found is None or not modules.is_on("sso"):
        raise SsoOff()
    return found


def sign_in_begin(
    *,
    tenant: TenantRef,
    redirect_uri: str,
    challenge: str = "",
    on_console: bool = False,
    fresh: bool = False,
) -> Departure:
    """Send a browser to the provider.

    ``challenge`` is the client's own (PKCE, S256): who fetches the tokens has to show its verifier.
    Raises SsoOff, ProviderUnreachable.
    """
    connection = connection_of(tenant.id)
    found = provider.discover(connection.issuer)
    state, nonce, browser = (secrets.token_urlsafe(32) for _ in range(3))
    verifier = secrets.token_urlsafe(48)
    with in_public():
        Attempt.objects.create(
            tenant_id=tenant.id,
            state_hash=hashing.digest(state),
            browser_hash=hashing.digest(browser),
            nonce_hash=hashing.digest(nonce),
            verifier_sealed=seal(verifier, purpose=VERIFIER_PURPOSE),
            challenge=challenge,
            redirect_uri=redirect_uri,
            on_console=on_console,
            fresh=fresh,
            expires_at=timezone.now() + ATTEMPT_LIFE,
        )
    again = {"prompt": "login", "max_age": "0"} if fresh else {}
    url = found.authorization_url(
        response_type="code",
        client_id=connection.client_id,
        redirect_uri=redirect_uri,
        scope=connection.scopes,
        state=state,
        nonce=nonce,
        code_challenge=provider.challenge_of(verifier),
        code_challenge_method="S256",
        **again,
    )
    return Departure(url, browser)


def sign_in_return(*, tenant: TenantRef, state: str, code: str, error: str, browser: str) -> Arrival:
    """Believe, or not, a browser that comes back from the provider.

    The state must be one of ours, unused, of this institution and of this very browser. Whoever the
    provider vouches for is found or made (``people.person_arrives``). For a client the arrival holds a
    code of one minute. Raises SsoRefused, SsoNoPlace, SsoOff, ProviderUnreachable.
    """
    try:
        return _arrive(tenant=tenant, state=state, code=code, error=error, browser=browser)
    except DomainError as refusal:
        with in_public():
            actor = Actor(None, "identity provider")
            audit.record("accounts.sso.refused", changes={"code": refusal.code}, actor=actor)
        raise


def _arrive(*, tenant: TenantRef, state: str, code: str, error: str, browser: str) -> Arrival:
    attempt = _claim_attempt(tenant.id, state, browser)
    if error or not code:
        raise SsoRefused("The identity provider did not sign you in.")
    connection = connection_of(tenant.id)
    found = provider.discover(connection.issuer)
    token = provider.exchange(
        found,
        code=code,
        client_id=connection.client_id,
        client_secret=unseal(connection.secret_sealed, purpose=SECRET_PURPOSE) or "",
        verifier=unseal(attempt.verifier_sealed, purpose=VERIFIER_PURPOSE) or "",
        redirect_uri=attempt.redirect_uri,
    )
    claims = provider.claims_of(found, token, client_id=connection.client_id, nonce_hash=attempt.nonce_hash)
    with transaction.atomic():
        user = people.person_arrives(tenant=tenant, connection=connection, claims=claims)
        arrival = Arrival(user, attempt, _proved_at(attempt, claims))
        return arrival if attempt.on_console else _with_ticket(arrival)


def _claim_attempt(tenant_id: UUID, state: str, browser: str) -> Attempt:
    """The attempt that a state stands for, used up by this."""
    with in_public():
        waiting = Attempt.objects.filter(
            tenant_id=tenant_id,
            state_hash=hashing.digest(state),
            used_at=None,
            expires_at__gt=timezone.now(),
        )
        attempt = waiting.first()
        if attempt is None or not hmac.compare_digest(attempt.browser_hash, hashing.digest(browser)):
            raise SsoRefused()
        if not waiting.filter(pk=attempt.pk).update(used_at=timezone.now()):
            raise SsoRefused()
    return attempt


def _proved_at(attempt: Attempt, claims: dict[str, Any]) -> datetime | None:
    """When the provider last looked who it is, where we asked it to look again and it did."""
    at = claims.get("auth_time")
    if not attempt.fresh or not isinstance(at, int) or isinstance(at, bool):
        return None
    begun = attempt.expires_at - ATTEMPT_LIFE
    moment = datetime.fromtimestamp(at, UTC)
    return min(moment, timezone.now()) if moment >= begun - timedelta(seconds=60) else None


def _with_ticket(arrival: Arrival) -> Arrival:
    code = secrets.token_urlsafe(32)
    with in_public():
        Ticket.objects.create(
            user=arrival.user,
            tenant_id=arrival.attempt.tenant_id,
            code_hash=hashing.digest(code),
            challenge=arrival.attempt.challenge,
            proved_at=arrival.proved_at,
            expires_at=timezone.now() + TICKET_LIFE,
        )
    return Arrival(arrival.user, arrival.attempt, arrival.proved_at, code)


def ticket_exchange(
    *, tenant: TenantRef, code: str, verifier: str, device: str, address: str | None
) -> AuthSession:
    """The session for a code; the code is used up, right or wrong verifier.

    Raises SsoRefused, and MfaRequired where the platform still asks for a second factor itself.
    """
    with in_public(), transaction.atomic():
        waiting = Ticket.objects.select_related("user").filter(
            tenant_id=tenant.id,
            code_hash=hashing.digest(code),
            used_at=None,
            expires_at__gt=timezone.now(),
        )
        ticket = waiting.first()
        good = ticket is not None and waiting.filter(pk=ticket.pk).update(used_at=timezone.now()) == 1
    if ticket is None or not good:
        raise SsoRefused()
    if not hmac.compare_digest(ticket.challenge, provider.challenge_of(verifier)):
        raise SsoRefused()
    session, _ = session_for(
        tenant=tenant, user=ticket.user, proved_at=ticket.proved_at, device=device, address=address
    )
    return session


def session_for(
    *,
    tenant: TenantRef,
    user: User,
    proved_at: datetime | None,
    place: Place | None = None,
    on_console: bool = False,
    device: str,
    address: str | None,
) -> tuple[AuthSession, Place]:
    """A session that opens this institution and nothing else. Raises SsoRefused, SsoOff, MfaRequired."""
    connection = connection_of(tenant.id)
    place = place or places.starting_place(user, tenant_id=tenant.id)
    if place is None or not user.is_active or user.is_super_admin:
        raise SsoRefused()
    if not connection.provider_mfa:
        second_factor_ask(user=user, tenant_id=tenant.id, confined_to=tenant.id, on_console=on_console)
    with in_public(), transaction.atomic():
        session = accounts.session_open(
            user=user,
            place=place,
            device=device,
            address=address,
            second_factor=connection.provider_mfa,
            confined_to=tenant.id,
        )
        if proved_at is not None:
            session.proved_at, session.proved_by = proved_at, "sso"
            session.save(update_fields=["proved_at", "proved_by"])
        audit.record("accounts.sso.signed_in", on=session, actor=user.actor)
    return session, place


def attempts_purge() -> int:
    """Remove sign-ins by providers that nobody finished, and codes that nobody fetched."""
    before = timezone.now() - timedelta(hours=1)
    with in_public():
        gone = Attempt.objects.filter(expires_at__lt=before).delete()[0]
        return gone + Ticket.objects.filter(expires_at__lt=before).delete()[0]
