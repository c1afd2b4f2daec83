"""What two requests at once may not do to an account: each with a connection of its own."""

from __future__ import annotations

import pytest
from django.db import connection

from accounts import services
from accounts.errors import BadLink, Unverified
from accounts.models import AuthSession, Membership, User
from accounts.permissions import Role
from accounts.recovery import services as recovery
from accounts.standing import services as standing
from accounts.standing.selectors import Reach, active_tenant_admins
from tenants.kernel.errors import BadToken, Conflict, DomainError, Forbidden
from tenants.kernel.request import SYSTEM
from tests.concurrency.test_refresh import in_parallel
from tests.fixtures import PASSWORD, OwnTenant
from tests.letters import letters, token_in

BETTER = "another-horse-7"


def sign_in(own: OwnTenant, password: str = PASSWORD):
    return services.sign_in(
        email=own.owner.email, password=password, tenant_id=own.ref.id, device="test", address=None
    )[1]


@pytest.fixture
def owner(own_tenant: OwnTenant) -> OwnTenant:
    """A tenant with an owner; what waits to be mailed to him goes with it."""
    yield own_tenant
    from tenants.mailing.models import OutgoingLetter

    OutgoingLetter.objects.all().delete()


def test_a_reset_token_used_by_four_at_once_sets_one_password(owner: OwnTenant):
    recovery.password_forgot(email=owner.owner.email)
    token = token_in(letters(owner.owner.email)[-1])

    def reset(number):
        try:
            recovery.password_reset(token=token, password=f"{BETTER}-{number}")
        except BadLink:
            return None
        return f"{BETTER}-{number}"

    won = [password for password in in_parallel(4, reset) if password]
    assert len(won) == 1
    assert User.objects.with_credential().get(pk=owner.owner.pk).check_password(won[0])


def test_a_verification_used_by_four_at_once_counts_once(owner: OwnTenant):
    User.objects.filter(pk=owner.owner.pk).update(email_verified_at=None)
    recovery.verification_send(user=User.objects.get(pk=owner.owner.pk))
    token = token_in(letters(owner.owner.email)[-1])

    def verify(_):
        try:
            return recovery.address_verify(token=token).pk
        except BadLink:
            return None

    assert len([done for done in in_parallel(4, verify) if done]) == 1
    assert User.objects.get(pk=owner.owner.pk).email_verified_at is not None


def test_one_link_confirms_or_disowns_and_not_both(owner: OwnTenant):
    User.objects.filter(pk=owner.owner.pk).update(email_verified_at=None)
    recovery.verification_send(user=User.objects.get(pk=owner.owner.pk))
    token = token_in(letters(owner.owner.email)[-1])

    def use(number):
        try:
            (recovery.address_verify if number % 2 else recovery.address_disown)(token=token)
        except BadLink:
            return None
        return "verified" if number % 2 else "disowned"

    [done] = [outcome for outcome in in_parallel(4, use) if outcome]
    user = User.objects.with_credential().get(pk=owner.owner.pk)
    assert (user.email_verified_at is not None) is (done == "verified")
    assert user.check_password(PASSWORD) is (done == "verified")


def test_a_password_change_beside_refreshes_leaves_no_session_but_its_own(owner: OwnTenant):
    """A refresh that is under way either ends before the change, or finds its session ended."""
    others = [sign_in(owner) for _ in range(4)]
    keep = AuthSession.objects.get(pk=owner.client.session_row.pk)
    user = User.objects.get(pk=owner.owner.pk)

    def work(number):
        if number == 0:
            recovery.password_change(
                user=user,
                session_id=keep.pk,
                current=PASSWORD,
                password=BETTER,
                address=None,
                actor=user.actor,
            )
            return "changed"
        try:
            return services.session_refresh(token=others[number - 1].refresh_token, rotate=True)
        except BadToken:
            return None

    outcomes = in_parallel(5, work)
    assert outcomes[0] == "changed"
    for pair in outcomes[1:]:
        if pair is not None:
            with pytest.raises(BadToken):
                services.session_refresh(token=pair.refresh_token, rotate=True)
    alive = AuthSession.objects.filter(user=user, revoked_at=None)
    assert list(alive.values_list("pk", flat=True)) == [keep.pk]


def test_a_password_change_beside_log_ins_leaves_no_session_of_the_old_password(owner: OwnTenant):
    user = User.objects.get(pk=owner.owner.pk)
    keep = owner.client.session_row.pk

    def work(number):
        if number == 0:
            recovery.password_change(
                user=user, session_id=keep, current=PASSWORD, password=BETTER, address=None, actor=user.actor
            )
            return None
        try:
            return sign_in(owner)
        except DomainError:
            return None

    in_parallel(5, work)
    assert list(AuthSession.objects.filter(user=user, revoked_at=None).values_list("pk", flat=True)) == [keep]


def test_of_two_tenant_admins_who_shut_each_other_out_one_stays(owner: OwnTenant):
    first = User.objects.get(email=f"admin@{owner.mark}.test")
    second = services.user_create(
        email=f"second@{owner.mark}.test", password=None, verified=True, actor=SYSTEM
    )
    services.membership_grant(
        user=second, tenant_id=owner.ref.id, organization_id=None, role=Role.TENANT_ADMIN, actor=SYSTEM
    )
    pairs = [(first, second), (second, first)]

    def shut_out(number):
        actor, target = pairs[number]
        with owner.within():
            try:
                verb = standing.user_deactivate if number else standing.user_suspend
                verb(
                    user=target,
                    reach=Reach(owner.ref.id),
                    reason="race",
                    actor=actor.actor,
                    role=Role.TENANT_ADMIN,
                )
            except (Conflict, Forbidden) as refusal:
                return refusal.code
        return "done"

    assert sorted(in_parallel(2, shut_out)) == ["done", "last_tenant_admin"]
    assert active_tenant_admins(owner.ref.id).count() == 1


def test_joining_beside_a_change_of_standing_needs_the_proof(owner: OwnTenant):
    user = services.user_create(email=f"new@{owner.mark}.test", password=None, actor=SYSTEM)

    def join(_):
        try:
            services.membership_grant(
                user=user,
                tenant_id=owner.ref.id,
                organization_id=owner.organization_id,
                role=Role.VIEWER,
                actor=SYSTEM,
            )
        except Unverified:
            return "refused"
        finally:
            connection.close()
        return "joined"

    assert in_parallel(3, join) == ["refused"] * 3
    assert not Membership.objects.filter(user=user).exists()
