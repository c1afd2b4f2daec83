"""Ports: a free one, whether one is free, and who holds it."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
from pathlib import Path

from config.local.errors import LaunchError
from config.local.processes import wait_until

LOOPBACK = "127.0.0.1"
_LISTEN = "0A"
# Below those that Linux gives to outgoing connections: one of them could have taken a server's port when the
# server, which remembers it, starts again.
_SERVERS = range(20_000, 32_768)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    tries = (secrets.choice(_SERVERS) for _ in range(100))
    for port in tries:
        if is_free(port):
            return port
    raise LaunchError(f"No port between {_SERVERS.start} and {_SERVERS.stop - 1} is free.")


def port_again(port: int) -> int:
    """A server's port of before, or another where somebody else has it by now.

    A process of several threads counts as ended some milliseconds before its sockets are closed.
    """
    return port if wait_until(lambda: is_free(port), 2) else free_port()


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen there now."""
    try:
        _bind(host, port)
    except OSError:
        return False
    return True


def require_free(host: str, port: int) -> None:
    """Raise LaunchError with one line when a server could not listen there, naming who holds the port."""
    try:
        _bind(host, port)
    except socket.gaierror:
        raise LaunchError(f"HOST={host} is no address of this machine.") from None
    except PermissionError:
        raise LaunchError(f"Port {port} needs root: choose one above 1023, for example PORT=8000.") from None
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise LaunchError(f"HOST={host} is no address of this machine.") from None
        if error.errno != errno.EADDRINUSE:
            raise LaunchError(f"Cannot listen on {host}:{port}: {error.strerror}.") from None
        who = holder(port)
        advice = f"choose another, for example PORT={port + 1 if port < 65535 else port - 1}"
        raise LaunchError(f"Port {port} is in use{f' by {who}' if who else ''}: {advice}.") from None


def holder(port: int) -> str | None:
    """Who listens on a port, in words, as far as this user may see."""
    sockets = _listening_sockets(port)
    for directory in Path("/proc").glob("[0-9]*") if sockets else ():
        with contextlib.suppress(OSError):
            if any(os.readlink(fd) in sockets for fd in (directory / "fd").iterdir()):
                return f"{(directory / 'comm').read_text().strip()} (process {directory.name})"
    return None


def _bind(host: str, port: int) -> None:
    family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, proto) as probe:
        # As servers do: connections that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        # Two sockets may share a bound address; only one may listen on it.
        probe.listen(1)


def _listening_sockets(port: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{fields[9]}]")
    return found
