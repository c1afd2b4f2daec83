"""The whole platform on one machine, from nothing to a healthy web server: ``make demo``."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType

from config.local import environment, servers
from config.local.bootstrap import DEMO_STEPS, VENV, Step
from config.local.control import DEMO_LOCK, LAUNCHER, PROCESSES, mark, stop_processes, stop_servers
from config.local.environment import Options
from config.local.errors import LaunchError
from config.local.layout import REPOSITORY, Layout, last_lines, locked, write_private
from config.local.ports import require_free
from config.local.processes import MARK, forget, load, recognise, run_logged, save, spawn, strays, wait_until

QUEUES = "score,io,mail,default"
WORKER = "demo@localhost"
_HEALTHY_WITHIN = 120.0


def start(layout: Layout, options: Options) -> None:
    """Bring the platform up; in the foreground, stay until Ctrl-C and then take it down again."""
    layout.make()
    with locked(layout.run / DEMO_LOCK, wait=0) as mine:
        up = [name for name in PROCESSES if load(layout, name)]
        if not mine or len(up) == len(PROCESSES):
            say(_already_running(layout, complete=len(up) == len(PROCESSES)))
            return
        if up or strays(mark(layout)):
            say("Ending what an earlier start has left behind.")
            stop_processes(layout)
        require_free(options.host, options.port)
        require_free(options.host, options.stream_port)
        with _interruptible(layout):
            try:
                _start(layout, options)
            except BaseException as error:
                _ignore_signals()
                interrupted = isinstance(error, KeyboardInterrupt)
                if interrupted:
                    say("\nStopping ...")
                stopped = stop_processes(layout) + stop_servers(layout)
                if stopped:
                    say(f"Stopped: {', '.join(stopped)}. The data stay in {layout.var}.")
                if not interrupted:
                    raise


def start_servers(layout: Layout, options: Options, *, first: int = 1, total: int = 2) -> dict[str, str]:
    """Start or check the servers and leave ``var/local.env``; what the platform must be told."""
    layout.make()
    given = environment.given(file=True)
    with Step(first, "PostgreSQL", total) as step:
        database, note = servers.database_url(layout, given.get("DATABASE_URL"))
        step.note(note)
    with Step(first + 1, "Redis", total) as step:
        broker, note = servers.redis_url(layout, given.get("REDIS_URL"))
        step.note(note)
    values = {
        "DATABASE_URL": database,
        "REDIS_URL": broker,
        "SECRET_KEY": environment.kept_key(layout.local_env),
        "HOST": options.host,
        "PORT": str(options.port),
        "STREAM_PORT": str(options.stream_port),
        "PUBLIC_APP_URL": f"http://localhost:{options.port}",
    }
    # Servers that somebody else looks after are not copied into a second file.
    foreign = given.keys() & {"DATABASE_URL", "REDIS_URL"}
    kept = {name: value for name, value in values.items() if name not in foreign}
    environment.write_local_env(layout, kept)
    return {**values, **given}


def say(text: str) -> None:
    """A line for the person who watches."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _start(layout: Layout, options: Options) -> None:
    values = start_servers(layout, options, first=3, total=DEMO_STEPS)
    env = environment.for_children({**values, MARK: mark(layout)})
    _manage(layout, env, 5, "Migrating", "migrate_tenants")
    _manage(layout, env, 6, "Reserved tenants, keys and model", "provision")
    _collect_static(layout, env)
    _manage(layout, env, 8, "Demo tenant, companies and scores", "load_demo")
    with Step(9, "Web and stream server, worker and beat") as step:
        _launch(layout, options, env, step)
        step.note(f"http://{options.local_host}:{options.port}")
    summary = _output([sys.executable, "manage.py", "load_demo", "--summary"], env)
    write_private(_summary_file(layout), summary)
    say(f"\n{summary}\n")
    if options.detach:
        say("It runs in the background. `make status` shows it, `make stop` ends it, it logs into var/log.")
        return
    say("Ctrl-C stops it. What it logs from now on:\n")
    _follow(layout)


def _manage(layout: Layout, env: Mapping[str, str], number: int, text: str, *command: str) -> None:
    with Step(number, text) as step:
        log = layout.log / f"{command[0]}.log"
        arguments = [sys.executable, "manage.py", *command]
        run_logged(arguments, log, env=env, cwd=REPOSITORY, on_line=step.progress)


def _collect_static(layout: Layout, env: Mapping[str, str]) -> None:
    """Copy the static files together, unless neither the packages nor our own files have changed."""
    stamp = layout.run / "static.sha256"
    digest = hashlib.sha256()
    sources = [*VENV.glob(".installed-run"), *(REPOSITORY / "config" / "settings").glob("*.py")]
    for pattern in ("static/**/*", "*/static/**/*", "*/*/static/**/*"):
        found = (path for path in REPOSITORY.glob(pattern) if path.is_file())
        sources += [path for path in found if path.relative_to(REPOSITORY).parts[0] not in {"var", ".venv"}]
    for path in sorted(set(sources)):
        status = path.stat()
        digest.update(f"{path.relative_to(REPOSITORY)} {status.st_size} {status.st_mtime_ns}\n".encode())
    if (layout.var / "static").exists() and stamp.exists() and stamp.read_text() == digest.hexdigest():
        with Step(7, "Static files") as step:
            step.note("unchanged")
        return
    _manage(layout, env, 7, "Static files", "collectstatic", "--noinput")
    stamp.write_text(digest.hexdigest())


def _launch(layout: Layout, options: Options, env: Mapping[str, str], step: Step) -> None:
    """Start the processes and wait until the web server is healthy and the worker answers."""
    celery = [sys.executable, "-m", "celery", "-A", "config"]
    for name, command in _commands(celery, options).items():
        spawn(layout, name, command, env=env, cwd=REPOSITORY)

    answer = "no answer"

    def healthy() -> bool:
        nonlocal answer
        _require_alive(layout)
        ready, answer = _health(options, options.port, "/health/ready")
        if ready:
            ready, answer = _health(options, options.stream_port, "/health/live")
        step.progress(answer)
        return ready

    if not wait_until(healthy, _HEALTHY_WITHIN, pause=0.2):
        lines = last_lines(layout.log / "web.log") + last_lines(layout.log / "stream.log")
        raise LaunchError(f"The web or stream server is not healthy: {answer}.", lines)
    step.progress("waiting for the worker")
    # With the name of the one that must answer, it does not wait for others.
    ping = [*celery, "inspect", "ping", "--destination", WORKER, "--timeout", "1"]
    if not wait_until(lambda: _succeeds(layout, ping, env), _HEALTHY_WITHIN):
        raise LaunchError("The Celery worker does not answer.", last_lines(layout.log / "worker.log"))


def _commands(celery: list[str], options: Options) -> dict[str, list[str]]:
    web = f"--interface wsgi --workers {options.workers} --blocking-threads 4 --no-ws"
    web += f" --respawn-failed-workers --workers-kill-timeout 10 --port {options.port} --host {options.host}"
    stream = "--interface asgi --workers 1 --no-ws --respawn-failed-workers --workers-kill-timeout 5"
    stream += f" --port {options.stream_port} --host {options.host}"
    worker = f"worker -Q {QUEUES} --hostname {WORKER} --concurrency=2 --prefetch-multiplier=1"
    beat = "beat --scheduler django_celery_beat.schedulers:DatabaseScheduler"
    return {
        "web": [sys.executable, "-m", "granian", *web.split(), "config.wsgi:application"],
        "worker": [*celery, *worker.split(), "--without-gossip", "--without-mingle", "--loglevel=INFO"],
        "beat": [*celery, *beat.split(), "--loglevel=INFO"],
        "stream": [sys.executable, "-m", "granian", *stream.split(), "config.asgi:application"],
    }


def _require_alive(layout: Layout) -> None:
    for name, text in PROCESSES.items():
        if load(layout, name) is None:
            log = layout.log / f"{name}.log"
            raise LaunchError(f"{text[0].upper()}{text[1:]} has ended (all of it: {log}).", last_lines(log))


def _health(options: Options, port: int, path: str) -> tuple[bool, str]:
    connection = http.client.HTTPConnection(options.local_host, port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        answer = connection.getresponse()
        body = answer.read(300).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return False, str(error) or type(error).__name__
    finally:
        connection.close()
    return answer.status == 200, f"GET {path} answers {answer.status} {body}"


def _succeeds(layout: Layout, command: list[str], env: Mapping[str, str]) -> bool:
    _require_alive(layout)
    return _run(command, env).returncode == 0


def _output(command: list[str], env: Mapping[str, str]) -> str:
    done = _run(command, env)
    if done.returncode:
        lines = (done.stdout + done.stderr).splitlines()[-20:]
        raise LaunchError(f"`{' '.join(command[1:])}` failed.", lines)
    return done.stdout.strip()


def _run(command: list[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - made above
        command,
        env=dict(env),
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _summary_file(layout: Layout) -> Path:
    return layout.run / "summary.txt"


def _already_running(layout: Layout, *, complete: bool) -> str:
    if not complete:
        return "A start is going on already; `make status` shows how far it is, `make stop` ends it."
    summary = _summary_file(layout)
    shown = f"\n\n{summary.read_text()}\n" if summary.exists() else ""
    return f"It is running already (`make status`, `make stop`).{shown}"


def _follow(layout: Layout) -> None:
    """Show what the processes log until one of them ends or somebody interrupts."""
    files = {name: (layout.log / f"{name}.log").open(errors="replace") for name in PROCESSES}
    with contextlib.ExitStack() as stack:
        for file in files.values():
            stack.enter_context(file).seek(0, os.SEEK_END)
        while True:
            for name, file in files.items():
                for line in file:
                    sys.stdout.write(f"{name:<6} | {line if line.endswith(chr(10)) else line + chr(10)}")
            sys.stdout.flush()
            _require_alive(layout)
            time.sleep(0.3)


@contextlib.contextmanager
def _interruptible(layout: Layout) -> Iterator[None]:
    """Let ``make stop`` and a closed terminal interrupt this process as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    me = recognise(LAUNCHER, os.getpid())
    if me is not None:
        save(layout, me)
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        forget(layout, LAUNCHER)
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
