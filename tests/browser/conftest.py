"""A real web server on the tests' database, and a real browser that looks at it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from django.db import connections

from tests.streams import StreamServer
from tests.web import WebServer
from tests.worker import wait_until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDTH, HEIGHT = 1400, 900
RESOLVER = ", ".join(
    (
        *("MAP *.test 127.0.0.1", "MAP *.localhost 127.0.0.1", "MAP localhost 127.0.0.1"),
        *("MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1"),
    )
)
# Of our own pages; browsers take those of localhost for as secure as https.
OURS = re.compile(r"http://(?:[a-z0-9-]+\.test|(?:[a-z0-9-]+\.)?localhost):(\d+)/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CHROMIUM is not None:
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason="no Chromium on this machine (apt-get install chromium)"))


@pytest.fixture(scope="session")
def server(world, streams: StreamServer, django_db_blocker) -> Iterator[WebServer]:
    with django_db_blocker.unblock():
        server = WebServer(STREAM_PORT=str(streams.port))
    wait_until(server.answers, "the web server")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def chromium():
    # Playwright keeps an event loop in this thread; Django must not take our own queries for a coroutine's.
    patch = pytest.MonkeyPatch()
    patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    # Imported here: a machine without a browser may do without Playwright as well.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            # Every other host is unreachable: a page that wants something from elsewhere fails.
            args=["--no-sandbox", f"--host-resolver-rules={RESOLVER}"],
        )
        yield browser
        browser.close()
        # The loop's context has a database connection of its own.
        connections.close_all()
    patch.undo()


class Watched:
    """A page, and everything that went wrong on it or was asked of another host."""

    def __init__(self, page, port: int, streams: int) -> None:
        self.page, self.faults = page, []
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("console", lambda m: self._said(m) if m.type == "error" else None)
        # A download ends as an aborted page load.
        page.on("requestfailed", lambda r: self._failed(r) if "ERR_ABORTED" not in str(r.failure) else None)
        page.on("request", lambda r: self._local(r.url, port, streams))

    def _said(self, message) -> None:
        # Browsers ignore this header on plain http, and say so.
        if not message.text.startswith("The Cross-Origin-Opener-Policy header has been ignored"):
            self.faults.append(f"{message.text} ({message.location.get('url', '')})")

    def _failed(self, request) -> None:
        self.faults.append(f"failed: {request.url} {request.failure}")

    def _local(self, url: str, port: int, streams: int) -> None:
        ours = OURS.match(url)
        known = {port, streams} if "/stream/" in url else {port}
        if not url.startswith(("data:", "blob:")) and (ours is None or int(ours[1]) not in known):
            self.faults.append(f"from elsewhere: {url}")

    def sign_in(self, address: str, email: str, password: str) -> None:
        self.page.goto(address)
        self.page.fill("input[name=username]", email)
        self.page.fill("input[name=password]", password)
        self.page.click("button[type=submit]")
        self.page.wait_for_load_state("networkidle")


@pytest.fixture
def watched(chromium, server, streams) -> Iterator[Watched]:
    context = chromium.new_context(viewport={"width": WIDTH, "height": HEIGHT}, accept_downloads=True)
    yield Watched(context.new_page(), server.port, streams.port)
    context.close()
