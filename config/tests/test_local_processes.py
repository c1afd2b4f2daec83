"""Only what was started here is ever signalled, and all of it."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from config.local import control, processes
from config.local.errors import LaunchError
from config.local.layout import Layout, locked

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('up', flush=True); time.sleep(600)",
]
# A parent that starts a child in a session of its own: a pool whose master can be killed.
PARENT = [
    sys.executable,
    "-c",
    "import subprocess, sys, time\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
    "print('up', flush=True); time.sleep(600)",
]


@pytest.fixture
def layout(tmp_path):
    layout = Layout(tmp_path / "var").make()
    yield layout
    control.stop_processes(layout)


def spawn(layout, name, command):
    env = {**os.environ, processes.MARK: control.mark(layout)}
    record = processes.spawn(layout, name, command, env=env, cwd=layout.var)
    log = layout.log / f"{name}.log"
    assert processes.wait_until(lambda: "up" in log.read_text(), 10)
    return record


def test_a_stop_ends_what_was_started_and_says_so(layout):
    records = [spawn(layout, name, SLEEPER) for name in ("web", "worker")]
    assert control.running(layout) == ["web server", "Celery worker"]
    assert control.stop_processes(layout) == ["web server", "Celery worker"]
    assert not any(record.alive for record in records)
    assert control.stop_processes(layout) == []


def test_a_process_that_will_not_end_is_killed(layout):
    record = spawn(layout, "worker", STUBBORN)
    processes.end([record], grace=0.2)
    assert not record.alive


def test_children_whose_parent_was_killed_are_ended(layout):
    parent = spawn(layout, "worker", PARENT)
    assert len(processes.strays(control.mark(layout))) == 2
    os.kill(parent.pid, signal.SIGKILL)
    assert processes.wait_until(lambda: not parent.alive, 10)
    assert processes.load(layout, "worker") is None
    assert control.stop_processes(layout) == ["1 orphaned process"]
    assert processes.strays(control.mark(layout)) == []


def test_a_pid_that_now_belongs_to_somebody_else_is_never_signalled(layout):
    stranger = subprocess.Popen(SLEEPER, stdout=subprocess.DEVNULL)
    try:
        true = processes.recognise("web", stranger.pid)
        for remembered in (replace(true, ticks=true.ticks - 1), replace(true, boot="another boot")):
            processes.save(layout, remembered)
            assert control.stop_processes(layout) == []
            processes.end([remembered], grace=0.1)
            assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_broken_memory_counts_as_none(layout):
    (layout.run / "web.json").write_text("{")
    assert processes.load(layout, "web") is None


def test_a_failing_step_shows_its_last_twenty_lines(layout):
    code = "for i in range(50): print('line', i)\nraise SystemExit(3)"
    lines = []
    with pytest.raises(LaunchError, match="failed with code 3") as failure:
        processes.run_logged(
            [sys.executable, "-c", code],
            layout.log / "step.log",
            env=os.environ,
            cwd=layout.var,
            on_line=lines.append,
        )
    assert failure.value.output == [f"line {i}" for i in range(30, 50)]
    assert len(lines) == 50


def test_the_log_of_the_start_before_is_kept(layout):
    for _ in range(2):
        processes.end([spawn(layout, "beat", SLEEPER)], grace=10)
    assert (layout.log / "beat.log").exists()
    assert (layout.log / "beat.log.1").exists()


def test_a_stop_where_nothing_was_ever_started_says_so(tmp_path):
    assert control.stop(Layout(tmp_path / "never")) == ["Nothing was running."]


def test_the_status_tells_what_runs_and_what_does_not(layout):
    record = spawn(layout, "beat", SLEEPER)
    lines = control.status(layout)
    assert any(line.startswith("Celery beat ") and f"process {record.pid}," in line for line in lines)
    assert any(line.startswith("web server ") and "not running" in line for line in lines)


def test_a_lock_that_another_holds_is_not_waited_for_longer_than_asked(layout):
    path = layout.run / "some.lock"
    with locked(path) as first, locked(path, wait=0.1) as second:
        assert (first, second) == (True, False)
    with locked(path, shared=True) as first, locked(path, shared=True, wait=0) as second:
        assert (first, second) == (True, True)
