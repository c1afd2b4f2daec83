"""Two real PostgreSQL servers, one streaming to the other, and the platform's code on both."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from config.env import ROOT
from config.local import identity, postgres
from config.local.layout import Layout
from config.local.ports import LOOPBACK, free_port

SCRIPT = """
import django; django.setup()
from django.core.management import call_command
from django.db import connections, transaction
from organizations.models import Organization
from organizations.services import reserved_tenants_ensure
from tenants.kernel import scope
from tenants.kernel.context import in_tenant
from tenants.kernel.replicas import from_replica
from tenants.kernel.request import SYSTEM
from tenants.services import tenant_create

call_command("migrate_tenants", verbosity=0)
reserved_tenants_ensure()
tenants = [tenant_create(name=n, domain=f"{n}.test", actor=SYSTEM).ref for n in ("Gamma", "Delta")]
for tenant in tenants:
    with in_tenant(tenant), scope.every_organization(reason="test"):
        Organization.objects.create(name=f"Of {tenant.name}", slug="one")

def seen():
    rows = Organization.objects.all()
    return rows.db, sorted(rows.values_list("name", flat=True))

replica = connections["replica"]
for tenant in tenants:
    with in_tenant(tenant), scope.every_organization(reason="test"):
        # Written a moment ago, and there: on the replica, and of this tenant alone.
        with from_replica() as fit:
            assert fit and seen() == ("replica", [f"Of {tenant.name}"]), seen()
        assert seen()[0] == "default"
        with from_replica():
            row = Organization.objects.get()
        row.name += "!"
        row.save()  # writes go to the primary, wherever the row was read
        with from_replica():
            assert seen() == ("replica", [f"Of {tenant.name}!"]), seen()
            with transaction.atomic():
                assert seen()[0] == "default"
with in_tenant(tenants[0]), scope.every_organization(reason="test"):
    with admin() as server:
        server.execute("SELECT pg_wal_replay_pause()")
    Organization.objects.create(name="Later", slug="two")
    with from_replica() as fit:
        assert not fit and seen() == ("default", ["Later", "Of Gamma!"]), seen()
    with admin() as server:
        server.execute("SELECT pg_wal_replay_resume()")
    with from_replica() as fit:
        assert fit and seen() == ("replica", ["Later", "Of Gamma!"]), seen()
print("all of it")
"""


@pytest.fixture
def pair():
    """A primary and its replica, of the private server's own binaries."""
    with tempfile.TemporaryDirectory(prefix="drp-replica-") as folder:
        os.chmod(folder, 0o711)  # noqa: S103 - the server may run as another account
        layout = Layout(Path(folder) / "primary").make()
        primary = postgres.ensure(layout, throw_away=True)
        binaries, place = postgres.find_binaries(), Path(folder) / "replica"
        place.mkdir(mode=0o700)
        who, port = identity.choose(place, binaries), free_port()
        address = f"postgresql://postgres:{primary.admin_password}@{LOOPBACK}:{primary.port}/postgres"
        who.own(place)
        command = (binaries / "pg_basebackup", "-D", place / "data", "-R", "-X", "stream", "-c", "fast")
        copied = who.run(*command, "-d", address)
        assert copied.returncode == 0, copied.stdout
        flags = (
            f"-p {port} -c listen_addresses={LOOPBACK} -c unix_socket_directories='' -c shared_buffers=64MB"
        )
        flags += " -c max_connections=200 -c max_locks_per_transaction=256 -c fsync=off"
        log = os.open(Path(folder) / "replica.log", os.O_WRONLY | os.O_CREAT, 0o600)
        begun = who.run(binaries / "pg_ctl", "-D", place / "data", "-w", "-o", flags, "start", output=log)
        assert begun.returncode == 0, (Path(folder) / "replica.log").read_text()
        try:
            yield primary, port
        finally:
            who.run(binaries / "pg_ctl", "-D", place / "data", "-m", "immediate", "stop")
            postgres.stop(layout)


def test_marked_reads_go_to_a_replica_that_knows_everything(pair):
    primary, port = pair
    copy = primary.url.replace(f":{primary.port}/", f":{port}/")
    admin = f"host={LOOPBACK} port={port} user=postgres password={primary.admin_password} dbname=postgres"
    begin = f"import psycopg\ndef admin(): return psycopg.connect({admin!r}, autocommit=True)\n"
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "DATABASE_URL": primary.url,
        "DATABASE_REPLICA_URL": copy,
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", begin + SCRIPT]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.endswith("all of it\n"), done.stdout + done.stderr
    with psycopg.connect(copy) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("CREATE TABLE x ()")
