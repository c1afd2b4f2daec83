"""``make client``: the API description as TypeScript types, and the example compiled with them."""

from __future__ import annotations

import shutil
import subprocess
import sys

from config.local import environment
from config.local.errors import LaunchError
from config.local.layout import REPOSITORY

FOLDER = REPOSITORY / "clients" / "typescript"
# Describing the API reads the code alone: no server is asked.
_NOWHERE = {
    "DATABASE_URL": "postgresql://nobody@localhost/none",
    "REDIS_URL": "redis://localhost/0",
    "SECRET_KEY": "types",
}


def build() -> int:
    """Write the types and compile; 0 when the example fits them."""
    npm = shutil.which("npm")
    if npm is None:
        raise LaunchError("There is no npm: install Node.js 20 or newer.")
    describe = ["manage.py", "spectacular", "--format", "openapi-json", "--urlconf", "config.urls_public"]
    target = FOLDER / "openapi.json"
    _run([sys.executable, *describe, "--file", str(target)], env=environment.for_children(_NOWHERE))
    for step in (
        ["ci", "--no-audit", "--no-fund"],
        ["run", "--silent", "types"],
        ["run", "--silent", "build"],
    ):
        _run([npm, *step], folder=True)
    sys.stdout.write(f"Types: {FOLDER / 'src' / 'schema.d.ts'}. Example: {FOLDER / 'dist' / 'example.js'}.\n")
    return 0


def _run(command: list[str], *, env: dict[str, str] | None = None, folder: bool = False) -> None:
    place = FOLDER if folder else REPOSITORY
    done = subprocess.run(command, cwd=place, env=env, check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        lines = (done.stdout + done.stderr).splitlines()[-20:]
        raise LaunchError(f"{command[0]} failed (code {done.returncode}).", lines)
