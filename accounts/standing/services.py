"""Letting users in and shutting them out: the whole identity, or their places in a tenant."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import services as accounts
from accounts.api_keys.services import keys_end
from accounts.models import Membership, MembershipState, User, UserState
from accounts.permissions import Role
from accounts.standing.models import Change, StatusChange
from accounts.standing.selectors import Reach, active_tenant_admins, is_shut_out, role_in, stands_below
from tenants.kernel import audit
from tenants.kernel.context import in_a_tenant, in_public
from tenants.kernel.errors import Conflict, Forbidden, InvalidInput
from tenants.kernel.request import SYSTEM, Actor

STATES = {
    Change.ACTIVATED: UserState.ACTIVE,
    Change.LIFTED: UserState.ACTIVE,
    Change.DEACTIVATED: UserState.DEACTIVATED,
    Change.SUSPENDED: UserState.SUSPENDED,
    Change.ARCHIVED: UserState.ARCHIVED,
}


def user_activate(*, user: User, reach: Reach, reason: str = "", actor: Actor, role: Role) -> None:
    """Let a user in again, whatever had shut him out within the reach."""
    _change(user, reach, Change.ACTIVATED, reason, None, role, actor)


def user_deactivate(*, user: User, reach: Reach, reason: str = "", actor: Actor, role: Role) -> None:
    """Shut a user out until somebody activates him; his sessions there end at once."""
    _change(user, reach, Change.DEACTIVATED, reason, None, role, actor)


def user_suspend(
    *, user: User, reach: Reach, reason: str, until: datetime | None = None, actor: Actor, role: Role
) -> None:
    """Shut a user out for a time, or until it is lifted; his sessions there end at once."""
    if not reason.strip():
        raise InvalidInput(errors=[_fault("reason", "required", "Say why.")])
    if until is not None and until <= timezone.now():
        raise InvalidInput(errors=[_fault("until", "past", "The end must be in the future.")])
    _change(user, reach, Change.SUSPENDED, reason, until, role, actor)


def user_lift(*, user: User, reach: Reach, reason: str = "", actor: Actor, role: Role) -> None:
    """End a suspension before its time."""
    _change(user, reach, Change.LIFTED, reason, None, role, actor)


@transaction.atomic
def user_remove(*, user: User, reach: Reach, reason: str = "", actor: Actor, role: Role) -> None:
    """Take a user out of the reach: his memberships there end, his account and his work stay.

    Raises Conflict for an owner and for the last tenant admin.
    """
    with in_public():
        held = memberships_lock(user, reach)
        assert_may(user, held, reach, Change.REMOVED, role, actor)
        Membership.objects.filter(id__in=[m.id for m in held]).delete()
        accounts.user_sessions_end(user=user, because="removed", **reach.place)
        accounts.user_sessions_forget(user=user)
        history_write(user, reach, Change.REMOVED, reason, None, actor)
    _record(user, reach, "removed", {}, actor)


@transaction.atomic
def user_sign_out(*, user: User, reach: Reach, actor: Actor, role: Role) -> int:
    """End a user's sessions within the reach; tells how many. One's own, and those of who stands below."""
    with in_public():
        if user.id != actor.user_id:
            _assert_below(user, list(Membership.objects.filter(user=user, **reach.place)), reach, role)
        return accounts.user_sign_out(user=user, only=reach.place, actor=actor)


@transaction.atomic
def _change(
    user: User, reach: Reach, change: Change, reason: str, until: datetime | None, role: Role, actor: Actor
) -> None:
    with in_public():
        locked = User.objects.select_for_update().get(pk=user.pk)
        held = memberships_lock(locked, reach)
        assert_may(locked, held, reach, change, role, actor)
        if reach.is_platform:
            before = _change_identity(locked, change, until)
        else:
            before = _change_memberships(held, change, until)
        if change in {Change.DEACTIVATED, Change.SUSPENDED}:
            accounts.user_sessions_end(user=locked, because=change.value, **reach.place)
        accounts.user_sessions_forget(user=locked)
        history_write(locked, reach, change, reason, until, actor)
    for field in ("state", "is_active", "suspended_until"):
        setattr(user, field, getattr(locked, field))
    # The reason is text about a person: it stands in the history, which can forget; the audit log cannot.
    record = {"state": [before, STATES[change]]}
    _record(user, reach, change.value, record | ({"until": until.isoformat()} if until else {}), actor)


def _change_identity(user: User, change: Change, until: datetime | None) -> str:
    before, after = user.state, STATES[change]
    if before == UserState.ARCHIVED:
        raise Conflict("An archived user cannot come back.", code="archived")
    if before == after and change != Change.SUSPENDED:
        raise Conflict(f"The user is {before} already.", code="same_state")
    if change == Change.LIFTED and before != UserState.SUSPENDED:
        raise Conflict("The user is not suspended.", code="not_suspended")
    user.state, user.is_active, user.suspended_until = after, after == UserState.ACTIVE, until
    user.save(update_fields=["state", "is_active", "suspended_until"])
    if change == Change.DEACTIVATED:  # a suspended user's keys sleep with him
        keys_end(user=user, because="deactivated")
    return before


def _change_memberships(held: list[Membership], change: Change, until: datetime | None) -> str:
    lets_in = change in {Change.ACTIVATED, Change.LIFTED}
    wanted = MembershipState.ACTIVE if lets_in else MembershipState.SUSPENDED
    before = {m.state for m in held}
    if before == {wanted} and change != Change.SUSPENDED:
        raise Conflict(f"The user is {'active' if lets_in else 'shut out'} already.", code="same_state")
    Membership.objects.filter(id__in=[m.id for m in held]).update(state=wanted, suspended_until=until)
    return ", ".join(sorted(before))


def memberships_lock(user: User, reach: Reach) -> list[Membership]:
    """The user's memberships within the reach. Whoever takes one from a tenant admin holds all of them
    meanwhile, so of two admins who shut each other out one stays."""
    mine = Membership.objects.filter(user=user, **reach.place)
    tenants = mine.filter(role=Role.TENANT_ADMIN).values_list("tenant_id", flat=True)
    admins = Membership.objects.filter(tenant_id__in=list(tenants), role=Role.TENANT_ADMIN)
    list(admins.select_for_update().order_by("id"))
    return list(mine.select_for_update().order_by("id"))


def assert_may(
    user: User, held: list[Membership], reach: Reach, change: Change, role: Role, actor: Actor
) -> None:
    """Raise Conflict or Forbidden where an administrator in a role may not do this to a user."""
    if actor.user_id == user.id:
        raise Conflict("You cannot do this to your own account.", code="own_account")
    _assert_below(user, held, reach, role)
    lets_in = change in {Change.ACTIVATED, Change.LIFTED}
    if lets_in and reach.organization_id and reach.tenant_id and is_shut_out(user.id, reach.tenant_id):
        raise Forbidden("The institution keeps this user out; ask its administrators.", code="shut_out")
    # Operators must be able to shut out anybody for a time.
    if lets_in or (change == Change.SUSPENDED and reach.is_platform):
        return
    assert_dispensable(user, held, reach, change)


def _assert_below(user: User, held: list[Membership], reach: Reach, role: Role) -> None:
    if not stands_below(role_in(reach, held, is_super_admin=user.is_super_admin), role):
        raise Forbidden("This user's role is not below yours.", code="role_above_yours")


def assert_dispensable(user: User, held: list[Membership], reach: Reach, change: Change) -> None:
    """Raise Conflict where nobody would be left: the last super admin, the last tenant admin, an owner."""
    if user.is_super_admin and reach.is_platform:
        others = User.objects.select_for_update().filter(is_super_admin=True, is_active=True)
        if not [admin for admin in others.order_by("id") if admin.pk != user.pk]:
            raise Conflict("The last super admin stays.", code="last_super_admin")
    for membership in held:
        _assert_not_last(membership, reach, change)


def _assert_not_last(membership: Membership, reach: Reach, change: Change) -> None:
    if membership.role == Role.TENANT_ADMIN:
        others = active_tenant_admins(membership.tenant_id).exclude(user_id=membership.user_id)
        if not others.exists():
            raise Conflict("The last tenant admin stays; name another first.", code="last_tenant_admin")
    # An owner whose account was taken must be shut out at once; that he is gone for good is another matter.
    for_good = change in {Change.ARCHIVED, Change.REMOVED} or not (
        reach.is_platform or change == Change.SUSPENDED
    )
    if membership.role == Role.OWNER and for_good:
        raise Conflict("Transfer the ownership of the organization first.", code="owner_stays")


def history_write(
    user: User, reach: Reach, change: Change, reason: str, until: datetime | None, actor: Actor
) -> None:
    """Add a line to the history of a user's standing."""
    StatusChange.objects.create(
        user=user,
        tenant_id=reach.tenant_id,
        organization_id=reach.organization_id,
        change=change,
        reason=reason.strip()[:500],
        until=until,
        by_id=actor.user_id,
    )


def _record(user: User, reach: Reach, verb: str, changes: dict[str, object], actor: Actor) -> None:
    """What concerns the whole identity stands in the platform's log, the rest in the tenant's."""
    if reach.is_platform or not in_a_tenant():
        with in_public():
            audit.record(f"accounts.user.{verb}", on=user, changes=changes, actor=actor)
        return
    audit.record(
        f"accounts.user.{verb}",
        on=user,
        organization_id=reach.organization_id,
        changes=changes,
        actor=actor,
    )


def _fault(field: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": f"/{field}", "code": code, "detail": detail}


# -- suspensions that end by themselves ----------------------------------------------------------


def suspension_is_over(user: User) -> bool:
    """Whether a suspended user may sign in again because his time has come; it is lifted then."""
    if user.state != UserState.SUSPENDED or user.suspended_until is None:
        return False
    if user.suspended_until > timezone.now():
        return False
    _lift_identity(user.pk)
    user.state, user.is_active, user.suspended_until = UserState.ACTIVE, True, None
    return True


@transaction.atomic
def _lift_identity(user_id: UUID) -> None:
    with in_public():
        user = User.objects.select_for_update().get(pk=user_id)
        over = user.suspended_until is not None and user.suspended_until <= timezone.now()
        if user.state != UserState.SUSPENDED or not over:
            return  # somebody was faster, or has made it longer
        user.state, user.is_active, user.suspended_until = UserState.ACTIVE, True, None
        user.save(update_fields=["state", "is_active", "suspended_until"])
        history_write(user, Reach(), Change.LIFTED, "The time is over.", None, SYSTEM)
        audit.record("accounts.user.lifted", on=user, changes={"reason": "time"}, actor=SYSTEM)


def suspensions_lift_due(*, now: datetime | None = None) -> int:
    """Lift every suspension whose end has come; tells how many."""
    now = now or timezone.now()
    with in_public():
        due = list(
            User.objects.filter(state=UserState.SUSPENDED, suspended_until__lte=now).values_list(
                "pk", flat=True
            )
        )
        for user_id in due:
            _lift_identity(user_id)
        memberships = list(
            Membership.objects.filter(state=MembershipState.SUSPENDED, suspended_until__lte=now).values_list(
                "pk", flat=True
            )
        )
        for membership_id in memberships:
            _lift_membership(membership_id, now)
    return len(due) + len(memberships)


@transaction.atomic
def _lift_membership(membership_id: UUID, now: datetime) -> None:
    row = Membership.objects.select_for_update(of=("self",)).select_related("user").filter(pk=membership_id)
    membership = row.filter(state=MembershipState.SUSPENDED, suspended_until__lte=now).first()
    if membership is None:
        return
    membership.state, membership.suspended_until = MembershipState.ACTIVE, None
    membership.save(update_fields=["state", "suspended_until"])
    reach = Reach(membership.tenant_id, membership.organization_id)
    history_write(membership.user, reach, Change.LIFTED, "The time is over.", None, SYSTEM)
    accounts.user_sessions_forget(user=membership.user)
    audit.record("accounts.user.lifted", on=membership.user, changes={"reason": "time"}, actor=SYSTEM)
