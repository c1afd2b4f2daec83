"""The audit log over HTTP: who sees which rows, filters, walks, exports."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.permissions import Role
from organizations.models import AuditEvent
from organizations.tasks import retain_audit, sign_audit
from tenants.kernel import audit
from tenants.kernel.audit.chain import verify
from tenants.kernel.context import in_public
from tenants.kernel.request import SYSTEM, Actor
from tenants.models import AuditCheckpoint
from tests.fixtures import World

LOG = "/api/v1/audit"


@pytest.fixture
def rows(people: World):
    owner = people.user(Role.OWNER)
    with people.within("alpha"):
        for organization in ("one", "two"):
            audit.record(
                f"test.{organization}.done",
                organization_id=people.organizations["alpha", organization],
                changes={"name": ["=1+1", "b"]},
                actor=Actor(owner.id, owner.email),
            )
        audit.record("test.tenant.done", security=True, actor=SYSTEM)
    with people.within("beta"):
        audit.record("test.beta.done", actor=SYSTEM)
    return people


def actions(answer) -> set[str]:
    assert answer.status_code == 200, answer.content
    return {row["action"] for row in answer.json()["items"] if row["action"].startswith("test.")}


def test_each_sees_what_he_runs(rows: World):
    asked = f"{LOG}?action=test."
    assert actions(rows.client(Role.TENANT_ADMIN).get(asked)) == {
        "test.one.done",
        "test.two.done",
        "test.tenant.done",
    }
    assert actions(rows.client(Role.OWNER).get(asked)) == {"test.one.done"}
    assert actions(rows.client(Role.ADMIN, "alpha", "two").get(asked)) == {"test.two.done"}
    assert actions(rows.client(Role.TENANT_ADMIN, "beta").get(asked)) == {"test.beta.done"}
    for role in (Role.ANALYST, Role.VIEWER):
        assert rows.client(role).get(LOG).status_code == 403


def test_filters(rows: World):
    client = rows.client(Role.TENANT_ADMIN)
    owner = rows.user(Role.OWNER)
    assert actions(client.get(f"{LOG}?category=security&action=test.")) == {"test.tenant.done"}
    assert actions(client.get(f"{LOG}?actor={owner.id}")) == {"test.one.done", "test.two.done"}
    one = rows.organizations["alpha", "one"]
    assert actions(client.get(f"{LOG}?organization={one}")) == {"test.one.done"}
    later = (timezone.now() + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert actions(client.get(f"{LOG}?since={later}")) == set()
    assert len(actions(client.get(f"{LOG}?until={later}&action=test."))) == 3
    for nonsense in ("actor=x", "address=x", "organization=x", "since=x", "category=x"):
        assert client.get(f"{LOG}?{nonsense}").status_code == 400


def test_a_row_tells_who_and_how(rows: World):
    client = rows.client(Role.OWNER)
    client.get(LOG, headers={"X-Request-ID": "the-request-1", "User-Agent": "Tester/1"})
    # Reading the log is written down as well.
    row = rows.client(Role.TENANT_ADMIN).get(f"{LOG}?request=the-request-1").json()["items"][0]
    assert row["actor"] == rows.user(Role.OWNER).email
    assert (row["action"], row["category"], row["via"]) == ("organizations.audit.read", "access", "api")
    assert (row["credential"], row["credential_id"]) == ("session", str(client.session_row.id))
    assert (row["device"], row["address"]) == ("Tester/1", "127.0.0.1")


def test_a_cursor_walks_through_everything(rows: World):
    client = rows.client(Role.TENANT_ADMIN)
    seen, address = [], f"{LOG}?action=test.&cursor=&size=2"
    while address:
        page = client.get(address).json()
        seen += [row["action"] for row in page["items"]]
        address = page["next"]
    assert len(seen) == len(set(seen)) == 3


def test_exports(rows: World):
    client = rows.client(Role.TENANT_ADMIN)
    answer = client.get(f"{LOG}/export.csv?action=test.")
    table = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert {row["action"] for row in table} == {"test.one.done", "test.two.done", "test.tenant.done"}
    assert all(not value.startswith("=") for row in table for value in row.values())
    answer = client.get(f"{LOG}/export.jsonl?action=test.one")
    [line] = [json.loads(text) for text in b"".join(answer.streaming_content).splitlines()]
    assert line["changes"] == {"name": ["=1+1", "b"]}
    with rows.within("alpha"):
        assert (
            AuditEvent.objects.filter(action="organizations.audit.exported", category="access").count() == 2
        )


def test_the_platforms_log_is_for_super_admins(rows: World):
    with in_public():
        audit.record("test.platform.done", actor=SYSTEM)
    client = rows.client(Role.SUPER_ADMIN, host="localhost")
    assert actions(client.get("/api/v1/platform/audit?action=test.")) == {"test.platform.done"}
    assert b"test.platform.done" in b"".join(
        client.get("/api/v1/platform/audit/export.jsonl?action=test.").streaming_content
    )
    assert rows.client(Role.TENANT_ADMIN).get("/api/v1/platform/audit").status_code == 403


def test_the_tasks_of_the_log(rows: World):
    with rows.within("alpha"):
        before = AuditEvent.objects.count()
    assert retain_audit() == 0  # nothing is that old
    assert sign_audit() >= 2
    assert sign_audit() == 0  # nothing has grown
    assert AuditCheckpoint.objects.filter(schema_name="public").exists()
    with rows.within("alpha"):
        assert AuditEvent.objects.count() == before
        assert {finding.what for finding in verify().findings} <= {
            "inserted"
        }  # what no commit has sealed yet
