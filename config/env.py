"""The only reader of the environment.

Order: the process environment, then ``.env`` beside ``manage.py``, then ``var/local.env`` (written by
the local launcher for its private PostgreSQL and Redis). In production only the process environment
and ``.env`` count, so that a forgotten local file can never redirect a real server. Each variable may be
given as ``NAME_FILE`` instead: the path of a file that holds the value.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parent.parent
TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def read_env_file(path: Path) -> dict[str, str]:
    """``KEY=value`` lines of a file; blank lines, comments and ``export`` are allowed."""
    values: dict[str, str] = {}
    if not path.is_file():
        return values
    for line in path.read_text().splitlines():
        line = line.strip().removeprefix("export ")
        if not line or line.startswith("#") or "=" not in line:
            continue
        key, _, value = line.partition("=")
        values[key.strip()] = value.strip().strip("'\"")
    return values


_files = read_env_file(ROOT / ".env")
ENVIRONMENT = os.environ.get("ENVIRONMENT") or _files.get("ENVIRONMENT") or "development"
if ENVIRONMENT != "production":
    _files = {**read_env_file(ROOT / "var" / "local.env"), **_files}


def settings_module() -> str:
    """The settings that fit the environment: nobody runs production with the settings of the demo."""
    return f"config.settings.{'production' if ENVIRONMENT == 'production' else 'base'}"


def _from_file(name: str) -> str | None:
    """What the file holds whose path ``NAME_FILE`` gives, as secret stores mount it; None without one."""
    path = os.environ.get(name, _files.get(name))
    if not path:
        return None
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError):
        # Neither the path nor a piece of the content: the line goes into logs.
        raise ImproperlyConfigured(f"The file that {name} names cannot be read.") from None


def test_process() -> int:
    """Number of the test process that this is, from 0, where the tests run in several; else -1."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw-1").removeprefix("gw"))


def text(name: str, default: str | None = None, *aliases: str) -> str:
    """A variable as text; without a default a missing one stops the process with one clear line."""
    for key in (name, *aliases):
        value = os.environ.get(key, _files.get(key)) or _from_file(f"{key}_FILE")
        if value:
            return str(value)
    if default is None:
        raise ImproperlyConfigured(f"Set {name} in the environment or in .env (see .env.example).")
    return default


def provide(name: str, value: str) -> None:
    """Set a variable that a library reads, unless the environment has it."""
    os.environ.setdefault(name, value)


def number(name: str, default: int, *aliases: str) -> int:
    """A variable as a whole number."""
    value = text(name, str(default), *aliases)
    try:
        return int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None


def flag(name: str, *, default: bool) -> bool:
    """A variable as yes or no."""
    value = text(name, "true" if default else "false").lower()
    if value not in TRUE | FALSE:
        raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")
    return value in TRUE


def listing(name: str, default: str = "", *aliases: str) -> list[str]:
    """A variable as a list separated by commas."""
    return [part.strip() for part in text(name, default, *aliases).split(",") if part.strip()]


def beginning_with(prefix: str) -> dict[str, str]:
    """Variables whose names begin so, by the rest of the name."""
    found = {**_files, **os.environ}
    return {name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)}


def database(name: str = "DATABASE_URL") -> dict[str, object]:
    """Django's database dictionary from a ``postgresql://`` address.

    Raises ImproperlyConfigured without repeating the address, which may hold a password.
    """
    url = text(name)
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
        parts = parts._replace(scheme="")
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise ImproperlyConfigured(f"{name} must look like postgresql://user:password@host:5432/name.")
    query = dict(parse_qsl(parts.query))
    return {
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", None) or unquote(parts.hostname or ""),
        "PORT": str(query.pop("port", None) or port or ""),
        "OPTIONS": query,
    }


def redis_url(database_number: int) -> str:
    """The address of one Redis database: 0 broker, 1 cache.

    ``REDIS_URL`` names the server (a database number in it is the first of the two);
    ``REDIS_HOST``, ``REDIS_PORT`` and ``REDIS_DB`` are accepted instead.
    """
    url = text("REDIS_URL", "")
    if not url:
        host = text("REDIS_HOST", "")
        if not host:
            raise ImproperlyConfigured("Set REDIS_URL (or REDIS_HOST) in the environment or in .env.")
        url = f"redis://{host}:{number('REDIS_PORT', 6379)}/{number('REDIS_DB', 0)}"
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ImproperlyConfigured("REDIS_URL must look like redis://:password@host:6379/0.")
    first = int(parts.path.strip("/") or 0)
    return parts._replace(path=f"/{first + database_number}").geturl()
