"""Who works in an organization, and as what. Each change queues behind the organization's lock."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts import memberships
from accounts import services as accounts
from accounts.models import Membership, MembershipState, User
from accounts.permissions import ORGANIZATION_ROLES, Role, rank
from accounts.standing.selectors import is_shut_out
from organizations.authority import Authority, authority, organization_lock
from organizations.models import Organization
from organizations.services.ownership import offers_withdraw
from tenants.kernel import audit
from tenants.kernel.context import RESERVED, current_tenant, in_public
from tenants.kernel.errors import Absent, Conflict, Forbidden, InvalidInput
from tenants.kernel.request import Actor
from tenants.models import OrganizationState, Tenant


def _assert_member_role(role: Role) -> None:
    if role not in ORGANIZATION_ROLES:
        error = {"pointer": "/role", "code": "bad_role", "detail": "Give owner, admin, analyst or viewer."}
        raise InvalidInput(errors=[error])


@transaction.atomic
def member_add(
    *, user: User, organization_id: UUID, role: Role, vouched: bool = False, actor: Actor
) -> Membership:
    """Make a user a member of an organization of the current tenant, within its member limit.

    ``vouched`` says that an administrator stands for an address that is not proved yet.

    Raises Forbidden for a role that the actor may not give, Conflict at the limit, for a second owner and
    for somebody who is a member already.
    """
    _assert_member_role(role)
    organization = organization_lock(organization_id)
    authority(actor, organization_id).assert_gives(role)
    return enter(user=user, organization=organization, role=role, vouched=vouched, actor=actor)


def enter(
    *, user: User, organization: Organization, role: Role, vouched: bool = False, actor: Actor
) -> Membership:
    """Write a new membership; the caller holds the organization's lock and has decided that it may be."""
    _assert_open(organization)
    _assert_let_in(user.id, organization.id, actor)
    _assert_tenant_has_room(user)
    with in_public():
        held = Membership.objects.filter(organization_id=organization.id)
        if held.count() >= organization.max_users:
            raise Conflict("The organization has reached its member limit.", code="member_limit")
        if role == Role.OWNER and held.filter(role=Role.OWNER).exists():
            raise Conflict("The organization has an owner; offer a transfer.", code="has_owner")
    membership = accounts.membership_grant(
        user=user,
        tenant_id=current_tenant().id,
        organization_id=organization.id,
        role=role,
        vouched=vouched,
        actor=actor,
    )
    changes = {"user": str(user.id), "role": role}
    audit.record("organizations.member.added", on=organization, changes=changes, actor=actor)
    return membership


def _assert_let_in(user_id: UUID, organization_id: UUID, actor: Actor) -> None:
    """Whom the institution keeps out, no single organization of it lets in: by no link, and by no admin."""
    if is_shut_out(user_id, current_tenant().id) and not authority(actor, organization_id).governs:
        raise Forbidden("The institution keeps this person out; ask its administrators.", code="shut_out")


def _assert_open(organization: Organization) -> None:
    if organization.state == OrganizationState.ARCHIVED:
        raise Conflict("The organization is archived.", code="wrong_state")


def _assert_tenant_has_room(user: User) -> None:
    """Hold the institution's own limit of people; a person counts once, however many places he has."""
    tenant = current_tenant()
    most = tenant.settings.max_users
    if most is None or tenant.is_personal:
        return
    with in_public():
        Tenant.objects.select_for_update(no_key=True).get(id=tenant.id)
        people = Membership.objects.filter(tenant_id=tenant.id)
        is_new = not people.filter(user=user).exists()
        if is_new and people.values("user_id").distinct().count() >= most:
            raise Conflict("The institution has reached its limit of people.", code="tenant_limit")


def max_users_ceiling() -> int:
    """The most members that any organization of the current tenant may allow itself."""
    most = current_tenant().settings.max_users
    return settings.ORGANIZATION_MAX_USERS if most is None else min(most, settings.ORGANIZATION_MAX_USERS)


def _locked(user_id: UUID, organization_id: UUID, actor: Actor) -> tuple[Organization, Membership, Authority]:
    """The organization and the membership, both locked, and how the actor stands."""
    organization, tenant = organization_lock(organization_id), current_tenant()
    with in_public():
        membership = memberships.membership_lock(
            user_id=user_id, tenant_id=tenant.id, organization_id=organization_id
        )
    return organization, membership, authority(actor, organization_id)


@transaction.atomic
def member_remove(*, user_id: UUID, organization_id: UUID, actor: Actor) -> None:
    """End a membership; anybody may leave, except the owner. What the person made stays."""
    organization, membership, standing = _locked(user_id, organization_id, actor)
    _assert_not_owner(membership)
    if user_id != actor.user_id:
        standing.assert_above(membership.role)
    offers_withdraw(organization=organization, user_id=user_id, actor=actor)
    changes = {"user": str(membership.user_id), "role": membership.role}
    memberships.membership_end(membership=membership, actor=actor)
    audit.record("organizations.member.removed", on=organization, changes=changes, actor=actor)


@transaction.atomic
def member_leave(*, organization_id: UUID, actor: Actor) -> None:
    """End one's own membership; raises Conflict for who has none, for the owner, and in a workspace."""
    if current_tenant().schema_name in RESERVED:
        raise Conflict("A personal workspace is not left.", code="reserved_tenant")
    try:
        member_remove(user_id=actor.user_id, organization_id=organization_id, actor=actor)  # type: ignore[arg-type]
    except Absent:
        raise Conflict("You are no member of this organization.", code="no_member") from None


def _assert_not_owner(membership: Membership) -> None:
    if membership.role == Role.OWNER:
        raise Conflict("Transfer the ownership first.", code="last_owner")


@transaction.atomic
def member_role_change(*, user_id: UUID, organization_id: UUID, role: Role, actor: Actor) -> Membership:
    """Give a member another role. Nobody raises himself, and nobody touches who stands as high as he."""
    _assert_member_role(role)
    organization, membership, standing = _locked(user_id, organization_id, actor)
    if role == membership.role:
        return membership
    if user_id == actor.user_id and not standing.governs:
        if rank(role) > rank(membership.role):
            raise Forbidden("You cannot raise your own role.", code="own_role")
        _assert_not_owner(membership)
    else:
        _assert_not_owner(membership)
        standing.assert_above(membership.role)
        standing.assert_gives(role)
    if role == Role.OWNER:
        with in_public():
            if Membership.objects.filter(organization_id=organization_id, role=Role.OWNER).exists():
                raise Conflict("The organization has an owner; offer a transfer.", code="has_owner")
    before = membership.role
    memberships.membership_change(membership=membership, role=role, actor=actor)
    changes = {"user": str(membership.user_id), "role": [before, role]}
    audit.record("organizations.member.role_changed", on=organization, changes=changes, actor=actor)
    return membership


@transaction.atomic
def member_state_change(*, user_id: UUID, organization_id: UUID, is_active: bool, actor: Actor) -> Membership:
    """Keep a member out of this organization, or let him in again; his account and other places stay."""
    organization, membership, standing = _locked(user_id, organization_id, actor)
    if user_id == actor.user_id:
        raise Forbidden("You cannot change your own membership.", code="own_membership")
    _assert_not_owner(membership)
    standing.assert_above(membership.role)
    if is_active:
        _assert_let_in(user_id, organization_id, actor)
    state = MembershipState.ACTIVE if is_active else MembershipState.SUSPENDED
    if membership.state == state:
        return membership
    before = membership.state
    if not is_active:
        offers_withdraw(organization=organization, user_id=user_id, actor=actor)
    memberships.membership_change(membership=membership, state=state, actor=actor)
    changes = {"user": str(membership.user_id), "state": [before, state]}
    audit.record("organizations.member.state_changed", on=organization, changes=changes, actor=actor)
    return membership


@transaction.atomic
def admin_grant(*, user_id: UUID, organization_id: UUID, actor: Actor) -> Membership:
    """Make a member an admin."""
    return member_role_change(user_id=user_id, organization_id=organization_id, role=Role.ADMIN, actor=actor)


@transaction.atomic
def admin_revoke(
    *, user_id: UUID, organization_id: UUID, role: Role = Role.ANALYST, actor: Actor
) -> Membership:
    """Make an admin a member in a lower role; raises Conflict for somebody who is no admin."""
    with in_public():
        found = Membership.objects.filter(
            user_id=user_id, organization_id=organization_id, role__in=[Role.ADMIN, Role.OWNER]
        )
        if not found.exists():
            raise Conflict("This person is no admin.", code="no_admin")
    return member_role_change(user_id=user_id, organization_id=organization_id, role=role, actor=actor)


@transaction.atomic
def member_assign(
    *, email: str, organization_id: UUID, role: Role, move_from: UUID | None = None, actor: Actor
) -> Membership:
    """Put somebody of the institution into an organization in a role; for tenant admins.

    A person of the institution is added or gets the new role; so is one whose account belongs nowhere yet
    (it was made for this). Raises Absent for everybody else: strangers are invited, not taken.
    ``move_from`` ends his membership of another organization in the same step.
    """
    _assert_member_role(role)
    # Two organizations are locked in the order of their ids, whoever moves whom.
    for identifier in sorted({organization_id, move_from} - {None}, key=str):
        organization_lock(identifier)  # type: ignore[arg-type]
    if not authority(actor, organization_id).governs:
        raise Forbidden()
    tenant = current_tenant()
    with in_public():
        user = User.objects.by_email(email)
        places = list(Membership.objects.filter(user=user)) if user else []
    here = {m.organization_id: m for m in places if m.tenant_id == tenant.id}
    if user is None or not user.is_active or (places and not here):
        raise Absent("Nobody of your institution has this address; send an invitation.")
    if organization_id in here:
        membership = member_role_change(
            user_id=user.pk, organization_id=organization_id, role=role, actor=actor
        )
    else:
        # Whoever belongs here was let in by somebody who answers for him, proved address or not.
        membership = member_add(
            user=user, organization_id=organization_id, role=role, vouched=True, actor=actor
        )
    if move_from is not None and move_from != organization_id and move_from in here:
        member_remove(user_id=user.pk, organization_id=move_from, actor=actor)
    return membership
