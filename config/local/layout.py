"""Where run-time files live."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config.local.errors import LaunchError

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Layout:
    """The folders under one ``var`` directory; tests and benchmarks have whole layouts of their own."""

    var: Path

    @property
    def run(self) -> Path:
        return self.var / "run"

    @property
    def log(self) -> Path:
        return self.var / "log"

    @property
    def postgres(self) -> Path:
        return self.var / "pg"

    @property
    def redis(self) -> Path:
        return self.var / "redis"

    @property
    def local_env(self) -> Path:
        return self.var / "local.env"

    @property
    def test(self) -> Layout:
        return Layout(self.var / "test")

    @property
    def bench(self) -> Layout:
        return Layout(self.var / "bench")

    @property
    def apart(self) -> dict[str, Layout]:
        """Those with servers of their own, by whose they are."""
        return {"tests": self.test, "benchmarks": self.bench}

    def make(self) -> Layout:
        """The same layout with its folders made; what is in them is readable by their owner alone."""
        # Not 0700: PostgreSQL may run as another account (config.local.identity) and must pass through.
        self.var.mkdir(parents=True, exist_ok=True, mode=0o711)
        for folder in (self.run, self.log):
            folder.mkdir(exist_ok=True, mode=0o700)
        return self


DEFAULT = Layout(REPOSITORY / "var")


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner alone at every moment."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False, wait: float | None = None) -> Iterator[bool]:
    """Hold a file lock; yields False when another process kept it for ``wait`` seconds.

    Without ``wait`` it waits for ever. The lock goes with the process, however that ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        if wait is None:
            fcntl.flock(file, kind)
            yield True
            return
        deadline = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    yield False
                    return
                time.sleep(0.05)
            else:
                yield True
                return


def last_lines(path: Path, count: int = 20, *, start: int = 0) -> list[str]:
    """The last lines of a log file, beginning not before byte ``start``."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(start, size - 64 * 1024))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except FileNotFoundError:
        return []


def explain_permission(error: PermissionError) -> LaunchError:
    """A clear line for a file that somebody else, usually root, has made."""
    name = error.filename or "a file"
    owner = ""
    with contextlib.suppress(OSError, KeyError, TypeError):
        import pwd

        path = Path(os.fsdecode(name))
        while not path.exists():
            path = path.parent
        owner = f" ({path} belongs to {pwd.getpwuid(path.stat().st_uid).pw_name})"
    return LaunchError(f"No permission for {os.fsdecode(name)}{owner}: run as that user, or remove it.")
