"""The end of an institution: an export first, a grace, and then nothing is left."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from accounts.permissions import Role
from companies.models import Company
from organizations.models import AuditEvent, Organization
from tenants import metering, services
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, in_tenant
from tenants.kernel.errors import Conflict, InvalidInput
from tenants.kernel.request import SYSTEM
from tenants.models import (
    Domain,
    ExportState,
    PlatformAuditEvent,
    PlatformIdempotencyRecord,
    Tenant,
    TenantDeletion,
    TenantExport,
)
from tenants.services import exports
from tests import factories
from tests.fixtures import OwnTenant, World
from tests.worker import wait_until

API = "/api/v1"
# Where an institution stays named: the log cannot be changed, and the stone is there for that.
REMEMBER = {"tenants_platformauditevent", "tenants_platformauditseal", "tenants_tenantdeletion"}


def lived_in(own: OwnTenant) -> None:
    """Give a tenant one of everything that it may leave behind."""
    schema = own.ref.schema_name
    with own.within():
        place = Organization.objects.get(id=own.organization_id)
        factories.PredictionFactory(organization=place)
        job = factories.JobFactory(organization=place, path=f"{schema}/jobs/x/portfolio.csv")
    default_storage.save(job.path, ContentFile(b"symbol\nACME\n"))
    own.client.post(
        f"{API}/predictions/annual", {"company_symbol": "X"}, format="json", headers={"Idempotency-Key": "k"}
    )
    PlatformIdempotencyRecord.objects.create(
        caller="x", key=schema, route="r", fingerprint="f", status=201, body={"id": str(own.ref.id)}
    )
    with in_tenant(own.ref):
        caches["default"].set("something", 1)
    browser = SessionStore()
    browser["auth_session"] = {"id": "x", "tenant": str(own.ref.id), "organization": None}
    browser.create()


def ordered(own: OwnTenant) -> TenantDeletion:
    """A deletion whose export is made and whose grace is over."""
    order = services.deletion_schedule(
        tenant_id=own.ref.id, slug=own.ref.slug, reason="The contract ended.", actor=own.owner.actor
    )
    exports.export_run(export_id=TenantExport.objects.get(tenant_id=own.ref.id).id)
    TenantDeletion.objects.filter(id=order.id).update(due_at=timezone.now())
    return order


def traces_of(tenant: TenantRef) -> dict[str, int]:
    """Where the tenant is still named: rows of public by table, schemas, files, keys of Redis, sessions."""
    found: dict[str, int] = {}
    words = [str(tenant.id), tenant.id.hex, tenant.slug, tenant.name]
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            if table in REMEMBER:
                continue
            rows = f'SELECT count(*) FROM public."{table}" AS held WHERE held::text ILIKE ANY (%s)'
            cursor.execute(rows, [[f"%{word}%" for word in words]])
            found[table] = cursor.fetchone()[0]
        cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname = %s", [tenant.schema_name])
        found["schemas"] = cursor.fetchone()[0]
    found["files"] = sum(
        default_storage.exists(folder) for folder in (tenant.schema_name, f"exports/{tenant.schema_name}")
    )
    client = metering._client()
    keys = [key.decode() for key in client.scan_iter(match="*", count=1000)]
    found["keys"] = sum(any(w in key for w in words) for key in keys if "kombu" not in key)
    found["counters"] = sum(
        client.hexists(key, str(tenant.id)) for key in keys if key.startswith(f"{metering.PREFIX}:calls")
    )
    found["sessions"] = sum(str(tenant.id) in json.dumps(s.get_decoded()) for s in Session.objects.all())
    return {where: number for where, number in found.items() if number}


def test_nothing_is_left_of_a_tenant_but_a_stone(own_tenant: OwnTenant):
    lived_in(own_tenant)
    seen = traces_of(own_tenant.ref)
    # The search finds what there is, so that its silence afterwards says something.
    assert {"tenants_tenant", "tenants_domain", "accounts_membership", "accounts_authsession"} <= set(seen)
    assert {"schemas", "files", "keys", "counters", "sessions", "tenants_usage"} <= set(seen)
    assert "tenants_platformidempotencyrecord" in seen
    order = ordered(own_tenant)
    assert services.deletion_execute(deletion_id=order.id)
    assert traces_of(own_tenant.ref) == {}
    assert not Domain.objects.filter(domain=f"{own_tenant.mark}.test").exists()
    stone = TenantDeletion.objects.get(id=order.id)
    assert (stone.state, stone.reason, stone.ordered_by_id) == ("done", "", None)
    assert stone.cleaned_at
    assert stone.export_sha256
    assert stone.removed["tenants_domain"] == 1
    event = PlatformAuditEvent.objects.filter(action="tenants.deletion.executed").latest("id")
    assert event.object_id == str(order.id)
    # Once more is no harm: the executor may have been killed before it could say that it was done.
    assert services.deletion_execute(deletion_id=order.id)


def test_files_that_were_left_by_a_dead_executor_are_removed_by_the_next(own_tenant: OwnTenant, monkeypatch):
    from tenants.services import deletion

    lived_in(own_tenant)
    order = ordered(own_tenant)
    running = TenantExport.objects.filter(state=ExportState.RUNNING, tenant_id=own_tenant.ref.id)
    wait_until(lambda: not running.exists(), "a worker of another test that has taken the export")
    with monkeypatch.context() as patched:
        patched.setattr(deletion, "_remove_traces", lambda *_: (_ for _ in ()).throw(OSError("disk")))
        with pytest.raises(OSError, match="disk"):
            services.deletion_execute(deletion_id=order.id)
    assert default_storage.exists(own_tenant.ref.schema_name)
    assert order.id in deletion.deletions_due()
    assert services.deletion_execute(deletion_id=order.id)
    assert traces_of(own_tenant.ref) == {}
    assert order.id not in deletion.deletions_due()


def test_an_archive_holds_every_row_and_file_and_no_secret(own_tenant: OwnTenant):
    lived_in(own_tenant)
    with own_tenant.within():
        companies = Company.objects.count()
        events = AuditEvent.objects.count()
    asked = services.export_request(tenant_id=own_tenant.ref.id, actor=own_tenant.owner.actor)
    made = exports.export_run(export_id=asked.id)
    assert made is not None
    with own_tenant.within():
        events_after = AuditEvent.objects.count()
    assert events_after == events + 1  # that it was asked for
    content = default_storage.open(made.path).read()
    assert (made.size, made.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        manifest = json.loads(archive.read("manifest.json"))
        assert set(manifest["entries"]) | {"manifest.json"} == set(archive.namelist())
        for name, entry in manifest["entries"].items():
            data = archive.read(name)
            assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["bytes"], entry["sha256"])
        assert manifest["rows"] == made.rows
        assert manifest["rows"]["companies_company"] == companies
        with connection.cursor() as cursor:
            for table, rows in manifest["rows"].items():
                if table.startswith("platform."):
                    continue
                cursor.execute(f'SELECT count(*) FROM "{own_tenant.ref.schema_name}"."{table}"')
                assert (table, rows) == (table, cursor.fetchone()[0])
        line = json.loads(archive.read("tables/companies_company.jsonl").splitlines()[0])
        [row, *_] = csv.DictReader(io.StringIO(archive.read("tables/companies_company.csv").decode()))
        assert (line["symbol"], line["id"]) == (row["symbol"], row["id"])
        assert archive.read("files/jobs/x/portfolio.csv") == b"symbol\nACME\n"
        people = archive.read("platform/users.jsonl").decode()
        assert own_tenant.owner.email in people
        whole = b"".join(archive.read(name) for name in archive.namelist())
    assert own_tenant.owner.credential.password.encode() not in whole


def test_without_its_export_a_tenant_stays(own_tenant: OwnTenant):
    order = services.deletion_schedule(
        tenant_id=own_tenant.ref.id, slug=own_tenant.ref.slug, reason="x", actor=SYSTEM
    )
    TenantDeletion.objects.filter(id=order.id).update(due_at=timezone.now())
    assert not services.deletion_execute(deletion_id=order.id)
    exports.export_fail(export_id=TenantExport.objects.get(tenant_id=own_tenant.ref.id).id, message="disk")
    # Another is asked for, and only with it the tenant goes.
    assert not services.deletion_execute(deletion_id=order.id)
    waiting = TenantExport.objects.get(tenant_id=own_tenant.ref.id, state=ExportState.PENDING)
    assert Tenant.objects.filter(id=own_tenant.ref.id).exists()
    exports.export_run(export_id=waiting.id)
    assert services.deletion_execute(deletion_id=order.id)


# -- orders ----------------------------------------------------------------------------------------


def test_an_order_closes_the_tenant_and_can_be_called_off(people: World, django_capture_on_commit_callbacks):
    # Working elsewhere: whoever has entered the tenant that he closes is out himself.
    root = people.client(Role.SUPER_ADMIN, "reference", host="localhost")
    address = f"{API}/tenants/{people.tenants['alpha'].id}"
    member = people.client(Role.OWNER)
    assert member.get(f"{API}/companies").status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        wrong = root.delete(address, {"slug": "alfa", "reason": "x"}, format="json")
        assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (400, "/slug")
        answer = root.delete(address, {"slug": "alpha", "reason": "The contract ended."}, format="json")
    assert answer.status_code == 202, answer.content
    due = timezone.datetime.fromisoformat(answer.json()["due_at"])
    assert timedelta(days=29) < due - timezone.now() <= timedelta(days=30)
    closed = member.get(f"{API}/companies")
    assert (closed.status_code, closed.json()["code"]) == (403, "tenant_closing")
    for attempt in (
        root.put(address, {"description": "x"}, format="json"),
        root.post(f"{address}/suspend", {"reason": "x"}, format="json"),
        root.delete(address, {"slug": "alpha", "reason": "x"}, format="json"),
    ):
        assert (attempt.status_code, attempt.json()["code"]) == (409, "tenant_closing")
    assert root.get(f"{address}/deletion").json()["scheduled"]["reason"] == "The contract ended."
    assert TenantExport.objects.get(tenant_id=people.tenants["alpha"].id).for_deletion
    assert root.delete(f"{address}/deletion").json()["state"] == "active"
    caches["directory"].clear()
    assert member.get(f"{API}/companies").status_code == 200
    assert root.get(f"{address}/deletion").json() == {"scheduled": None}
    actions = PlatformAuditEvent.objects.order_by("-id").values_list("action", flat=True)
    assert {"tenants.deletion.scheduled", "tenants.deletion.cancelled"} <= set(actions[:6])


def test_a_suspended_tenant_is_suspended_again_when_its_deletion_is_called_off(people: World):
    key = people.tenants["alpha"].id
    services.tenant_suspend(tenant_id=key, reason="unpaid", actor=SYSTEM)
    services.deletion_schedule(tenant_id=key, slug="alpha", reason="x", actor=SYSTEM)
    services.deletion_cancel(tenant_id=key, actor=SYSTEM)
    assert Tenant.objects.get(id=key).state == "suspended"
    with pytest.raises(Conflict):
        services.deletion_cancel(tenant_id=key, actor=SYSTEM)


def test_an_order_needs_a_fresh_proof(people: World):
    client = people.client(Role.SUPER_ADMIN, host="localhost", proved=False)
    address = f"{API}/tenants/{people.tenants['alpha'].id}"
    body = {"slug": "alpha", "reason": "x"}
    for answer in (
        client.delete(address, body, format="json"),
        client.post(f"{address}/deletion", body, format="json"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")


def test_the_slug_is_typed(people: World):
    with pytest.raises(InvalidInput):
        services.deletion_schedule(
            tenant_id=people.tenants["alpha"].id, slug="Alpha", reason="x", actor=SYSTEM
        )


# -- archives over the API --------------------------------------------------------------------------


@pytest.fixture
def archive(people: World) -> TenantExport:
    """An archive of alpha that is ready."""
    made = TenantExport.objects.create(
        tenant_id=people.tenants["alpha"].id,
        state=ExportState.READY,
        path=default_storage.save("exports/test/x.zip", ContentFile(b"PK archive")),
        expires_at=timezone.now() + timedelta(days=1),
    )
    yield made
    default_storage.delete(made.path)


def test_an_archive_is_fetched_by_its_own_admins_and_that_is_written_down(people: World, archive):
    address = f"{API}/tenant-exports/{archive.id}"
    client = people.client(Role.TENANT_ADMIN)
    answer = client.get(f"{address}/download")
    assert b"".join(answer.streaming_content) == b"PK archive"
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["Cache-Control"] == "no-store"
    with people.within("alpha"):
        assert AuditEvent.objects.filter(action="tenants.export.fetched").count() == 1
    for stranger in (people.client(Role.TENANT_ADMIN, "beta"), people.client(Role.OWNER)):
        assert stranger.get(f"{address}/download").status_code in {403, 404}
    assert people.client(Role.TENANT_ADMIN, "beta").get(address).status_code == 404
    unproved = people.client(Role.TENANT_ADMIN, proved=False).get(f"{address}/download")
    assert unproved.json()["code"] == "step_up_required"


def test_a_tenant_admin_exports_no_other_tenant(people: World):
    client = people.client(Role.TENANT_ADMIN)
    other = {"tenant_id": str(people.tenants["beta"].id)}
    assert client.post(f"{API}/tenant-exports", other, format="json").status_code == 404
    answer = client.post(f"{API}/tenant-exports", {}, format="json")
    assert (answer.status_code, answer.json()["tenant_id"]) == (202, str(people.tenants["alpha"].id))
    again = client.post(f"{API}/tenant-exports", {}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "export_running")


def test_archives_expire_with_their_file(people: World, archive):
    TenantExport.objects.filter(id=archive.id).update(expires_at=timezone.now())
    address = f"{API}/tenant-exports/{archive.id}/download"
    answer = people.client(Role.TENANT_ADMIN).get(address)
    assert (answer.status_code, answer.json()["code"]) == (409, "no_archive")
    assert exports.exports_sweep() == 1
    assert not default_storage.exists(archive.path)
    archive.refresh_from_db()
    assert (archive.state, archive.path) == ("expired", "")
    archive.path = "exports/test/none.zip"  # for the fixture's end


def test_what_a_dead_worker_left_is_handed_out_again(people: World):
    lost = TenantExport.objects.create(
        tenant_id=people.tenants["alpha"].id,
        state=ExportState.RUNNING,
        started_at=timezone.now() - timedelta(hours=2),
    )
    assert exports.exports_sweep() == 1
    with scope.every_organization(reason="test"):
        assert exports.export_run(export_id=lost.id).state == "ready"
    assert exports.export_run(export_id=lost.id) is None
    default_storage.delete(TenantExport.objects.get(id=lost.id).path)
