"""Writes to who may enter where, beside granting it. The directory only: organizations decides."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from accounts import principals
from accounts.models import AuthSession, Membership
from accounts.permissions import Role
from tenants.kernel import audit
from tenants.kernel.context import PERSONAL, in_public
from tenants.kernel.errors import Absent
from tenants.kernel.request import Actor


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
