"""The audit log names people when it is read; its rows hold nothing that would have to be changed."""

from __future__ import annotations

from accounts.permissions import Role
from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.request import Actor
from tenants.models import PlatformAuditEvent
from tests.fixtures import World


def test_rows_hold_no_address_and_no_name(people: World):
    user = people.user(Role.ANALYST)
    changes = {
        "email": ["Old.Me@Some.test", "new@some.test"],
        "full_name": ["A", "B"],
        "entries": {"who@some.test": [1, "say hello to who@some.test, please"]},
    }
    with in_public():
        audit.record("test.person.seen", on=user, changes=changes, actor=user.actor)
        row = PlatformAuditEvent.objects.named().get(action="test.person.seen")
    kept = f"{row.actor_label} {row.object_label} {row.changes}"
    assert "@" not in kept
    assert row.changes["full_name"] == audit.MASKED
    assert row.changes["email"][0] == audit.address_tag("old.me@some.TEST")
    assert row.changes["entries"][audit.address_tag("who@some.test")][1].endswith(", please")
    assert (row.actor_name, row.object_name) == (user.email, user.email)


def test_strangers_and_things_keep_what_the_row_says(people: World):
    with in_public():
        audit.record("test.thing.seen", actor=Actor(None, "stranger@some.test"))
        audit.record("test.thing.seen", actor=Actor(None, "command line"))
        first, second = PlatformAuditEvent.objects.named().filter(action="test.thing.seen").order_by("id")
    assert first.actor_name == audit.address_tag("stranger@some.test")
    assert (second.actor_name, second.object_name) == ("command line", "")
