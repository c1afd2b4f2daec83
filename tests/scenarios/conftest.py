"""A real web server on the tests' database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web import WebServer
from tests.worker import wait_until


@pytest.fixture(scope="session")
def server(world, django_db_blocker) -> Iterator[WebServer]:
    with django_db_blocker.unblock():
        server = WebServer()
    wait_until(server.answers, "the web server")
    yield server
    server.stop()
