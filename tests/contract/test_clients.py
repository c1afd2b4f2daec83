"""The clients for everybody else: TypeScript types from the description, and an example in two languages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from config.env import ROOT
from tests.contract import bodies
from tests.contract.application import PASSWORD
from tests.contract.conftest import Stage

pytestmark = [pytest.mark.contract, pytest.mark.worker]
TYPESCRIPT = ROOT / "clients" / "typescript"
NODE = shutil.which("node") and shutil.which("npm")


@pytest.fixture
def portfolio(stage: Stage, tmp_path: Path) -> Path:
    """A file with two good rows and a faulty one."""
    table = bodies.rows("annual", [stage.symbol() for _ in range(3)])
    table[3][5] = "many"
    target = tmp_path / "portfolio.csv"
    target.write_bytes(bodies.csv(table))
    return target


def run(command: list[str], place: Path, **added: str) -> str:
    done = subprocess.run(
        command, cwd=place, env={**os.environ, **added}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def told(stage: Stage) -> dict[str, str]:
    api = stage.base.removesuffix("/api/v1")
    return {"API": api, "EMAIL": stage.emails["org_member"], "PASSWORD": PASSWORD}


def holds(text: str) -> None:
    found = json.loads(text.splitlines()[-1])
    assert (found["state"], found["scored"], found["refused"]) == ("completed", 2, 1)
    assert len(found["worst"]) == 2
    assert all(0 < probability < 1 for _, probability, _ in found["worst"])


def test_the_python_example_runs(worker, stage: Stage, portfolio: Path):
    example = str(ROOT / "clients" / "python" / "example.py")
    holds(run([sys.executable, example, str(portfolio)], ROOT, **told(stage)))


@pytest.fixture
def typescript(stage: Stage, tmp_path: Path) -> Path:
    """A copy of the client with its packages from the lock file and types from the running server."""
    if not NODE:
        pytest.skip("no node and npm on this machine (apt-get install nodejs npm)")
    place = tmp_path / "typescript"
    shutil.copytree(TYPESCRIPT, place, ignore=shutil.ignore_patterns("node_modules", "dist"))
    installed = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--prefer-offline"],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if installed.returncode and "ENOTFOUND" in installed.stderr + installed.stdout:
        pytest.skip("the npm registry cannot be reached from this machine")
    assert installed.returncode == 0, installed.stderr[-3000:]
    wanted = {"Accept": "application/vnd.oai.openapi+json"}
    described = httpx.get(stage.base.replace("/api/v1", "/api/schema"), headers=wanted, timeout=120)
    (place / "openapi.json").write_text(described.text)
    return place


def test_the_typescript_example_compiles_strictly_and_runs(worker, stage, typescript: Path, portfolio: Path):
    run(["npm", "run", "--silent", "types"], typescript)
    assert "export interface paths" in (typescript / "src" / "schema.d.ts").read_text()
    run(["npm", "run", "--silent", "build"], typescript)
    holds(run(["node", "dist/example.js", str(portfolio)], typescript, **told(stage)))


def test_the_types_are_strict(typescript: Path):
    """What the description does not know does not compile."""
    run(["npm", "run", "--silent", "types"], typescript)
    wrong = typescript / "src" / "example.ts"
    wrong.write_text(wrong.read_text().replace("job.successful_rows", "job.lucky_rows"))
    done = subprocess.run(
        ["npm", "run", "--silent", "build"], cwd=typescript, capture_output=True, text=True, timeout=300
    )
    assert done.returncode != 0
    assert "lucky_rows" in done.stdout
