"""The two servers behind the platform: the given ones, checked, or private ones, started."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

import psycopg
import redis as redis_client

from config.local import postgres, redis
from config.local.errors import LaunchError
from config.local.layout import Layout

_FORMS = {
    "DATABASE_URL": ({"postgres", "postgresql"}, "postgresql://user:password@host:5432/name"),
    "REDIS_URL": ({"redis", "rediss", "unix"}, "redis://:password@host:6379/0"),
}


def database_url(
    layout: Layout, given: str | None, *, throw_away: bool = False, apart: bool = False
) -> tuple[str, str]:
    """The address of a PostgreSQL that answers, and a note for people where it is.

    ``apart``: for those who make databases of their own on it.
    """
    if given is None:
        server = postgres.ensure(layout, throw_away=throw_away)
        return server.url, f"private, port {server.port}"
    check_database(given, creates_databases=apart)
    return given, masked("DATABASE_URL", given)


def redis_url(layout: Layout, given: str | None) -> tuple[str, str]:
    """The address of a Redis that answers, and a note for people where it is."""
    if given is None:
        server = redis.ensure(layout)
        return server.url, f"private, port {server.port}"
    check_redis(given)
    return given, masked("REDIS_URL", given)


def check_database(url: str, *, creates_databases: bool = False) -> None:
    """Raise LaunchError, in one line without the password, when the database cannot be used."""
    shown = masked("DATABASE_URL", url)
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            query = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            allowed = connection.execute(query).fetchone()
    except psycopg.Error as error:
        raise LaunchError(f"DATABASE_URL {shown} does not work: {_reason(error, url)}.") from None
    if creates_databases and not (allowed and allowed[0]):
        raise LaunchError(
            f"DATABASE_URL {shown}: tests and benchmarks make databases of their own, and this role may not "
            "(CREATEDB)."
        )


def check_redis(url: str) -> None:
    """Raise LaunchError, in one line without the password, when Redis cannot be used."""
    shown = masked("REDIS_URL", url)
    try:
        with redis_client.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5) as client:
            client.ping()
    except (redis_client.RedisError, ValueError) as error:
        raise LaunchError(f"REDIS_URL {shown} does not work: {_reason(error, url)}.") from None


def masked(name: str, url: str) -> str:
    """An address as it may be shown: without its password."""
    schemes, form = _FORMS[name]
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise LaunchError(f"{name} must look like {form}.") from None
    if parts.scheme not in schemes or (name == "DATABASE_URL" and not parts.path.strip("/")):
        raise LaunchError(f"{name} must look like {form}.")
    user = f"{parts.username or ''}{':***' if parts.password else ''}@" if "@" in parts.netloc else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return f"{parts.scheme}://{user}{host}{port}{parts.path}"


def _reason(error: Exception, url: str) -> str:
    """What went wrong, in a few words of the driver's, never with the password."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    line = next((line for line in lines if "FATAL" in line), lines[0])
    reason = re.split(r"FATAL:\s*|failed: ", line)[-1].rstrip(".")
    password = urlsplit(url).password or ""
    for secret in {password, unquote(password), *re.findall(r"password=([^&\s]+)", url)} - {""}:
        reason = reason.replace(secret, "***")
    return reason
