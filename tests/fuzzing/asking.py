"""One run of schemathesis as one role, and what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from tests.benchmarks.harness import FOLDER, say

# Another than the one of the examples, or what changes a password would succeed.
PASSWORD = "fuzzed-horse-27"
ROLES = ("user", "org_member", "org_admin", "tenant_admin", "super_admin")
HERE = Path(__file__).resolve().parent
# What ends the caller's own session or account: everything after it would be 401 and prove nothing.
ENDING = "|".join(
    (
        r"/auth/logout$",
        r"/auth/switch-organization$",
        r"/users/me/sessions",
        r"/users/me/data",
        r"/organizations/\{id\}/leave$",
        r"/tenants/\{id\}/enter$",
    )
)


def ask(server: Any, role: str, token: str, options: Any, *, share: int) -> dict[str, Any]:
    """Operations, cases and failures of a role; what failed is printed."""
    base = f"http://localhost:{server.port}"
    FOLDER.mkdir(parents=True, exist_ok=True)
    document, report = FOLDER / "openapi.json", FOLDER / f"fuzz-{role}.json"
    wanted = {"Accept": "application/vnd.oai.openapi+json"}
    document.write_text(httpx.get(f"{base}/api/schema", headers=wanted, timeout=120).text)
    # One worker: Python 3.11 compiles in two threads at once wrongly, and Hypothesis reads lambdas so.
    command = [
        *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
        *(
            "--config-file",
            str(HERE / "schemathesis.toml"),
            "run",
            str(document),
            "--url",
            base,
            "--checks",
            "all",
            "--phases",
            options.phases,
        ),
        *("--max-examples", str(options.examples), "--workers", "1", "--no-color", "--no-shrink"),
        *("--report", "json", "--report-json-path", str(report), "--exclude-path-regex", ENDING),
        *("--generation-database", "none", "--request-timeout", "30", "--continue-on-failure"),
        *("--warnings", "off", "--suppress-health-check", "all"),
    ]
    if options.seconds:
        command += ["--max-time", str(max(options.seconds // share, 1))]
    if options.seed is not None:
        command += ["--seed", str(options.seed)]
    if options.only:
        command += ["--include-path-regex", options.only]
    environment = {**os.environ, "FUZZ_TOKEN": token, "SCHEMATHESIS_HOOKS": "tests.fuzzing.hooks"}
    begun = time.monotonic()
    done = subprocess.run(command, env=environment, cwd=HERE.parents[1], capture_output=True, text=True)
    (FOLDER / f"fuzz-{role}.txt").write_text(done.stdout + done.stderr)
    found = {**figures(report), "role": role, "seconds": time.monotonic() - begun}
    if done.returncode not in {0, 1}:
        say(done.stdout[-3000:] + done.stderr[-3000:])
        found["failures"] = max(found["failures"], 1)
    elif found["failures"]:
        say(f"== {role}\n{done.stdout}")
    return found


def figures(report: Path) -> dict[str, Any]:
    """What the report counts; nothing where there is none."""
    found = json.loads(report.read_text()) if report.exists() else {}
    cases, operations = found.get("test_cases") or {}, found.get("operations") or {}
    failures = (cases.get("unique_failures") or 0) + len(found.get("errors") or [])
    return {
        "operations": operations.get("tested", 0),
        "cases": cases.get("generated", 0),
        "failures": failures,
    }
