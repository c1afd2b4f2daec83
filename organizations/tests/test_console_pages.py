"""The console's pages about organizations, members and ways in: the same services, the same refusals."""

from __future__ import annotations

from accounts.models import AuthSession, Membership
from accounts.permissions import Role
from organizations.joining.models import Invitation, JoinLink, WhitelistEntry
from organizations.models import Organization, OwnershipOffer, StateChange
from tenants.kernel.context import in_public
from tests.console import console, text_of
from tests.fixtures import World
from tests.letters import letters


def organization_page(people: World, end: str, organization="two") -> str:
    return f"/admin/organizations/organization/{people.organizations['alpha', organization]}/{end}/"


def membership_of(people: World, role: str, organization="one") -> Membership:
    with in_public():
        return Membership.objects.get(
            user=people.user(role, organization=organization),
            organization_id=people.organizations["alpha", organization],
        )


def test_an_organization_is_suspended_and_lifted_with_a_reason(people: World):
    client = console(people, Role.TENANT_ADMIN)
    page = client.get(organization_page(people, "change"))
    assert "Suspend" in text_of(page)
    assert "Lift" not in text_of(page)
    assert client.post(organization_page(people, "suspend"), {"reason": ""}).status_code == 200  # asks again
    assert client.post(organization_page(people, "suspend"), {"reason": "Unpaid"}).status_code == 302
    with people.within("alpha"):
        assert Organization.objects.get(id=people.organizations["alpha", "two"]).state == "suspended"
        assert StateChange.objects.get().reason == "Unpaid"
    assert client.post(organization_page(people, "lift"), {"reason": "Paid"}).status_code == 302
    with people.within("alpha"):
        assert Organization.objects.get(id=people.organizations["alpha", "two"]).is_active


def test_an_owner_closes_but_does_not_suspend(people: World):
    client = console(people, Role.OWNER, organization="two")
    text = text_of(client.get(organization_page(people, "change")))
    assert "Close for work" in text
    assert "Suspend" not in text
    assert client.post(organization_page(people, "suspend"), {"reason": "x"}).status_code == 403
    assert client.post(organization_page(people, "deactivate"), {"reason": "Audit"}).status_code == 302
    with people.within("alpha"):
        assert Organization.objects.get(id=people.organizations["alpha", "two"]).state == "inactive"


def test_an_archived_organization_is_restored(people: World):
    client = console(people, Role.TENANT_ADMIN)
    page = organization_page(people, "archive")
    assert client.post(page, {"reason": "Merged"}).status_code == 302
    assert "Two" in text_of(client.get("/admin/organizations/organization/"))
    text = text_of(client.get(organization_page(people, "change")))
    assert "Restore" in text
    assert "Close for work" not in text
    with people.within("alpha"):
        row = Organization.objects.get(id=people.organizations["alpha", "two"])
        assert row.state == "archived"
    assert client.post(organization_page(people, "restore"), {"reason": "Split again"}).status_code == 302
    with people.within("alpha"):
        assert Organization.objects.get(id=row.id).state == "active"


def test_members_are_looked_after(people: World):
    client = console(people, Role.OWNER)
    row = membership_of(people, Role.ANALYST)
    page = f"/admin/accounts/membership/{row.pk}"
    assert client.post(f"{page}/change-role/", {"role": "admin"}).status_code == 302
    assert client.post(f"{page}/keep-out/").status_code == 302
    row.refresh_from_db()
    assert (row.role, row.state) == (Role.ADMIN, "suspended")
    assert client.post(f"{page}/let-in/").status_code == 302
    assert client.post(f"{page}/remove/").status_code == 302
    with in_public():
        assert not Membership.objects.filter(pk=row.pk).exists()
    # An admin's refusal comes from the service.
    owner = membership_of(people, Role.OWNER)
    admin = console(people, Role.ADMIN)
    admin.post(f"/admin/accounts/membership/{owner.pk}/remove/")
    with in_public():
        assert Membership.objects.filter(pk=owner.pk).exists()


def test_the_ownership_is_offered_with_a_fresh_proof(people: World):
    client = console(people, Role.OWNER)
    page = f"/admin/accounts/membership/{membership_of(people, Role.ANALYST).pk}/offer-ownership/"
    with in_public():
        AuthSession.objects.filter(user=people.user(Role.OWNER)).update(proved_at=None)
    client.post(page)
    with people.within("alpha", "one"):
        assert not OwnershipOffer.objects.exists()


def test_ways_in_are_looked_after(people: World):
    client = console(people, Role.TENANT_ADMIN)
    place = str(people.organizations["alpha", "two"])
    added = client.post(
        "/admin/joining/whitelistentry/add/", {"value": "@desk.example", "role": "viewer", "place": place}
    )
    assert added.status_code == 302, text_of(added)[:2000]
    refused = client.post("/admin/joining/whitelistentry/add/", {"value": "gmail.com", "place": place})
    assert refused.status_code == 200
    made = client.post("/admin/joining/joinlink/add/", {"label": "Fair", "max_uses": "5", "place": place})
    assert made.status_code == 302
    invited = {"email": "guest@desk.example", "role": "analyst", "full_name": "G", "place": place}
    assert client.post("/admin/joining/invitation/add/", invited).status_code == 302
    assert len(letters("guest@desk.example")) == 1
    with people.within("alpha", "two"):
        assert WhitelistEntry.objects.get(value="desk.example").role == "viewer"
        link = JoinLink.objects.get(label="Fair")
        invitation = Invitation.objects.get(email="guest@desk.example")
    before = link.digest
    assert client.post(f"/admin/joining/joinlink/{link.pk}/rotate/").status_code == 302
    assert client.post(f"/admin/joining/invitation/{invitation.pk}/resend/").status_code == 302
    assert client.post(f"/admin/joining/invitation/{invitation.pk}/revoke/").status_code == 302
    with people.within("alpha", "two"):
        assert JoinLink.objects.get(pk=link.pk).digest != before
        assert Invitation.objects.get(pk=invitation.pk).state == "revoked"


def test_an_owner_sees_the_ways_into_his_own_organization_only(people: World):
    client = console(people, Role.OWNER, organization="two")
    for page in ("whitelistentry", "joinlink", "invitation"):
        text = text_of(client.get(f"/admin/joining/{page}/"))
        assert text.count("/change/") <= 2
    with people.within("alpha", "one"):
        foreign = JoinLink.objects.first()
    assert client.get(f"/admin/joining/joinlink/{foreign.pk}/change/").status_code == 302
