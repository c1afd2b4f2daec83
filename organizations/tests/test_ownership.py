"""Ownership changes hands by an offer and its acceptance, and is nobody's at no moment."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from accounts.models import AuthSession, Membership
from accounts.permissions import Role
from organizations.models import OwnershipOffer
from tenants.kernel.context import in_public
from tests.fixtures import World


def address(people: World, end=""):
    return f"/api/v1/organizations/{people.organizations['alpha', 'one']}/transfer-ownership{end}"


def owners(people: World) -> list[str]:
    with in_public():
        rows = Membership.objects.filter(
            organization_id=people.organizations["alpha", "one"], role=Role.OWNER
        )
        return list(rows.values_list("user__email", flat=True))


def offer(people: World, by=Role.OWNER, to=Role.ANALYST):
    return people.client(by).post(address(people), {"user_id": str(people.user(to).id)})


def test_an_accepted_offer_makes_a_new_owner_and_leaves_an_admin(people: World):
    answer = offer(people)
    assert (answer.status_code, answer.json()["state"]) == (201, "pending")
    assert owners(people) == [people.user(Role.OWNER).email]
    shown = people.client(Role.ANALYST).get(address(people)).json()["offer"]
    assert shown["to_email"] == people.user(Role.ANALYST).email
    assert people.client(Role.VIEWER).get(address(people)).json()["offer"] is None
    # Nobody else takes it.
    assert people.client(Role.ADMIN).post(address(people, "/accept")).json()["code"] == "no_offer"
    accepted = people.client(Role.ANALYST).post(address(people, "/accept"))
    assert accepted.json()["org_admin"]["email"] == people.user(Role.ANALYST).email
    assert owners(people) == [people.user(Role.ANALYST).email]
    with in_public():
        before = Membership.objects.get(user=people.user(Role.OWNER), tenant_id=people.tenants["alpha"].id)
    assert before.role == Role.ADMIN


def test_both_ends_need_a_fresh_proof(people: World):
    client = people.client(Role.OWNER)
    with in_public():
        AuthSession.objects.filter(id=client.session_row.id).update(proved_at=None)
    answer = client.post(address(people), {"user_id": str(people.user(Role.ANALYST).id)})
    assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")


def test_only_the_owner_and_those_above_offer(people: World):
    assert offer(people, by=Role.ADMIN).status_code == 403
    assert offer(people, by=Role.TENANT_ADMIN).status_code == 201
    again = offer(people, to=Role.VIEWER)
    assert (again.status_code, again.json()["code"]) == (409, "offer_pending")
    assert people.client(Role.OWNER).delete(address(people)).status_code == 204
    assert offer(people, to=Role.VIEWER).status_code == 201
    assert people.client(Role.VIEWER).post(address(people, "/decline")).status_code == 204
    assert offer(people, to=Role.OWNER).json()["code"] == "same_owner"


def test_an_offer_runs_out(people: World):
    offer(people)
    with people.within("alpha", "one"):
        OwnershipOffer.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = people.client(Role.ANALYST).post(address(people, "/accept"))
    assert (answer.status_code, answer.json()["code"]) == (409, "offer_expired")
    assert offer(people, to=Role.VIEWER).status_code == 201  # a stale one stands in nobody's way


def test_an_offer_ends_with_the_membership_it_was_made_to(people: World):
    offer(people)
    gone = (
        f"/api/v1/organizations/{people.organizations['alpha', 'one']}/members/{people.user(Role.ANALYST).id}"
    )
    assert people.client(Role.OWNER).delete(gone).status_code == 204
    with people.within("alpha", "one"):
        assert OwnershipOffer.objects.get().state == "cancelled"


def test_a_stranger_is_offered_nothing(people: World):
    answer = people.client(Role.OWNER).post(
        address(people), {"user_id": str(people.user(Role.ANALYST, organization="two").id)}
    )
    assert answer.status_code == 404
