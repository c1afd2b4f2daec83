"""Notices: who is told, by which channel, and that they are nobody else's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test.utils import override_settings
from django.utils import timezone

from accounts.models import Membership, MembershipState, Profile, User
from accounts.permissions import Role
from accounts.privacy.sources import sources
from organizations.notices.models import Notice
from organizations.notices.services import notices_purge, notify
from organizations.notices.tasks import purge
from tenants.kernel.context import in_public
from tenants.kernel.ids import uuid7
from tenants.kernel.request import SYSTEM
from tests.console import console, text_of
from tests.fixtures import World
from tests.letters import letters

ADDRESS = "/api/v1/notices"
LINK = "/admin/predictions/scoringjob/"


def tell(people: World, *users: User, organization: str = "one", **given) -> int:
    with people.within("alpha", organization):
        return notify(
            **{
                "user_ids": [user.pk for user in users],
                "kind": "job_finished",
                "title": "portfolio.csv is scored",
                "text": "3 of 3 rows.",
                "link": LINK,
                "organization_id": people.organizations["alpha", organization],
                "actor": SYSTEM,
                **given,
            }
        )


def choose(user: User, **preferences: bool) -> None:
    with in_public():
        Profile.objects.filter(user=user).update(preferences=preferences)


def newest(people: World, role: str) -> dict:
    return people.client(role).get(ADDRESS).json()["items"][0]


def test_a_notice_comes_with_a_letter(people: World):
    owner = people.user(Role.OWNER)
    assert tell(people, owner) == 1
    assert newest(people, Role.OWNER)["title"] == "portfolio.csv is scored"
    letter = letters(owner.email)[-1]
    assert letter.subject == "portfolio.csv is scored"
    assert f"http://alpha.test:8000{LINK}" in letter.text
    assert "3 of 3 rows." in letter.text
    assert "3 of 3 rows." in letter.html


def test_who_cannot_enter_the_console_is_led_home(people: World):
    tell(people, people.user(Role.VIEWER))
    assert LINK not in letters(people.user(Role.VIEWER).email)[-1].text


def test_each_channel_can_be_left(people: World):
    owner = people.user(Role.OWNER)
    with people.within("alpha"):
        before = Notice.objects.filter(user_id=owner.pk).count()
    choose(owner, mail_job_finished=False)
    assert tell(people, owner) == 1
    assert letters(owner.email) == []
    choose(owner, app_job_finished=False)
    assert tell(people, owner) == 1
    assert len(letters(owner.email)) == 1
    choose(owner, app_job_finished=False, mail_job_finished=False)
    assert tell(people, owner) == 0
    with people.within("alpha"):
        assert Notice.objects.filter(user_id=owner.pk).count() == before + 1


def test_only_those_are_told_who_may_know(people: World):
    other_organization = people.user(Role.OWNER, "alpha", "two")
    other_tenant = people.user(Role.OWNER, "beta")
    gone = people.user(Role.ADMIN)
    Membership.objects.filter(user=gone).update(state=MembershipState.SUSPENDED)
    inactive = people.user(Role.VIEWER)
    User.objects.filter(pk=inactive.pk).update(is_active=False, state="suspended")
    assert tell(people, other_organization, other_tenant, gone, inactive) == 0
    assert tell(people, people.user(Role.TENANT_ADMIN), people.user(Role.SUPER_ADMIN)) == 2


def test_an_address_that_is_not_proved_gets_no_letter(people: World):
    owner = people.user(Role.OWNER)
    User.objects.filter(pk=owner.pk).update(email_verified_at=None)
    assert tell(people, owner) == 1
    assert letters(owner.email) == []


def test_an_unknown_kind_is_a_fault_of_ours(people: World):
    with pytest.raises(ValueError, match="gossip"):
        tell(people, people.user(Role.OWNER), kind="gossip")


def test_a_line_break_makes_no_header(people: World):
    tell(people, people.user(Role.OWNER), title="a.csv\r\nBcc: x@y.test")
    assert letters(people.user(Role.OWNER).email)[-1].subject == "a.csv Bcc: x@y.test"


def test_reading_counting_and_removing(people: World):
    tell(people, people.user(Role.OWNER))
    client = people.client(Role.OWNER)
    unread = client.get(f"{ADDRESS}/unread").json()["unread"]
    row = newest(people, Role.OWNER)
    assert (row["read"], unread) == (False, 2)
    assert client.post(f"{ADDRESS}/{row['id']}/mark", {}).json()["read"] is True
    assert client.get(f"{ADDRESS}/unread").json()["unread"] == 1
    assert row["id"] not in [r["id"] for r in client.get(f"{ADDRESS}?unread=true").json()["items"]]
    assert client.post(f"{ADDRESS}/{row['id']}/mark", {"read": False}).json()["read"] is False
    assert client.post(f"{ADDRESS}/read-all").json() == {"marked": 2}
    assert client.get(f"{ADDRESS}/unread").json()["unread"] == 0
    assert client.delete(f"{ADDRESS}/{row['id']}").status_code == 204
    assert client.get(f"{ADDRESS}/{row['id']}").status_code == 404


@pytest.mark.parametrize("method", ["get", "delete", "post"])
@pytest.mark.parametrize("stranger", [(Role.ADMIN, "alpha", "one"), (Role.OWNER, "alpha", "two")])
def test_anothers_notice_does_not_exist(people: World, method, stranger):
    with people.within("alpha"):
        row = Notice.objects.filter(user_id=people.user(*stranger).pk).first()
    ending = "/mark" if method == "post" else ""
    client = people.client(Role.OWNER)
    answers = [
        getattr(client, method)(f"{ADDRESS}/{key}{ending}", {}, format="json").status_code
        for key in (row.pk, uuid7(), "nonsense")
    ]
    assert answers == [404, 404, 404]
    with people.within("alpha"):
        assert Notice.objects.get(pk=row.pk).read_at is None


def test_preferences_by_kind_and_channel(people: World):
    client = people.client(Role.ANALYST)
    asked = {"items": [{"kind": "job_finished", "mail": False}, {"kind": "alerts", "app": False}]}
    changed = client.patch(f"{ADDRESS}/preferences", asked, format="json").json()
    found = {i["kind"]: (i["app"], i["mail"]) for i in changed["items"]}
    assert found == {
        "job_finished": (True, False),
        "scheduled_runs": (True, True),
        "mentions": (True, True),
        "alerts": (False, True),
    }
    assert client.get(f"{ADDRESS}/preferences").json() == changed
    # The same are preferences of the profile.
    with in_public():
        kept = Profile.objects.get(user=people.user(Role.ANALYST)).preferences
    assert kept["mail_job_finished"] is False
    bad = client.patch(f"{ADDRESS}/preferences", {"items": [{"kind": "gossip"}]}, format="json")
    assert bad.status_code == 400


def test_old_notices_go(people: World):
    now = timezone.now()
    with people.within("alpha", "one"):
        kept = Notice.objects.count()
        tell(people, people.user(Role.OWNER))
        old = Notice.objects.order_by("-id").first()
        Notice.objects.filter(pk=old.pk).update(created_at=now - timedelta(days=181))
        assert notices_purge(now=now) == 1
        assert Notice.objects.count() == kept
    with override_settings(NOTICE_RETENTION_DAYS=0):
        assert purge() > kept


def test_a_person_takes_them_along_and_leaves_none(people: World):
    owner = people.user(Role.OWNER)
    source = next(s for s in sources() if s.__name__ == "organizations.notices.personal")
    parts = dict(source.collect(owner))
    assert [len(rows) for rows in parts.values()] == [1]
    source.erase(owner, owner.email)
    with people.within("alpha"):
        assert not Notice.objects.filter(user_id=owner.pk).exists()
        assert Notice.objects.exists()


def test_the_console_shows_ones_own_and_leads_on(people: World):
    tell(people, people.user(Role.OWNER))
    client = console(people, Role.OWNER)
    page = client.get("/admin/notices/notice/")
    assert "portfolio.csv is scored" in text_of(page)
    rows = page.context["cl"].result_list
    assert {row.user_id for row in rows} == {people.user(Role.OWNER).pk}
    row = next(r for r in rows if r.link)
    assert client.get(f"/admin/notices/notice/{row.pk}/change/").url == LINK
    with people.within("alpha"):
        assert Notice.objects.get(pk=row.pk).read_at is not None
        theirs = Notice.objects.filter(user_id=people.user(Role.ADMIN).pk).first()
    assert client.get(f"/admin/notices/notice/{theirs.pk}/change/").status_code == 302
    with people.within("alpha"):
        assert Notice.objects.get(pk=theirs.pk).read_at is None
    client.post("/admin/notices/notice/read-all/")
    assert client.get("/admin/notices/notice/").context["unread"] == ""


def test_the_console_keeps_what_a_person_chooses(people: World):
    client = console(people, Role.OWNER)
    page = client.get("/admin/notices/notice/preferences/")
    assert "A file was scored: by mail" in text_of(page)
    assert client.post("/admin/notices/notice/preferences/", {"app_job_finished": "on"}).status_code == 302
    with in_public():
        kept = Profile.objects.get(user=people.user(Role.OWNER)).preferences
    assert (kept["app_job_finished"], kept["mail_job_finished"]) == (True, False)
