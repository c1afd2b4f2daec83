"""The signed-in caller: a session, and what its user may do in the tenant he has entered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.cache import caches
from django.utils import timezone

from accounts.mfa.errors import MfaEnrolmentRequired
from accounts.mfa.selectors import proof_methods
from accounts.models import AuthSession, Membership, MembershipState, User
from accounts.permissions import OPEN_TO_MEMBERS, Extent, Role, extent, states_of
from accounts.selectors import latest_end
from accounts.sso.errors import SsoRequired
from accounts.sso.selectors import provider_asked
from tenants import selectors as directory
from tenants.kernel.context import current_tenant, in_a_tenant, in_public
from tenants.kernel.errors import StepUpRequired
from tenants.kernel.principal import CONFINED
from tenants.kernel.request import Actor
from tenants.models import OrganizationEntry, OrganizationState


@dataclass(frozen=True, slots=True)
class Grants:
    """What the database says of a session in a tenant; small enough for the cache."""

    user_id: UUID
    email: str
    is_super_admin: bool
    is_tenant_admin: bool
    roles: dict[UUID, str]
    second_factor: bool = False
    # Opened by the tenant's identity provider.
    by_provider: bool = False
    # By a password, where the tenant takes its provider's word only.
    provider_asked: bool = False
    # By the provider of one tenant, for somebody who has a life outside it.
    is_confined: bool = False
    # Of the organizations in ``roles``, those that are not active: they can be read.
    inactive: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class SessionPrincipal:
    """A caller in one tenant, working in at most one active organization."""

    session_id: UUID
    tenant_id: UUID | None
    organization_id: UUID | None
    grants: Grants

    @property
    def user_id(self) -> UUID:
        return self.grants.user_id

    @property
    def actor(self) -> Actor:
        return Actor(self.grants.user_id, self.grants.email)

    @property
    def wide_role(self) -> Role | None:
        """The role that reaches every organization of the tenant, if there is one."""
        if self.grants.is_super_admin:
            return Role.SUPER_ADMIN
        return Role.TENANT_ADMIN if self.grants.is_tenant_admin else None

    @property
    def reaches_tenant(self) -> bool:
        return self.wide_role is not None

    @property
    def role(self) -> Role | None:
        """The role in which the caller works now."""
        if self.wide_role is not None:
            return self.wide_role
        role = self.grants.roles.get(self.organization_id) if self.organization_id else None
        return Role(role) if role else None

    def holds(self, permission: str) -> bool:
        return self.role is not None and extent(self.role, permission) is not None

    def organizations_with(self, permission: str) -> frozenset[UUID]:
        if not self.holds(permission) or self.tenant_id is None:
            return frozenset()
        states = states_of(permission)
        if self.wide_role is not None:
            return directory.organization_ids(self.tenant_id, states)
        if self.organization_id is None:
            return frozenset()
        closed = self.organization_id in self.grants.inactive and OrganizationState.INACTIVE not in states
        return frozenset() if closed else frozenset({self.organization_id})

    @property
    def limit(self) -> str | None:
        """Why this caller may not touch the account itself, if so."""
        return CONFINED if self.grants.is_confined else None

    def assert_admitted(self) -> None:
        """Raise where the place asks for more than this session was opened with."""
        grants = self.grants
        asked = settings.PLATFORM_REQUIRE_MFA and grants.is_super_admin
        if in_a_tenant():
            asked = asked or current_tenant().settings.require_mfa
        if grants.provider_asked:
            raise SsoRequired(endpoint="/api/v1/auth/sso")
        if asked and not grants.second_factor:
            raise MfaEnrolmentRequired(endpoint="/api/v1/auth/mfa")

    def assert_proved(self) -> None:
        """Raise StepUpRequired unless the session holds a proof of the last minutes. Asks the database:
        what is dangerous is rare."""
        oldest = timezone.now() - timedelta(seconds=settings.STEP_UP_SECONDS)
        with in_public():
            sessions = AuthSession.objects.filter(id=self.session_id, user_id=self.user_id, revoked_at=None)
            if sessions.filter(proved_at__gt=oldest).exists():
                return
        methods = proof_methods(self.user_id)
        raise StepUpRequired(
            step_up={
                "endpoint": "/api/v1/auth/step-up",
                # Signing in anew by the provider, told to look again, is a proof as well: ?fresh=true.
                "methods": [*methods, "sso"] if self.grants.by_provider else methods,
                "valid_for": settings.STEP_UP_SECONDS,
            }
        )

    def only_own(self, permission: str, organization_id: UUID) -> bool:
        return self.role is not None and extent(self.role, permission) == Extent.OWN


def cache_key(session_id: UUID, tenant_id: UUID | None) -> str:
    return f"grants:{session_id}:{tenant_id}"


def forget_sessions(sessions: Iterable[tuple[UUID, UUID | None]]) -> None:
    """Make the next request of these sessions (id and tenant) read the database again."""
    caches["directory"].delete_many([cache_key(*session) for session in sessions])


Spot = tuple[UUID | None, UUID | None]


def _move_key(session_id: UUID) -> str:
    return f"moved:{session_id}"


def note_move(session_id: UUID, before: Spot, after: Spot) -> None:
    """Let the tokens of a session that name one tenant and organization lead to another, while they live."""
    seconds = int(settings.ACCESS_TOKEN_LIFETIME.total_seconds())
    caches["directory"].set(_move_key(session_id), (before, after), seconds)


def forget_move(session_id: UUID) -> None:
    """A session has chosen its place itself: its tokens mean what they say again."""
    caches["directory"].delete(_move_key(session_id))


def moved(session_id: UUID, named: Spot) -> Spot:
    """Where a token leads that names this tenant and organization: nearly always just there."""
    found = caches["directory"].get(_move_key(session_id))
    if found is None or found[0] != named:
        return named
    after: Spot = found[1]
    return after


def principal_for(
    session_id: UUID, tenant_id: UUID | None, organization_id: UUID | None
) -> SessionPrincipal | None:
    """The caller behind a session, or None where session, user, tenant or organization disagree.

    The database's word is cached for DIRECTORY_SECONDS, so whatever is withdrawn is withdrawn within
    that time, and at once where the withdrawing service knows the session.
    """
    cache = caches["directory"]
    key = cache_key(session_id, tenant_id)
    grants = cache.get(key)
    if grants is None:
        grants = _load(session_id, tenant_id) or ""
        cache.set(key, grants, settings.DIRECTORY_SECONDS)
    if not isinstance(grants, Grants):
        return None
    principal = SessionPrincipal(session_id, tenant_id, organization_id, grants)
    if organization_id is not None and organization_id not in grants.roles and principal.wide_role is None:
        return None
    return principal


def _load(session_id: UUID, tenant_id: UUID | None) -> Grants | None:
    with in_public():
        session = (
            AuthSession.objects.select_related("user")
            .filter(id=session_id, revoked_at=None, expires_at__gt=timezone.now(), user__is_active=True)
            .first()
        )
        if session is None:
            return None
        if session.confined_to_id is not None and session.confined_to_id != tenant_id:
            return None
        # However it came to work here: by log-in, switch, joining, or because its other place is lost.
        if latest_end(session.created_at, tenant_id) <= timezone.now():
            return None
        confined_to = session.confined_to_id
        confined = confined_to is not None
        return grants_of(
            session.user,
            tenant_id,
            second_factor=session.second_factor,
            by_provider=confined,
            provider_asked=not confined and provider_asked(session.user, tenant_id),
            is_confined=confined_to is not None and _lives_elsewhere(session.user, confined_to),
        )


def grants_of(user: User, tenant_id: UUID | None, **shown: bool) -> Grants | None:
    """What a user may do in a tenant; None for a stranger there. ``shown`` is what he has signed in with."""
    with in_public():
        place = {"tenant_id": tenant_id} if tenant_id else {"tenant": None}
        held = Membership.objects.filter(user=user, state=MembershipState.ACTIVE, **place)
        alive = OrganizationEntry.objects.filter(state__in=OPEN_TO_MEMBERS, **place)
        states = dict(alive.values_list("id", "state"))
        placed = held.exclude(organization_id=None).values_list("organization_id", "role")
        roles = {organization_id: role for organization_id, role in placed if organization_id}
        is_tenant_admin = held.filter(role=Role.TENANT_ADMIN).exists()
        if tenant_id is not None and not (roles or is_tenant_admin or user.is_super_admin):
            return None
        return Grants(
            user_id=user.id,
            email=user.email,
            is_super_admin=user.is_super_admin,
            is_tenant_admin=is_tenant_admin,
            roles={org: role for org, role in roles.items() if org in states},
            inactive=frozenset(org for org in roles if states.get(org) == OrganizationState.INACTIVE),
            **shown,
        )


def _lives_elsewhere(user: User, tenant_id: UUID) -> bool:
    """Whether the account is more than a tenant's own: it has places outside it."""
    return user.is_super_admin or Membership.objects.filter(user=user).exclude(tenant_id=tenant_id).exists()
