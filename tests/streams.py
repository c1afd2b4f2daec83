"""The real process of live progress on the tests' database, and somebody who reads a stream."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from config.env import ROOT
from tests.worker import environment, wait_until


class StreamServer:
    """One process, as `make demo` starts it."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.log = Path(settings.MEDIA_ROOT).parent / "stream.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        command = [
            *(sys.executable, "-m", "granian", "--interface", "asgi", "config.asgi:application"),
            *("--host", "127.0.0.1", "--port", str(self.port), "--workers", "1", "--no-ws"),
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=environment(), cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(timeout=30)

    def ask(self, path: str, host: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
        """An answer whose body has not been read."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers={"Host": host, **named})
        line = connection.sock
        answer = connection.getresponse()
        answer.line = line  # type: ignore[attr-defined]
        return answer

    def answers(self) -> bool:
        try:
            return self.ask("/health/live", "localhost").status == 200
        except OSError:
            return False

    def follow(self, path: str, host: str, **headers: str) -> Follower:
        """A stream that is read in the background."""
        return Follower(self.ask(path, host, **headers))


@dataclass
class Follower:
    """What has come over a stream so far."""

    answer: http.client.HTTPResponse
    events: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """Kind, id and data."""
    beats: int = 0
    over: bool = False

    def __post_init__(self) -> None:
        assert self.answer.status == 200, self.answer.read()
        assert self.answer.headers["Content-Type"].startswith("text/event-stream")
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        kind = event_id = ""
        try:
            for raw in self.answer:
                name, _, value = raw.decode().rstrip("\n").partition(":")
                value = value.removeprefix(" ")
                if name == "event":
                    kind = value
                elif name == "id":
                    event_id = value
                elif name == "data":
                    self.events.append((kind, event_id, json.loads(value)))
                elif not name and value == "beat":
                    self.beats += 1
        except (OSError, http.client.HTTPException):
            pass
        self.over = True

    def jobs(self) -> list[dict[str, Any]]:
        return [data for kind, _, data in self.events if kind == "job"]

    def end(self) -> str | None:
        """Why it was closed."""
        return next((data["why"] for kind, _, data in self.events if kind == "end"), None)

    def close(self) -> None:
        """Go away, as a closed tab does."""
        hang_up(self.answer)


def hang_up(answer: http.client.HTTPResponse) -> None:
    """End the connection of an answer that nobody reads to its end."""
    with contextlib.suppress(OSError):
        answer.line.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def streams(world, django_db_blocker) -> Iterator[StreamServer]:
    with django_db_blocker.unblock():
        server = StreamServer()
    wait_until(server.answers, f"the stream process; see {server.log}")
    yield server
    server.stop()
