"""The audit log: append-only, chained, verifiable, forgetful where it must be."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from organizations.models import AuditEvent, AuditHead, AuditSeal
from tenants.kernel import audit
from tenants.kernel.audit import canonical, chain, upkeep
from tenants.kernel.context import in_public, in_tenant
from tenants.kernel.ids import uuid7
from tenants.kernel.request import SYSTEM, Actor, RequestInfo, remember
from tenants.models import AuditCheckpoint, PlatformAuditEvent, PlatformAuditSeal
from tests.fixtures import OwnTenant, World

EVENT, SEAL, HEAD = "organizations_auditevent", "organizations_auditseal", "organizations_audithead"
SOMEBODY = Actor(uuid7(), "ada@alpha.test")


def seal() -> None:
    """Do what a commit does."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def write(count: int = 5) -> list[AuditEvent]:
    for number in range(count):
        audit.record(f"test.row.{number}", changes={"number": [number, number + 1]}, actor=SOMEBODY)
    seal()
    return list(AuditEvent.objects.filter(action__startswith="test.row").order_by("id"))


@contextmanager
def as_superuser(*tables: str):
    """A cursor of somebody who may switch triggers off."""
    seal()
    with connection.cursor() as cursor:
        for table in tables or (EVENT, SEAL, HEAD):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield cursor
        for table in tables or (EVENT, SEAL, HEAD):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def findings() -> set[str]:
    return {finding.what for finding in chain.verify().findings}


@pytest.fixture
def alpha(people: World):
    with people.within("alpha"):
        yield people


def test_every_row_has_its_place_in_the_chain(alpha: World):
    rows = write(3)
    seals = list(AuditSeal.objects.order_by("-sequence")[:3])[::-1]
    assert [s.event_id for s in seals] == [row.id for row in rows]
    assert [b.sequence - a.sequence for a, b in zip(seals, seals[1:], strict=False)] == [1, 1]
    assert [s.previous_hash for s in seals[1:]] == [s.hash for s in seals[:-1]]
    head = AuditHead.objects.get()
    assert (head.sequence, head.hash) == (seals[-1].sequence, seals[-1].hash)
    assert findings() == set()


REFUSED = [
    f"UPDATE {EVENT} SET action = 'x'",
    f"UPDATE {EVENT} SET actor_label = ''",
    f"DELETE FROM {EVENT}",
    f"TRUNCATE {EVENT}",
    f"UPDATE {SEAL} SET hash = 'x'",
    f"DELETE FROM {SEAL}",
    f"TRUNCATE {SEAL}",
    f"UPDATE {HEAD} SET sequence = 0",
    f"DELETE FROM {HEAD}",
    f"TRUNCATE {HEAD}",
]


def refuses(statement: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(statement)


@pytest.mark.parametrize("statement", REFUSED)
def test_the_database_refuses_to_change_a_tenants_log(alpha: World, statement):
    write(1)
    refuses(statement)


@pytest.mark.parametrize("statement", REFUSED)
def test_the_database_refuses_to_change_the_platforms_log(people: World, statement):
    audit.record("test.row.written", actor=SYSTEM)
    seal()
    refuses(statement.replace("organizations_audit", "tenants_platformaudit"))


def test_a_new_tenants_schema_has_all_of_it(own_tenant: OwnTenant):
    with in_tenant(own_tenant.ref):
        audit.record("test.row.written", actor=SYSTEM)
        for statement in REFUSED:
            refuses(statement)
        assert findings() == set()


def test_the_way_around_is_for_blanks_only(alpha: World):
    write(1)
    for change in ("actor_label = 'eve'", "changes = '{\"a\": 1}'", "action = ''", "actor_label = ''"):
        script = f"SELECT set_config('audit.maintenance', 'forgetting', true); UPDATE {EVENT} SET {change}"
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            connection.cursor().execute(script)


@pytest.mark.parametrize("column", ["action", "actor_label", "object_label", "request_id", "via"])
def test_a_changed_row_is_found(alpha: World, column):
    row = write()[2]
    with as_superuser() as cursor:
        cursor.execute(f"UPDATE {EVENT} SET {column} = 'x' WHERE id = %s", [row.id])
    (finding,) = chain.verify().findings
    assert (finding.what, finding.event_id) == ("changed", row.id)


@pytest.mark.parametrize(
    "change",
    [
        "changes = '{\"number\": [2, 4]}'",
        "at = at + interval '1 second'",
        "actor_id = NULL",
        "address = '10.0.0.1'",
        "digest = repeat('0', 64)",
    ],
)
def test_a_change_of_any_kind_is_found(alpha: World, change):
    row = write()[2]
    with as_superuser() as cursor:
        cursor.execute(f"UPDATE {EVENT} SET {change} WHERE id = %s", [row.id])
    assert row.id in {finding.event_id for finding in chain.verify().findings}


@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize("with_link", [False, True])
def test_a_removed_row_is_found(alpha: World, place, with_link):
    row = write()[place]
    with as_superuser() as cursor:
        cursor.execute(f"DELETE FROM {EVENT} WHERE id = %s", [row.id])
        if with_link:
            cursor.execute(f"DELETE FROM {SEAL} WHERE event_id = %s", [row.id])
    assert findings() & {"removed", "cut"}


def test_an_inserted_row_is_found(alpha: World):
    write()
    with as_superuser():
        audit.record("test.row.smuggled", actor=SYSTEM)
    assert findings() == {"inserted"}


def test_reordered_rows_are_found(alpha: World):
    first, second, *_ = write()
    with as_superuser() as cursor:
        cursor.execute(
            f"SELECT event_id, sequence FROM {SEAL} WHERE event_id IN (%s, %s)", [first.id, second.id]
        )
        places = dict(cursor.fetchall())
        cursor.execute(f"UPDATE {SEAL} SET event_id = %s WHERE sequence = %s", [uuid7(), places[first.id]])
        cursor.execute(f"UPDATE {SEAL} SET event_id = %s WHERE sequence = %s", [first.id, places[second.id]])
        cursor.execute(f"UPDATE {SEAL} SET event_id = %s WHERE sequence = %s", [second.id, places[first.id]])
    assert "moved" in findings()


def rechain(cursor, events: str, seals: str, head: str) -> None:
    """What a database administrator without the platform's secret can do: compute every link anew."""
    cursor.execute(
        f"SELECT e.id, e.digest FROM {seals} s JOIN {events} e ON e.id = s.event_id ORDER BY sequence"
    )
    rows = cursor.fetchall()
    cursor.execute(f"DELETE FROM {seals}")
    last = canonical.GENESIS
    for sequence, (identifier, digest) in enumerate(rows, start=1):
        mark = canonical.link(last, sequence, identifier, digest)
        cursor.execute(f"INSERT INTO {seals} VALUES (%s, %s, %s, %s)", [sequence, identifier, last, mark])
        last = mark
    cursor.execute(f"UPDATE {head} SET sequence = %s, hash = %s", [len(rows), last])


def test_a_rewritten_chain_is_found_by_its_checkpoint(alpha: World):
    row = write()[1]
    assert upkeep.checkpoint() >= 1
    assert findings() == set()
    with as_superuser() as cursor:
        cursor.execute(f"DELETE FROM {EVENT} WHERE id = %s", [row.id])
        rechain(cursor, EVENT, SEAL, HEAD)
    assert findings() & {"rewritten", "cut"}


def test_a_forged_checkpoint_is_found(alpha: World):
    write()
    upkeep.checkpoint()
    with in_public():
        AuditCheckpoint.objects.update(hash="0" * 64)
    assert "changed" in findings()


def test_a_digest_needs_the_platforms_secret(alpha: World, settings):
    write()
    kept = settings.AUDIT_KEYS
    settings.AUDIT_KEYS = ["another secret"]
    assert "changed" in findings()
    settings.AUDIT_KEYS = ["another secret", *kept]  # after a rotation
    write()
    assert findings() == set()


def test_the_command_tells_and_fails(alpha: World, capsys):
    row = write()[0]
    with in_public():
        call_command("verify_audit", "--tenant", "alpha")
        assert "intact" in capsys.readouterr().out
    with as_superuser() as cursor:
        cursor.execute(f"UPDATE {EVENT} SET action = 'x' WHERE id = %s", [row.id])
    with in_public():
        with pytest.raises(Exception, match="1 audit logs are not"):
            call_command("verify_audit")
        call_command("verify_audit", "--platform")
    out = capsys.readouterr().out
    assert f"row {row.id}: the row is not as it was written" in out
    assert "public: intact" in out


def test_retention_removes_the_oldest_and_the_chain_still_verifies(alpha: World):
    now = timezone.now()
    before = AuditEvent.objects.count()
    for days in (400, 300, 200, 100, 10):
        AuditEvent.objects.create(
            at=now - timedelta(days=days), action=f"test.row.{days}", actor_label="x", via="test"
        )
    # The world's own rows are young and stand first: retention stops before the first that must stay.
    assert upkeep.retain(before=now - timedelta(days=150), actor=SYSTEM) == 0
    with as_superuser() as cursor:
        cursor.execute(
            f"UPDATE {EVENT} SET at = %s WHERE action NOT LIKE 'test.row%%'", [now - timedelta(900)]
        )
        cursor.execute(f"SELECT id FROM {EVENT} WHERE action NOT LIKE 'test.row%%'")
        for row in AuditEvent.objects.exclude(action__startswith="test.row"):
            cursor.execute(
                f"UPDATE {EVENT} SET digest = %s WHERE id = %s", [canonical.row_digest(row), row.id]
            )
        rechain(cursor, EVENT, SEAL, HEAD)
    assert findings() == set()
    assert upkeep.retain(before=now - timedelta(days=150), actor=SYSTEM) == before + 3
    seal()
    assert findings() == set()
    kept = list(AuditEvent.objects.order_by("at").values_list("action", flat=True))
    assert kept == ["test.row.100", "test.row.10", "security.audit.truncated"]
    # Nobody can have the last 30 days removed.
    assert upkeep.retain(before=now + timedelta(days=1), actor=SYSTEM) == 1
    seal()
    assert findings() == set()
    assert AuditHead.objects.get().anchor_sequence == before + 4


def test_a_person_can_be_forgotten_and_the_chain_still_verifies(alpha: World):
    user = User.objects.create(email="forget.me@alpha.test")
    person = Actor(user.id, user.email)
    remember(RequestInfo("request-1", "203.0.113.9", "api", "laptop"))
    audit.record("test.row.done", on=user, changes={"title": ["a", "b"]}, actor=person)
    audit.record("test.row.about", changes={"user": "Forget.Me@alpha.test", "role": "viewer"}, actor=SYSTEM)
    audit.record("test.row.refused", actor=Actor(None, user.email))
    with in_public():
        audit.record("accounts.session.opened", on=user, actor=person)
    remember(None)
    audit.record("test.row.other", changes={"user": "other@alpha.test"}, actor=SOMEBODY)
    seal()
    tenants = [alpha.tenants["alpha"]]
    assert upkeep.forget(user.id, words=[user.email], tenants=tenants, actor=person) >= 5
    seal()
    tag = audit.address_tag(user.email)
    for schema, table in (("alpha", EVENT), ("public", "public.tenants_platformauditevent")):
        with in_public() if schema == "public" else alpha.within("alpha"), connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {table} e WHERE e::text ~* 'forget.me|{tag}'")
            assert cursor.fetchone() == (0,)
            cursor.execute(
                f"SELECT count(*) FROM {table} WHERE actor_id = %s AND address IS NOT NULL", [user.id]
            )
            assert cursor.fetchone() == (0,)
            assert findings() == set()
    kept = AuditEvent.objects.get(action="test.row.done")
    assert (kept.actor_id, kept.actor_label, kept.address, kept.device, kept.changes) == (
        user.id,
        "",
        None,
        "",
        {},
    )
    assert AuditEvent.objects.get(action="test.row.other").changes == {
        "user": audit.address_tag("other@alpha.test")
    }


def test_emptying_a_row_without_forgetting_anybody_is_found(alpha: World):
    row = write()[1]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('audit.maintenance', 'forgetting', true)")
        cursor.execute(
            f"UPDATE {EVENT} SET object_label = '', changes = '{{}}', what_salt = '' WHERE id = %s", [row.id]
        )
        cursor.execute("SELECT set_config('audit.maintenance', '', true)")
    assert findings() == {"blanked"}


def test_secrets_are_masked_at_any_depth(alpha: World):
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    changes = {
        "password": ["old", "new"],
        "provider": {"client_secret": "s", "issuer": "https://idp.example"},
        "list": [{"secret_value": "k"}, f"Bearer {token}"],
        "text": "a\0b",
    }
    audit.record("test.row.secret", changes=changes, actor=SYSTEM)
    kept = AuditEvent.objects.get(action="test.row.secret").changes
    assert kept == {
        "password": "***",
        "provider": {"client_secret": "***", "issuer": "https://idp.example"},
        "list": [{"secret_value": "***"}, "Bearer ***"],
        "text": "ab",
    }


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(json_values)
def test_a_round_trip_through_jsonb_changes_no_digest(value):
    """What jsonb does to numbers: 1.0 may come back as 1, 1e22 as an integer."""

    def stored(item):
        if isinstance(item, bool) or item is None or isinstance(item, str):
            return item
        if isinstance(item, float):
            number = Decimal(repr(item))
            return int(number) if number == number.to_integral_value() else number
        if isinstance(item, list):
            return [stored(i) for i in item]
        return {k: stored(v) for k, v in item.items()} if isinstance(item, dict) else item

    assert canonical._plain(value) == canonical._plain(stored(value))


def test_the_platforms_rows_are_chained_as_well(people: World):
    audit.record("test.row.platform", actor=SYSTEM)
    seal()
    assert PlatformAuditSeal.objects.filter(
        event_id=PlatformAuditEvent.objects.get(action="test.row.platform").id
    ).exists()
    assert findings() == set()
