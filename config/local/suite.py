"""The tests, the checks and the benchmarks, with servers of their own."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from config.local import environment, postgres, redis, servers
from config.local.layout import REPOSITORY, Layout, locked, write_private

TYPED = ("config", "tenants", "accounts", "organizations", "companies", "predictions", "ml")
_USERS = "users.lock"
_KEEP = "keep"
_MOST_PROCESSES = 6


@contextlib.contextmanager
def environment_for_tests(layout: Layout, *, keep: bool = False) -> Iterator[dict[str, str]]:
    """The environment of a test process, with a PostgreSQL and a Redis that answer.

    DATABASE_URL and REDIS_URL of the process environment are used; those of ``.env`` never are, because tests
    empty what they are given. Servers started here end with the last run that uses them, unless ``keep``.
    """
    with _environment(layout.test, throw_away=True, keep=keep) as env:
        yield env


@contextlib.contextmanager
def environment_for_benchmarks(layout: Layout) -> Iterator[dict[str, str]]:
    """The environment of a benchmark; its PostgreSQL writes to the disk as in earnest."""
    with _environment(layout.bench, throw_away=False) as env:
        yield env


@contextlib.contextmanager
def _environment(apart: Layout, *, throw_away: bool, keep: bool = False) -> Iterator[dict[str, str]]:
    given = environment.given(file=False)
    keep_mark = apart.make().run / _KEEP
    with locked(apart.run / _USERS, shared=True):
        database, _ = servers.database_url(
            apart, given.get("DATABASE_URL"), throw_away=throw_away, apart=True
        )
        broker, _ = servers.redis_url(apart, given.get("REDIS_URL"))
        key = environment.kept_key(apart.local_env)
        write_private(apart.local_env, f"SECRET_KEY={key}\n")
        if keep:
            keep_mark.touch()
        # Host and port are set too, so that a demo's own do not reach the tests through var/local.env.
        address = {"HOST": "127.0.0.1", "PORT": "8000", "PUBLIC_APP_URL": "http://localhost:8000"}
        address["STREAM_PORT"] = "0"
        yield environment.for_children(
            {"DATABASE_URL": database, "REDIS_URL": broker, "SECRET_KEY": key, **address}
        )
    if not keep_mark.exists():
        _stop(apart)


def stop_servers(layout: Layout) -> tuple[list[str], bool]:
    """End the servers of tests and benchmarks that no run uses: what was ended, and whether one does."""
    ended, in_use = [], False
    for whose, apart in layout.apart.items():
        names, used = _stop(apart)
        ended += [f"{name} of the {whose}" for name in names]
        in_use |= used
    return ended, in_use


def _stop(apart: Layout) -> tuple[list[str], bool]:
    if not apart.run.exists():
        return [], False
    with locked(apart.run / _USERS, wait=0) as alone:
        if not alone:
            return [], True
        (apart.run / _KEEP).unlink(missing_ok=True)
        pairs = (("Redis", redis), ("PostgreSQL", postgres))
        return [name for name, module in pairs if module.stop(apart)], False


def run_tests(layout: Layout, arguments: str) -> int:
    """Run the whole suite with coverage, or what the arguments select; pytest's exit code."""
    with environment_for_tests(layout) as env:
        return _pytest(env, arguments)


def run_benchmark(layout: Layout, name: str, arguments: list[str]) -> int:
    """Run ``tests.benchmarks.NAME`` against servers of its own; its exit code."""
    with environment_for_benchmarks(layout) as env:
        return _run([sys.executable, "-m", f"tests.benchmarks.{name}", *arguments], env)


def run_fuzzing(layout: Layout, arguments: list[str]) -> int:
    """Run ``tests.fuzzing`` against the test servers; its exit code."""
    with environment_for_tests(layout) as env:
        return _run([sys.executable, "-m", "tests.fuzzing", *arguments], env)


def run_types() -> int:
    """Run mypy; its exit code. Its Django plugin loads the settings and connects to nothing."""
    nowhere = {"DATABASE_URL": "postgresql://nobody@localhost/none", "REDIS_URL": "redis://localhost/0"}
    env = environment.for_children({**nowhere, "SECRET_KEY": "types"})
    return _run([sys.executable, "-m", "mypy", *TYPED], env)


def run_checks(layout: Layout, arguments: str) -> int:
    """Linters, types, contracts and Django's own checks, then the tests; 1 when anything of it fails."""
    with environment_for_tests(layout) as env:
        failed = []
        for name, command, more in _checks(layout):
            sys.stdout.write(f"== {name}\n")
            sys.stdout.flush()
            if _run(command, {**env, **more}):
                failed.append(name)
        sys.stdout.write("== tests\n")
        sys.stdout.flush()
        code = _pytest(env, arguments)
    if failed:
        sys.stdout.write(f"error: Failed before the tests: {', '.join(failed)}.\n")
        return 1
    return code


def _checks(layout: Layout) -> list[tuple[str, list[str], dict[str, str]]]:
    """Name, command and added environment of every check before the tests."""
    python, programs = sys.executable, Path(sys.executable).parent
    manage = [python, "manage.py"]
    production = {
        "ENVIRONMENT": "production",
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "PLATFORM_HOSTS": "platform.example.com",
        "PUBLIC_APP_URL": "https://platform.example.com",
    }
    document = ["--urlconf", "config.urls_public", "--file", str(layout.test.run / "openapi.yaml")]
    return [
        ("ruff check", [python, "-m", "ruff", "check", "."], {}),
        ("ruff format", [python, "-m", "ruff", "format", "--check", "."], {}),
        ("mypy", [python, "-m", "mypy", *TYPED], {}),
        ("import contracts", [str(programs / "lint-imports")], {}),
        ("manage.py check --deploy", [*manage, "check", "--deploy", "--fail-level", "WARNING"], production),
        ("migrations", [*manage, "makemigrations", "--check", "--dry-run"], {}),
        ("OpenAPI", [*manage, "spectacular", "--validate", "--fail-on-warn", *document], {}),
    ]


def _pytest(env: Mapping[str, str], arguments: str) -> int:
    chosen = shlex.split(arguments)
    # The whole suite takes a process for each core, up to what the databases of a Redis allow.
    side_by_side = (
        [] if chosen else ["-n", str(min(os.cpu_count() or 1, _MOST_PROCESSES)), "--dist", "loadfile"]
    )
    command = [sys.executable, "-m", "pytest", "--cov", "--cov-report=term", *side_by_side, *chosen]
    return _run(command, env)


def _run(command: list[str], env: Mapping[str, str]) -> int:
    """Run in the foreground; Ctrl-C goes to the child, which ends in its own way."""
    child = subprocess.Popen(command, env=dict(env), cwd=REPOSITORY)  # noqa: S603 - commands are made above
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = child.wait()
    finally:
        signal.signal(signal.SIGINT, before)
    return 1 if code < 0 else code
