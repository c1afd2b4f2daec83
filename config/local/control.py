"""What runs under one ``var`` folder, and its end."""

from __future__ import annotations

import signal

from config.local import postgres, redis, suite
from config.local.errors import LaunchError
from config.local.layout import Layout, locked
from config.local.processes import Record, end, forget, load, strays, wait_until

PROCESSES = {
    "web": "web server",
    "stream": "stream server",
    "worker": "Celery worker",
    "beat": "Celery beat",
}
LAUNCHER = "launcher"
DEMO_LOCK = "demo.lock"


def running(layout: Layout) -> list[str]:
    """What of the demo runs, in words."""
    found = [text for name, text in PROCESSES.items() if load(layout, name)]
    found += ["Redis"] if redis.running(layout) else []
    return found + (["PostgreSQL"] if postgres.running(layout) else [])


def status(layout: Layout) -> list[str]:
    """A line for each part: whether it runs, as which process, since when."""
    parts: list[tuple[str, Record | None]] = [(text, load(layout, name)) for name, text in PROCESSES.items()]
    parts += [("Redis", redis.running(layout)), ("PostgreSQL", postgres.running(layout))]
    for whose, apart in layout.apart.items():
        parts += [(f"Redis of the {whose}", redis.running(apart))]
        parts += [(f"PostgreSQL of the {whose}", postgres.running(apart))]
    return [
        f"{text:<29} " + (f"process {record.pid}, for {record.seconds:,.0f} s" if record else "not running")
        for text, record in parts
    ]


def stop(layout: Layout) -> list[str]:
    """End everything that was started under this folder; lines that say what that was."""
    if not layout.var.exists():
        return ["Nothing was running."]
    before = running(layout)
    launcher = load(layout, LAUNCHER)
    if launcher is not None:
        # It knows what it has begun and takes that down itself.
        launcher.signal(signal.SIGTERM)
        wait_until(lambda: not launcher.alive, 90)
    with locked(layout.run / DEMO_LOCK, wait=90) as mine:
        if not mine:
            raise LaunchError("Another start is going on and does not end: try again.")
        late = stop_processes(layout) + stop_servers(layout)
    tests, in_use = suite.stop_servers(layout)
    stopped = list(dict.fromkeys([*before, *late, *tests]))
    lines = [f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running."]
    if in_use:
        lines.append("A test run or a benchmark is going on: its servers end with it.")
    return lines


def stop_processes(layout: Layout) -> list[str]:
    """End web server, worker and beat with all their children; what was ended, in words."""
    records = {name: record for name in PROCESSES if (record := load(layout, name))}
    end(records.values(), grace=20)
    for name in PROCESSES:
        forget(layout, name)
    names = [PROCESSES[name] for name in records]
    orphans = strays(mark(layout))
    if orphans:
        end(orphans, grace=5)
        names.append(f"{len(orphans)} orphaned process{'es' if len(orphans) > 1 else ''}")
    return names


def stop_servers(layout: Layout) -> list[str]:
    """End the private servers; what was ended, in words."""
    return [name for name, module in (("Redis", redis), ("PostgreSQL", postgres)) if module.stop(layout)]


def mark(layout: Layout) -> str:
    """What the environment of every process of this folder's demo carries."""
    return str(layout.var.resolve())
