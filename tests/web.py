"""The web server as it runs in earnest, on the tests' database and a free port."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from config.env import ROOT
from tests.worker import environment


class WebServer:
    """So many processes of so many threads; what is given is added to its environment."""

    def __init__(self, *, workers: int = 1, threads: int = 2, **added: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.log = Path(settings.MEDIA_ROOT).parent / f"web-{self.port}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        command = [
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "config.wsgi:application"),
            *("--host", "127.0.0.1", "--port", str(self.port), "--workers", str(workers)),
            *("--blocking-threads", str(threads)),
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                env={**environment(), **added},
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(timeout=30)

    def answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/health/live")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def at(self, host: str, path: str = "/admin/") -> str:
        return f"http://{host}:{self.port}{path}"
