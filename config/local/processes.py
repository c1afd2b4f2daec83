"""Starting, knowing and ending processes.

A process is known by its pid *and* the moment it started, so that a pid that the system has given to
somebody else is never signalled. What the demo starts also carries a mark in its environment: children
whose parent was killed (a Celery pool, web workers) are found by it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from config.local.errors import LaunchError
from config.local.layout import Layout, write_private

MARK = "DEFAULT_RISK_RUN"
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Record:
    """A process that this launcher started: enough to recognise it later."""

    name: str
    pid: int
    ticks: int
    boot: str

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return self.boot == _boot() and _ticks(self.pid) == self.ticks

    @property
    def seconds(self) -> float:
        """For how long it has been running."""
        uptime = float(Path("/proc/uptime").read_text().split()[0])
        return max(0.0, uptime - self.ticks / os.sysconf("SC_CLK_TCK"))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has gone."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def recognise(name: str, pid: int) -> Record | None:
    """The record of a running process, None when there is none of that number."""
    ticks = _ticks(pid)
    return None if ticks is None else Record(name, pid, ticks, _boot())


def save(layout: Layout, record: Record) -> None:
    """Remember a process under ``var/run``."""
    write_private(layout.run / f"{record.name}.json", json.dumps(asdict(record)))


def load(layout: Layout, name: str) -> Record | None:
    """The remembered process of that name if it still runs; a stale memory is removed."""
    path = layout.run / f"{name}.json"
    try:
        record = Record(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        path.unlink(missing_ok=True)
        return None
    if record.alive:
        return record
    path.unlink(missing_ok=True)
    return None


def forget(layout: Layout, name: str) -> None:
    """Remove the memory of a process."""
    (layout.run / f"{name}.json").unlink(missing_ok=True)


def spawn(
    layout: Layout, name: str, command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path
) -> Record:
    """Start a process that outlives this one, its output in ``var/log/NAME.log`` (the old one in .1)."""
    log = layout.log / f"{name}.log"
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output:
        child = subprocess.Popen(  # noqa: S603 - commands are made in this package
            [os.fspath(part) for part in command],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal is the launcher's business
        )
    _children[child.pid] = child
    record = recognise(name, child.pid)
    if record is None:
        raise LaunchError(f"The {name} ended at once.", log.read_text().splitlines()[-20:])
    save(layout, record)
    return record


def run_logged(
    command: Sequence[str | Path],
    log: Path,
    *,
    env: Mapping[str, str],
    cwd: Path,
    on_line: Callable[[str], None] = lambda line: None,
) -> None:
    """Run a command to its end, its output in a file; raises LaunchError with its last 20 lines."""
    tail: deque[str] = deque(maxlen=20)
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as copy:
        child = subprocess.Popen(  # noqa: S603 - commands are made in this package
            [os.fspath(part) for part in command],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            for line in child.stdout or ():
                copy.write(line)
                tail.append(line.rstrip())
                on_line(line.strip())
            code = child.wait()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            raise
    if code:
        shown = " ".join(Path(part).name if i == 0 else str(part) for i, part in enumerate(command))
        raise LaunchError(f"`{shown}` failed with code {code} (all of it: {log}).", tail)


def end(records: Iterable[Record], *, grace: float, first: signal.Signals = signal.SIGTERM) -> None:
    """Ask processes to end, all at once; kill those that have not after ``grace`` seconds."""
    waiting = [record for record in records if record.alive]
    for record in waiting:
        record.signal(first)
    if wait_until(lambda: not any(record.alive for record in waiting), grace):
        return
    for record in waiting:
        record.signal(signal.SIGKILL)
    wait_until(lambda: not any(record.alive for record in waiting), 5)


def strays(mark: str) -> list[Record]:
    """Every running process whose environment carries the mark, whoever its parent is."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (directory / "environ").read_bytes().split(b"\0"):
                record = recognise("stray", int(directory.name))
                if record is not None and record.pid != os.getpid():
                    found.append(record)
    return found


def wait_until(condition: Callable[[], bool], seconds: float, *, pause: float = 0.05) -> bool:
    """Whether the condition came true within that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
    return True


def _ticks(pid: int) -> int | None:
    """Clock ticks after boot at which a process started; None when it has gone or is a zombie."""
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]
    try:
        # The name in parentheses may hold anything, so count from its end.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else int(fields[19])


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
