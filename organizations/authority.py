"""What one person may do to another in an organization: the rules of rank, in one place.

Read afresh from the database, inside the transaction of the change and behind the organization's lock, so
that somebody who has just lost a role cannot use it for a moment longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from accounts.api_keys.ceiling import assert_key_holds
from accounts.permissions import Role, rank
from accounts.selectors import standing_of
from organizations.models import Organization
from tenants.kernel.context import current_tenant
from tenants.kernel.errors import Absent, Forbidden
from tenants.kernel.request import Actor

# The platform itself: commands, provisioning, the demo.
_BEYOND_RANK = 100


@dataclass(frozen=True, slots=True)
class Authority:
    """How an actor stands towards an organization."""

    actor: Actor
    role: Role | None
    rank: int

    @property
    def governs(self) -> bool:
        """Whether he stands above the organization: tenant admins, super admins, the platform itself."""
        return self.rank >= rank(Role.TENANT_ADMIN)

    def assert_gives(self, role: Role) -> None:
        """Nobody gives what he does not have, nor his own rank: that is for the one above. A key gives
        nothing beyond its scopes."""
        if rank(role) >= self.rank:
            raise Forbidden("You cannot give this role.", code="role_too_high")
        if self.actor.user_id is not None:
            assert_key_holds(role)

    def assert_above(self, role: Role | str) -> None:
        """Whether he may touch somebody of this role."""
        if rank(role) >= self.rank:
            raise Forbidden("This person's role is not below yours.", code="role_too_high")


def authority(actor: Actor, organization_id: UUID | None) -> Authority:
    """How an actor stands towards an organization of the current tenant."""
    if actor.user_id is None:
        return Authority(actor, None, _BEYOND_RANK)
    role = standing_of(actor.user_id, tenant_id=current_tenant().id, organization_id=organization_id)
    return Authority(actor, role, rank(role))


def organization_lock(organization_id: UUID) -> Organization:
    """The organization, locked until the transaction ends; raises Absent.

    Every change of an organization's people takes this lock first, so that they queue.
    """
    found: Organization | None = (
        Organization.objects.select_for_update(no_key=True).filter(id=organization_id).first()
    )
    if found is None:
        raise Absent()
    return found
