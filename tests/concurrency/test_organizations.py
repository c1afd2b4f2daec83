"""Races about who is in an organization: of many at once, exactly as many succeed as may."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts import services as accounts
from accounts.models import Membership, User
from accounts.permissions import Role
from accounts.standing import services as standing
from accounts.standing.selectors import Reach
from organizations.joining.models import Invitation, JoinLink
from organizations.joining.services import entering
from organizations.joining.services.links import link_create
from organizations.models import Organization
from organizations.services import members, ownership
from tenants.kernel.context import in_public
from tenants.kernel.errors import DomainError
from tenants.kernel.request import SYSTEM
from tests.concurrency.test_refresh import in_parallel
from tests.factories import InvitationFactory
from tests.fixtures import PASSWORD, OwnTenant, _make_user


def outcome(work, *args, **kwargs) -> str:
    """What came of a service: "done", or the code of its refusal."""
    try:
        work(*args, **kwargs)
    except DomainError as error:
        return error.code
    return "done"


def people(own_tenant: OwnTenant, count: int) -> list[User]:
    """Users with proved addresses and no place."""
    made = [_make_user(f"p{n}@{own_tenant.mark}.test", Role.ANALYST) for n in range(count)]
    User.objects.filter(pk__in=[u.pk for u in made]).update(email_verified_at=timezone.now())
    return list(User.objects.filter(pk__in=[u.pk for u in made]).order_by("email"))


def settle(own_tenant: OwnTenant, **values) -> Organization:
    with own_tenant.within():
        Organization.objects.filter(id=own_tenant.organization_id).update(**values)
        return Organization.objects.get(id=own_tenant.organization_id)


def link_of(own_tenant: OwnTenant, **values) -> str:
    """A new link's token."""
    from organizations.joining import tokens

    organization = settle(own_tenant, whitelist_required=False)
    with own_tenant.within():
        link = link_create(organization=organization, **values, actor=SYSTEM)
        return tokens.unsealed(link.sealed)


def count_members(own_tenant: OwnTenant) -> int:
    return Membership.objects.filter(organization_id=own_tenant.organization_id).count()


def role_of(own_tenant: OwnTenant, user: User) -> str | None:
    held = Membership.objects.filter(user=user, organization_id=own_tenant.organization_id)
    return held.values_list("role", flat=True).first()


def grant(own_tenant: OwnTenant, user: User, role: Role) -> None:
    accounts.membership_grant(
        user=user,
        tenant_id=own_tenant.ref.id,
        organization_id=None if role == Role.TENANT_ADMIN else own_tenant.organization_id,
        role=role,
        vouched=True,
        actor=SYSTEM,
    )


def test_an_invitation_accepted_twice_at_once_lets_one_in(own_tenant: OwnTenant):
    with own_tenant.within():
        organization = Organization.objects.get(id=own_tenant.organization_id)
        from organizations.joining.tokens import new_token

        token = new_token()
        InvitationFactory(organization=organization, email=f"new@{own_tenant.mark}.test", token=token)
    outcomes = in_parallel(4, lambda _: outcome(entering.invitation_accept, secret=token, password=PASSWORD))
    assert outcomes.count("done") == 1
    assert set(outcomes) <= {"done", "absent", "duplicate_email", "duplicate_member"}
    with own_tenant.within():
        assert Invitation.objects.get().state == "accepted"
    assert User.objects.filter(email=f"new@{own_tenant.mark}.test").count() == 1
    assert count_members(own_tenant) == 2  # the owner and he


def test_the_member_limit_holds_against_parallel_joins(own_tenant: OwnTenant):
    token = link_of(own_tenant)
    settle(own_tenant, max_users=count_members(own_tenant) + 2)
    crowd = people(own_tenant, 6)
    outcomes = in_parallel(
        6, lambda n: outcome(entering.join, user=crowd[n], secret=token, actor=crowd[n].actor)
    )
    assert sorted(outcomes) == ["done"] * 2 + ["member_limit"] * 4
    assert count_members(own_tenant) == 3


def test_a_link_admits_no_more_than_its_limit_of_parallel_joins(own_tenant: OwnTenant):
    token = link_of(own_tenant, max_uses=3)
    crowd = people(own_tenant, 6)
    outcomes = in_parallel(
        6, lambda n: outcome(entering.join, user=crowd[n], secret=token, actor=crowd[n].actor)
    )
    assert sorted(outcomes) == ["absent"] * 3 + ["done"] * 3
    with own_tenant.within():
        assert JoinLink.objects.get(max_uses=3).uses == 3


def test_one_person_who_joins_twice_at_once_is_one_member(own_tenant: OwnTenant):
    token = link_of(own_tenant)
    [user] = people(own_tenant, 1)
    outcomes = in_parallel(4, lambda _: outcome(entering.join, user=user, secret=token, actor=user.actor))
    assert sorted(outcomes) == ["done"] + ["duplicate_member"] * 3


@pytest.mark.parametrize("turn", range(3))
def test_ownership_accepted_while_the_new_owner_is_removed(own_tenant: OwnTenant, turn):
    """Whoever is first: afterwards there is exactly one owner, and he is a member."""
    [heir] = people(own_tenant, 1)
    grant(own_tenant, heir, Role.ANALYST)
    place = {"organization_id": own_tenant.organization_id}
    with own_tenant.within():
        ownership.ownership_offer(user_id=heir.pk, **place, actor=own_tenant.owner.actor)

    def work(number):
        with own_tenant.within():
            if number:
                return outcome(ownership.ownership_accept, **place, actor=heir.actor)
            return outcome(members.member_remove, user_id=heir.pk, **place, actor=own_tenant.owner.actor)

    removed, accepted = in_parallel(2, work)
    owners = Membership.objects.filter(**place, role=Role.OWNER)
    assert owners.count() == 1
    if accepted == "done":
        assert (removed, owners.get().user_id) == ("last_owner", heir.pk)
    else:
        assert (removed, accepted, owners.get().user) == ("done", "no_offer", own_tenant.owner)


def test_two_offers_made_at_once_leave_one(own_tenant: OwnTenant):
    heirs = people(own_tenant, 2)
    for heir in heirs:
        grant(own_tenant, heir, Role.ANALYST)

    def work(number):
        with own_tenant.within():
            return outcome(
                ownership.ownership_offer,
                organization_id=own_tenant.organization_id,
                user_id=heirs[number].pk,
                actor=own_tenant.owner.actor,
            )

    assert sorted(in_parallel(2, work)) == ["done", "offer_pending"]


def test_of_two_last_tenant_admins_who_remove_each_other_one_stays(own_tenant: OwnTenant):
    [second] = people(own_tenant, 1)
    grant(own_tenant, second, Role.TENANT_ADMIN)
    first = User.objects.get(email=f"admin@{own_tenant.mark}.test")
    pairs = [(first, second), (second, first)]
    reach = Reach(own_tenant.ref.id)

    def work(number):
        by, whom = pairs[number]
        with own_tenant.within():
            return outcome(
                standing.user_remove, user=whom, reach=reach, actor=by.actor, role=Role.TENANT_ADMIN
            )

    assert sorted(in_parallel(2, work)) == ["done", "last_tenant_admin"]
    with in_public():
        left = Membership.objects.filter(tenant_id=own_tenant.ref.id, role=Role.TENANT_ADMIN)
        assert left.count() == 1


def test_a_role_changed_while_its_holder_is_removed_brings_nobody_back(own_tenant: OwnTenant):
    [user] = people(own_tenant, 1)
    grant(own_tenant, user, Role.ANALYST)
    place = {"user_id": user.pk, "organization_id": own_tenant.organization_id}

    def work(number):
        with own_tenant.within():
            if number:
                return outcome(members.member_remove, **place, actor=own_tenant.owner.actor)
            return outcome(members.member_role_change, **place, role=Role.ADMIN, actor=own_tenant.owner.actor)

    changed, removed = in_parallel(2, work)
    assert removed == "done"
    assert changed in {"done", "absent"}
    assert role_of(own_tenant, user) is None


def test_an_admin_who_is_removed_promotes_nobody_meanwhile(own_tenant: OwnTenant):
    """The right is read behind the organization's lock: once he is out, he gives nothing."""
    admin, friend = people(own_tenant, 2)
    grant(own_tenant, admin, Role.ADMIN)
    grant(own_tenant, friend, Role.VIEWER)
    place = {"organization_id": own_tenant.organization_id}

    def work(number):
        with own_tenant.within():
            if number:
                return outcome(members.member_remove, user_id=admin.pk, **place, actor=own_tenant.owner.actor)
            return outcome(
                members.member_role_change, user_id=friend.pk, role=Role.ANALYST, **place, actor=admin.actor
            )

    promoted, removed = in_parallel(2, work)
    assert removed == "done"
    assert role_of(own_tenant, friend) == (Role.ANALYST if promoted == "done" else Role.VIEWER)
    with own_tenant.within():
        again = outcome(
            members.member_role_change, user_id=friend.pk, role=Role.ANALYST, **place, actor=admin.actor
        )
    assert again in {"role_too_high", "done"}
    assert (again == "done") == (promoted == "done")  # "done" again only where nothing was left to change
