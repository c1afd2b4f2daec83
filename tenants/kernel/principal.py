"""Who is asking, as the API and the console see it.

The kernel knows the form only; ``accounts.principals`` fills it from sessions and memberships.
"""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from tenants.kernel.request import Actor

# Two marks that a viewset may declare for an action instead of a permission.
ANYONE = "*"
SIGNED_IN = "signed-in"
# Why a caller may do his work, but touch nothing of the account: see DeclaredViewSet.open_to.
CONFINED = "confined"
BY_KEY = "key"


class Principal(Protocol):
    """A signed-in user within one tenant, with the organizations where he may do a thing."""

    @property
    def actor(self) -> Actor: ...

    @property
    def user_id(self) -> UUID: ...

    @property
    def session_id(self) -> UUID: ...

    @property
    def tenant_id(self) -> UUID | None: ...

    @property
    def organization_id(self) -> UUID | None:
        """The active organization."""
        ...

    @property
    def reaches_tenant(self) -> bool:
        """Whether the caller's role reaches every organization of the tenant."""
        ...

    @property
    def role(self) -> str | None:
        """The role in which the caller works now."""
        ...

    def organizations_with(self, permission: str) -> frozenset[UUID]:
        """Organizations of the current tenant in which the permission is held, fully or for own rows."""
        ...

    def only_own(self, permission: str, organization_id: UUID) -> bool:
        """Whether the permission is held in that organization for the user's own rows only."""
        ...

    def holds(self, permission: str) -> bool:
        """Whether the permission is held anywhere in the current reach."""
        ...

    def assert_proved(self) -> None:
        """Raise StepUpRequired unless the caller has proved anew, a moment ago, that it is he."""
        ...

    @property
    def limit(self) -> str | None:
        """CONFINED or BY_KEY for a caller who may not touch the account itself, else None."""
        ...

    def assert_admitted(self) -> None:
        """Raise where the place asks for more than the caller has shown: a second factor, its own log-in."""
        ...
