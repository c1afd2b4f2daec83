"""Made-up requests as each role find no fault of ours and no answer that is not described."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from config.env import ROOT
from tests.fuzzing.asking import ROLES
from tests.worker import environment

# One example of everything as each role takes about half of it; what time allows beyond is for `make fuzz`.
SECONDS = 240


@pytest.mark.slow
def test_no_answer_is_outside_the_description(world, django_db_blocker, tmp_path: Path):
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    summary = tmp_path / "summary.json"
    command = [
        *(sys.executable, "-m", "tests.fuzzing", "--examples", "1", "--seconds", str(SECONDS)),
        *("--seed", "7", "--phases", "examples", "--summary", str(summary)),
    ]
    with django_db_blocker.unblock():
        env = environment()
    env.pop("PYTEST_XDIST_WORKER", None)
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    rows = json.loads(summary.read_text())
    assert [row["role"] for row in rows] == list(ROLES)
    assert all(row["operations"] > 100 and row["cases"] > 100 for row in rows), rows
