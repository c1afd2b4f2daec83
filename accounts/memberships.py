"""Writes to who may enter where, beside granting it. The directory only: organizations decides."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from accounts import principals
from accounts.models import AuthSession, Membership, MembershipState, User
from accounts.permissions import Role
from tenants.kernel import audit
from tenants.kernel.context import PERSONAL, in_public
from tenants.kernel.errors import Absent, Conflict
from tenants.kernel.request import Actor
from tenants.models import OrganizationEntry, OrganizationState, Tenant


def forget_sessions_of(user_ids: set[UUID]) -> None:
    """Make the next request of each of these users read anew what he may, once the transaction commits."""
    rows = list(
        AuthSession.objects.filter(user_id__in=user_ids, revoked_at=None).values_list("id", "tenant_id")
    )
    transaction.on_commit(lambda: principals.forget_sessions(rows))


def membership_lock(*, user_id: UUID, tenant_id: UUID, organization_id: UUID | None) -> Membership:
    """The membership, locked until the transaction ends; raises Absent. Call it in public."""
    row = (
        Membership.objects.select_for_update(of=("self",))
        .select_related("user__profile")
        .filter(user_id=user_id, tenant_id=tenant_id, organization_id=organization_id)
        .first()
    )
    if row is None:
        raise Absent()
    return row


@transaction.atomic
def membership_change(
    *, membership: Membership, role: Role | None = None, state: str | None = None, actor: Actor
) -> Membership:
    """Give a membership another role or state; what its user may do changes with his next request."""
    with in_public():
        changes: dict[str, list[str]] = {}
        if role is not None and role != membership.role:
            changes["role"] = [str(membership.role), str(role)]
            membership.role = role
        if state is not None and state != membership.state:
            changes["state"] = [str(membership.state), str(state)]
            membership.state = state
        if changes:
            membership.save(update_fields=list(changes))
            place = {"organization": str(membership.organization_id), "tenant": str(membership.tenant_id)}
            audit.record(
                "accounts.membership.changed", on=membership.user, changes={**changes, **place}, actor=actor
            )
            forget_sessions_of({membership.user_id})
    return membership


@transaction.atomic
def membership_end(*, membership: Membership, actor: Actor) -> None:
    """Take a user's entry to an organization or a tenant away; his access ends with his next request."""
    with in_public():
        place = {
            "role": str(membership.role),
            "organization": str(membership.organization_id),
            "tenant": str(membership.tenant_id),
        }
        audit.record("accounts.membership.ended", on=membership.user, changes=place, actor=actor)
        forget_sessions_of({membership.user_id})
        membership.delete()


# -- the last of their kind ------------------------------------------------------------------------


def assert_dispensable(user: User, *, tenant_id: UUID | None = None) -> None:
    """Refuse where somebody's leaving would leave an organization without its owner, or a tenant without
    an admin who can enter. Raises Conflict (``last_owner``, ``last_tenant_admin``).

    Call it inside the transaction that deactivates, suspends, archives or removes the user: it locks his
    memberships and the tenants he administers, so that of two who leave at once the second is refused.
    ``tenant_id`` limits the question to one tenant.
    """
    with in_public():
        held = Membership.objects.select_for_update(of=("self",)).filter(user=user)
        if tenant_id is not None:
            held = held.filter(tenant_id=tenant_id)
        memberships = list(held.order_by("id"))
        owned = {m.organization_id for m in memberships if m.role == Role.OWNER}
        _assert_owns_nothing(owned)
        administered = sorted(m.tenant_id for m in memberships if m.role == Role.TENANT_ADMIN)
        for administered_id in administered:
            assert_tenant_keeps_admin(tenant_id=administered_id, without=user.pk)


def _assert_owns_nothing(organization_ids: set[UUID | None]) -> None:
    standing = OrganizationEntry.objects.filter(id__in=organization_ids).exclude(
        state=OrganizationState.ARCHIVED
    )
    name = standing.values_list("name", flat=True).first()
    if name is not None:
        raise Conflict(f"Transfer the ownership of {name[:40]} first.", code="last_owner")


def assert_tenant_keeps_admin(*, tenant_id: UUID, without: UUID) -> None:
    """Refuse where nobody but ``without`` could administer the tenant, which is locked. For use in public."""
    # The lock makes two admins who leave at once queue; memberships may still point here meanwhile.
    Tenant.objects.select_for_update(no_key=True).get(id=tenant_id)
    others = Membership.objects.filter(
        tenant_id=tenant_id, role=Role.TENANT_ADMIN, state=MembershipState.ACTIVE, user__is_active=True
    ).exclude(user_id=without)
    if not others.exists():
        raise Conflict("This is the institution's last administrator.", code="last_tenant_admin")


@transaction.atomic
def tenant_admin_end(*, user_id: UUID, tenant_id: UUID, actor: Actor) -> None:
    """Take the administration of a tenant from somebody; never from the last one."""
    with in_public():
        # The membership first, then the tenant: in the order of assert_dispensable.
        membership = membership_lock(user_id=user_id, tenant_id=tenant_id, organization_id=None)
        assert_tenant_keeps_admin(tenant_id=tenant_id, without=user_id)
        membership_end(membership=membership, actor=actor)


# -- where a session works -------------------------------------------------------------------------


@transaction.atomic
def session_move(*, session_id: UUID, tenant_id: UUID, organization_id: UUID, actor: Actor) -> bool:
    """Let a session that works in a personal workspace, or nowhere, go on in an organization just joined.

    Its tokens name the old place until they are refreshed; ``principals.moved`` says where they lead now, so
    that a client which goes on with its token finds itself in the organization. Tells whether it moved.
    """
    with in_public():
        session = (
            AuthSession.objects.select_for_update(of=("self",))
            .select_related("tenant")
            .filter(id=session_id, revoked_at=None, confined_to=None)
            .first()
        )
        if session is None or (session.tenant is not None and session.tenant.schema_name != PERSONAL):
            return False
        before = (session.tenant_id, session.organization_id)
        session.tenant_id, session.organization_id = tenant_id, organization_id
        session.save(update_fields=["tenant", "organization_id"])
        change = {"organization": [str(before[1]), str(organization_id)], "tenant": str(tenant_id)}
        audit.record("accounts.session.moved", on=session, changes=change, actor=actor)
    after = (tenant_id, organization_id)
    transaction.on_commit(lambda: principals.note_move(session_id, before, after))
    return True
