"""What a person sees when an address, a port or a number is wrong: one line, never a password."""

import http.server
import os
import socket
import subprocess
import sys
import threading

import pytest

from config.local import demo, environment, servers
from config.local.environment import Options
from config.local.errors import LaunchError
from config.local.layout import REPOSITORY
from config.local.ports import free_port, is_free, port_again, require_free

FORM = "DATABASE_URL must look like postgresql://user:password@host:5432/name."


@pytest.fixture
def listener():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_in_use_is_told_with_its_holder(listener):
    with pytest.raises(LaunchError, match=rf"Port {listener} is in use by \S+ \(process {os.getpid()}\)"):
        require_free("127.0.0.1", listener)
    assert not is_free(listener)


def test_an_address_that_is_not_ours_is_told():
    with pytest.raises(LaunchError, match=r"HOST=192\.0\.2\.1 is no address of this machine"):
        require_free("192.0.2.1", free_port())


def test_a_port_that_is_given_back_late_is_taken_again():
    with socket.create_server(("127.0.0.1", free_port())) as late:
        port = late.getsockname()[1]
        threading.Timer(0.2, late.close).start()
        assert port_again(port) == port


def test_a_port_that_somebody_keeps_is_left_to_him(listener):
    assert is_free(port_again(listener))


def test_a_free_port_is_free():
    require_free("127.0.0.1", free_port())


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("mysql://me:s3cr%40t@localhost/x", FORM),
        ("postgresql://me:s3cr%40t@localhost:99999/x", FORM),
        ("postgresql://me:s3cr%40t@localhost", FORM),
        ("postgresql://me:s3cr%40t@[localhost/x", FORM),
        ("s3cr@t", FORM),
        (
            "postgresql://me:s3cr%40t@127.0.0.1:1/x",
            "DATABASE_URL postgresql://me:***@127.0.0.1:1/x does not work: Connection refused.",
        ),
    ],
)
def test_a_broken_database_url_is_one_line_without_the_password(url, line):
    with pytest.raises(LaunchError) as refusal:
        servers.check_database(url)
    assert str(refusal.value) == line


def test_a_password_given_as_a_parameter_is_hidden_too():
    with pytest.raises(LaunchError) as refusal:
        servers.check_database("postgresql://me@127.0.0.1:1/x?password=s3cret&nonsense=s3cret")
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize(
    "url", ["redis://:s3cret@127.0.0.1:1/0", "redis://:s3cret@127.0.0.1:1/x", "http://s3cret"]
)
def test_a_broken_redis_url_is_one_line_without_the_password(url):
    with pytest.raises(LaunchError, match="^REDIS_URL") as refusal:
        servers.check_redis(url)
    assert "s3cret" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_the_command_ends_with_that_line_and_code_1_before_anything_is_started(tmp_path):
    env = {**os.environ, "PORT": str(free_port()), "STREAM_PORT": str(free_port())}
    env["DATABASE_URL"] = "postgresql://me:s3cret@127.0.0.1:1/x"
    command = [sys.executable, "-m", "config.local", "--var", str(tmp_path / "var"), "demo"]
    done = subprocess.run(command, cwd=REPOSITORY, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: DATABASE_URL postgresql://me:***@127.0.0.1:1/x does not work: Connection refused."
    ]
    assert "s3cret" not in done.stdout
    assert not (tmp_path / "var" / "pg").exists()


def test_a_port_in_use_ends_the_demo_before_anything_is_started(tmp_path, listener):
    env = {**os.environ, "PORT": str(listener), "HOST": "127.0.0.1"}
    command = [sys.executable, "-m", "config.local", "--var", str(tmp_path / "var"), "demo"]
    done = subprocess.run(command, cwd=REPOSITORY, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"error: Port {listener} is in use by ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("value", ["abc", "0", "70000", "-1"])
def test_a_port_that_is_no_port_is_one_line(monkeypatch, value):
    monkeypatch.setenv("PORT", value)
    with pytest.raises(LaunchError, match="PORT must be a whole number from 1 to 65535"):
        environment.options()


def test_redis_may_be_given_in_parts(monkeypatch):
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("REDIS_HOST", "cache.example.com")
    monkeypatch.setenv("REDIS_PORT", "6380")
    assert environment.given(file=False)["REDIS_URL"] == "redis://cache.example.com:6380/0"


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False)])
def test_health_is_what_the_web_server_answers(status, ready):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == "/health/ready" else 404)
            self.end_headers()
            self.wfile.write(b"why")

        def log_message(self, *args):
            """Keep the test's output clean."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        options = Options(host="0.0.0.0", port=server.server_port, workers=1, detach=True)  # noqa: S104 - only shown
        asked = demo._health(options, options.port, "/health/ready")
        assert asked == (ready, f"GET /health/ready answers {status} why")
        server.shutdown()
    assert demo._health(options, options.port, "/health/ready")[0] is False
