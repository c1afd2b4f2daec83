"""The caller behind a key: its owner as he is now, held to the key's place and scopes."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core.cache import caches

from accounts.api_keys import reading
from accounts.api_keys.reading import KeyRef
from accounts.mfa.selectors import has_second_factor
from accounts.models import User
from accounts.permissions import WHOLE_TENANT
from accounts.principals import Grants, SessionPrincipal, grants_of
from tenants import modules
from tenants.kernel.context import in_public
from tenants.kernel.errors import StepUpRequired
from tenants.kernel.principal import BY_KEY


@dataclass(frozen=True, slots=True)
class KeyPrincipal(SessionPrincipal):
    """A program. It may what the key says and its owner still may, and nothing about the account.

    ``super()`` finds no class in a dataclass with slots: the parent is named.
    """

    key_id: UUID
    scopes: frozenset[str]

    @property
    def limit(self) -> str | None:
        return BY_KEY

    @property
    def reaches_tenant(self) -> bool:
        return self.organization_id is None and self.wide_role is not None

    def holds(self, permission: str) -> bool:
        if self.organization_id is not None and permission in WHOLE_TENANT:
            return False
        return permission in self.scopes and SessionPrincipal.holds(self, permission)

    def organizations_with(self, permission: str) -> frozenset[UUID]:
        reached = SessionPrincipal.organizations_with(self, permission)
        # The key of a tenant's admin may be for one organization only.
        return reached if self.organization_id is None else reached & {self.organization_id}

    def assert_proved(self) -> None:
        raise StepUpRequired("An API key cannot prove who you are; sign in.", step_up={"methods": []})


def principal_for_key(ref: KeyRef) -> KeyPrincipal | None:
    """The caller behind a key, or None where owner, tenant or organization disagree, or keys are off.

    What the database says of the owner is cached for DIRECTORY_SECONDS, as for sessions.
    """
    if not modules.is_on("api_keys"):
        return None
    cache, key = caches["directory"], f"grants:key:{ref.id}"
    grants = cache.get(key)
    if grants is None:
        grants = _load(ref) or ""
        cache.set(key, grants, settings.DIRECTORY_SECONDS)
    if not isinstance(grants, Grants):
        return None
    principal = KeyPrincipal(ref.id, ref.tenant_id, ref.organization_id, grants, ref.id, ref.scopes)
    if ref.organization_id is not None and ref.organization_id not in grants.roles:
        if principal.wide_role is None:
            return None
    elif ref.organization_id is None and principal.wide_role is None:
        return None
    reading.touch(ref)
    return principal


def _load(ref: KeyRef) -> Grants | None:
    with in_public():
        user = User.objects.filter(pk=ref.user_id, is_active=True).first()
    if user is None:
        return None
    return grants_of(user, ref.tenant_id, second_factor=has_second_factor(user.id))
