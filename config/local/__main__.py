"""``python -m config.local COMMAND``: what the Makefile calls."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from config.local import control, demo, environment, suite, typescript
from config.local.errors import LaunchError
from config.local.layout import DEFAULT, REPOSITORY, Layout, explain_permission

_CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache", ".coverage", "htmlcov")
# What a run of the tests by hand is told; host and ports too, lest a demo's own reach it.
_ADDRESSES = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "HOST", "PORT", "PUBLIC_APP_URL", "STREAM_PORT")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code. A failure is one line on stderr after the last lines of what failed."""
    options = _parser().parse_args(arguments)
    layout = Layout(options.var.resolve())
    try:
        return _run(options, layout)
    except LaunchError as error:
        failure = error
    except PermissionError as error:
        failure = explain_permission(error)
    except KeyboardInterrupt:
        return 130
    sys.stdout.flush()
    for line in failure.output:
        sys.stderr.write(f"    {line}\n")
    sys.stderr.write(f"error: {failure}\n")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m config.local", description=__doc__)
    parser.add_argument(
        "--var", type=Path, default=DEFAULT.var, help="folder for run-time files (default: var)"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser(
        "demo", help="start the whole platform (HOST, PORT, WORKERS, DETACH from the environment)"
    )
    commands.add_parser("up", help="start only PostgreSQL and Redis and write var/local.env")
    commands.add_parser("stop", help="end everything that was started")
    commands.add_parser("status", help="show what runs")
    addresses = commands.add_parser("servers", help="start the servers and print their addresses for a shell")
    addresses.add_argument("--test", action="store_true", help="those of the tests; they run until `stop`")
    commands.add_parser("test", help="run the tests (ARGS from the environment)")
    commands.add_parser("check", help="linters, types, contracts, Django's checks, then the tests")
    commands.add_parser("types", help="only mypy")
    commands.add_parser("format", help="format the code and apply safe fixes")
    bench = commands.add_parser("bench", help="run tests.benchmarks.NAME against servers of its own")
    bench.add_argument("name")
    bench.add_argument("arguments", nargs=argparse.REMAINDER)
    commands.add_parser("fuzz", help="hold the running API against its description (ARGS)")
    commands.add_parser("typescript", help="write the TypeScript types of the API and compile the example")
    run = commands.add_parser("run", help="run one of our modules, without any server")
    run.add_argument("module")
    run.add_argument("arguments", nargs=argparse.REMAINDER)
    manage = commands.add_parser("manage", help="run manage.py with the demo's servers")
    manage.add_argument("arguments", nargs=argparse.REMAINDER)
    commands.add_parser("clean", help="remove caches, logs, and the data of tests and benchmarks")
    commands.add_parser("reset", help="remove everything under var/: the demo begins anew")
    return parser


def _run(options: argparse.Namespace, layout: Layout) -> int:
    more = os.environ.get("ARGS", "")
    match options.command:
        case "demo":
            demo.start(layout, environment.options())
        case "up":
            demo.start_servers(layout, environment.options())
        case "stop":
            _say(*control.stop(layout))
        case "status":
            _say(*control.status(layout))
        case "servers":
            _servers(layout, test=options.test)
        case "test":
            return suite.run_tests(layout, more)
        case "check":
            return suite.run_checks(layout, more)
        case "types":
            return suite.run_types()
        case "format":
            ruff = [sys.executable, "-m", "ruff"]
            codes = [_call([*ruff, "check", "--fix", "."]), _call([*ruff, "format", "."])]
            return max(codes)
        case "bench":
            return suite.run_benchmark(layout, options.name, options.arguments or shlex.split(more))
        case "fuzz":
            return suite.run_fuzzing(layout, shlex.split(more) or ["--examples", "20"])
        case "typescript":
            return typescript.build()
        case "run":
            return _call([sys.executable, "-m", options.module, *options.arguments])
        case "manage":
            values = demo.start_servers(layout, environment.options())
            command = [sys.executable, "manage.py", *(options.arguments or shlex.split(more))]
            return _call(command, environment.for_children(values))
        case "clean" | "reset":
            _remove(layout, everything=options.command == "reset")
    return 0


def _servers(layout: Layout, *, test: bool) -> None:
    if test:
        with suite.environment_for_tests(layout, keep=True) as env:
            values = {name: env[name] for name in _ADDRESSES}
    else:
        values = demo.start_servers(layout, environment.options())
    _say(*(f"export {name}={shlex.quote(value)}" for name, value in values.items()))


def _remove(layout: Layout, *, everything: bool) -> None:
    _say(*control.stop(layout))
    if suite.stop_servers(layout)[1]:
        raise LaunchError("A test run or a benchmark is going on: wait for its end.")
    caches = [REPOSITORY / name for name in _CACHES]
    unwanted = [layout.var] if everything else [layout.test.var, layout.bench.var, layout.log, *caches]
    for path in unwanted:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    _say(f"Removed: {', '.join(path.name for path in unwanted)}.")


def _call(command: list[str], env: dict[str, str] | None = None) -> int:
    return subprocess.run(command, cwd=REPOSITORY, env=env, check=False).returncode  # noqa: S603 - made here


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
