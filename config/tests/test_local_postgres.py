"""The private PostgreSQL: one server for many starters, nothing left after the end."""

import os
import signal
import stat
import subprocess
import sys

import psycopg
import pytest

from config.local import identity, postgres
from config.local.errors import LaunchError
from config.local.layout import REPOSITORY, Layout
from config.local.processes import wait_until


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A folder whose name is longer than a socket's path may be, with a space in it, and its server."""
    layout = Layout(tmp_path_factory.mktemp("long") / ("deep folder " * 12).strip() / "var")
    server = postgres.ensure(layout, throw_away=True)
    yield layout, server
    postgres.stop(layout)


@pytest.fixture
def running(cluster):
    """The same cluster, certainly running."""
    layout, _ = cluster
    return layout, postgres.ensure(layout, throw_away=True)


def fetch(server, query):
    with psycopg.connect(server.url) as connection:
        return connection.execute(query).fetchone()


def test_the_application_connects_with_a_role_that_may_only_make_databases(running):
    _, server = running
    query = "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    assert fetch(server, query) == (False, True, False)


def test_a_wrong_password_is_refused(running):
    _, server = running
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url.replace(server.password, "wrong"))


def test_secrets_are_readable_by_their_owner_alone(running):
    layout, server = running
    for path in (layout.postgres / "server.json", layout.log / "postgres.log"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    record = postgres.running(layout)
    with open(f"/proc/{record.pid}/cmdline") as command:
        assert server.password not in command.read()


def test_a_second_starter_attaches(running):
    layout, server = running
    before = postgres.running(layout)
    assert postgres.ensure(layout, throw_away=True) == server
    assert postgres.running(layout) == before


def test_a_stop_ends_every_process_and_a_start_finds_data_port_and_password_again(running):
    layout, server = running
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (id int)")
    assert postgres.stop(layout)
    assert postgres.running(layout) is None
    assert not postgres.stop(layout)
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(layout.postgres) not in listing
    assert postgres.ensure(layout, throw_away=True) == server
    assert fetch(server, "SELECT count(*) FROM kept") == (0,)


def test_after_a_crash_a_pid_file_that_names_somebody_else_is_not_believed(running):
    layout, server = running
    record = postgres.running(layout)
    record.signal(signal.SIGKILL)
    assert wait_until(lambda: not record.alive, 10)
    pid_file = layout.postgres / "data" / "postmaster.pid"
    pid_file.write_text(pid_file.read_text().replace(str(record.pid), str(os.getpid()), 1))
    assert postgres.running(layout) is None
    assert not postgres.stop(layout)
    assert fetch(postgres.ensure(layout, throw_away=True), "SELECT 1") == (1,)


def test_three_starters_at_once_get_one_server(tmp_path):
    layout = Layout(tmp_path / "var")
    command = [sys.executable, "-m", "config.local", "--var", str(layout.var), "servers", "--test"]
    env = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
    starters = [
        subprocess.Popen(command, cwd=REPOSITORY, env=env, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    try:
        answers = [starter.communicate()[0] for starter in starters]
        assert [starter.returncode for starter in starters] == [0, 0, 0]
        assert len(set(answers)) == 1
        assert "DATABASE_URL=postgresql://default_risk:" in answers[0]
        assert "STREAM_PORT=0" in answers[0]
    finally:
        stopped = subprocess.run(
            [*command[:5], "stop"], cwd=REPOSITORY, env=env, capture_output=True, text=True
        )
    assert "PostgreSQL of the tests" in stopped.stdout
    assert postgres.running(layout.test) is None


def test_another_major_version_is_one_clear_line(tmp_path):
    layout = Layout(tmp_path / "var").make()
    (layout.postgres / "data").mkdir(parents=True)
    (layout.postgres / "data" / "PG_VERSION").write_text("9\n")
    (layout.postgres / "server.json").write_text('{"port": 1, "password": "a", "admin_password": "b"}')
    with pytest.raises(LaunchError, match="made by PostgreSQL 9, but only") as refusal:
        postgres.ensure(layout)
    assert "\n" not in str(refusal.value)


def test_a_named_folder_without_binaries_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PG_BIN", str(tmp_path))
    with pytest.raises(LaunchError, match=r"PG_BIN=.* has no initdb"):
        postgres.find_binaries()


def test_root_without_namespaces_says_what_to_do_and_anybody_else_is_oneself(tmp_path):
    if os.geteuid() == 0:
        tmp_path.chmod(0o711)
        tmp_path.parent.chmod(0o700)
        with pytest.raises(LaunchError, match="run as a plain user, or set DATABASE_URL"):
            identity.choose(tmp_path, postgres.find_binaries() / "postgres", namespaces=False)
    else:
        assert identity.choose(tmp_path, postgres.find_binaries() / "postgres") == identity.Identity()
