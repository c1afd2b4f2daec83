"""What the launcher reads from the environment, and what it hands to the processes it starts."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.local.errors import LaunchError
from config.local.layout import REPOSITORY, Layout, write_private

_GIVEN = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PUBLIC_APP_URL")


@dataclass(frozen=True)
class Options:
    """How the demo is to run."""

    host: str
    port: int
    workers: int
    detach: bool
    stream: int = 0

    @property
    def stream_port(self) -> int:
        """Where live progress is streamed: STREAM_PORT, else the port after the web server's."""
        return self.stream or self.port + 1

    @property
    def local_host(self) -> str:
        """Where this machine itself reaches the web server."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - recognised, not bound


def options() -> Options:
    """HOST, PORT, WORKERS and DETACH of the process environment, then of ``.env``."""
    values = {**_read(REPOSITORY / ".env"), **os.environ}
    stream = values.get("STREAM_PORT") or "0"
    return Options(
        host=values.get("HOST") or "127.0.0.1",
        port=_number("PORT", values.get("PORT") or "8000", 65535),
        stream=_number("STREAM_PORT", stream, 65535) if stream != "0" else 0,
        workers=_number("WORKERS", values.get("WORKERS") or "2", 64),
        detach=(values.get("DETACH") or "0").lower() not in {"0", "no", "false", "off"},
    )


def given(*, file: bool) -> dict[str, str]:
    """Addresses and secrets that somebody has set, in the environment or (``file``) in ``.env``."""
    values = {**(_read(REPOSITORY / ".env") if file else {}), **os.environ}
    found = {name: values[name] for name in _GIVEN if values.get(name)}
    host, port, number = (values.get(f"REDIS_{part}") for part in ("HOST", "PORT", "DB"))
    if host and "REDIS_URL" not in found:
        found["REDIS_URL"] = f"redis://{host}:{port or 6379}/{number or 0}"
    return found


def kept_key(path: Path) -> str:
    """The SECRET_KEY kept in a file under ``var``, or a new one for it."""
    return _read(path).get("SECRET_KEY") or secrets.token_urlsafe(50)


def write_local_env(layout: Layout, values: Mapping[str, str]) -> None:
    """Leave the addresses where ``config.env`` finds them, for ``manage.py`` typed by hand."""
    note = "# Written by `make demo` for its private servers. Settings of yours belong into .env.\n"
    write_private(layout.local_env, note + "".join(f"{name}={value}\n" for name, value in values.items()))


def for_children(values: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a child process: ours, the values, and the virtual environment's programs."""
    programs = str(Path(sys.executable).parent)
    path = os.environ.get("PATH", os.defpath)
    return {**os.environ, "PYTHONUNBUFFERED": "1", "PATH": f"{programs}{os.pathsep}{path}", **values}


def _number(name: str, text: str, largest: int) -> int:
    if not text.isdecimal() or not 0 < int(text) <= largest:
        raise LaunchError(f"{name} must be a whole number from 1 to {largest}, not {text!r}.")
    return int(text)


def _read(path: Path) -> dict[str, str]:
    # Not at the top: config.env reads the files under var/ as it is imported, and when they belong to
    # somebody else, that failure must reach the one place that explains it.
    from config.env import read_env_file

    return read_env_file(path)
