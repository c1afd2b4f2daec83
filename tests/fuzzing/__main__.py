"""``make fuzz``: schemathesis asks a running server everything that the description offers, as each role.

``ARGS="--seconds 60"`` bounds the whole, ``--examples`` the cases of an operation, ``--role`` names one of
them. It works in a database of its own on the server of DATABASE_URL and removes it again. All checks are on.
The end is a summary by role; the code is 1 when there was any failure.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

# Databases of Redis that no test process has: those count from 0 to 5.
os.environ.setdefault("PYTEST_XDIST_WORKER", "gw6")
# One token for each role, however long the roles before it take.
os.environ["ACCESS_TOKEN_EXPIRE_MINUTES"] = str(24 * 60)


def main(arguments: list[str] | None = None) -> int:
    """Prepare, ask as each role, tell; 0 when every answer was as described."""
    import django

    from tests.fuzzing.asking import ROLES, ask

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=20, help="cases of an operation (default: 20)")
    parser.add_argument("--seconds", type=int, default=0, help="for everything; 0: as long as it takes")
    parser.add_argument("--role", choices=ROLES, action="append", help="only as this role")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--only", default="", help="regular expression of addresses")
    parser.add_argument("--phases", default="examples,coverage,fuzzing")
    parser.add_argument("--summary", type=Path, default=None, help="write the figures as JSON there")
    options = parser.parse_args(arguments)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"  # whatever the launcher has loaded
    warnings.filterwarnings("ignore", message="No directory at")
    django.setup()
    from tests.fuzzing.ground import Copied

    with Copied(f"fuzz_{os.getpid()}"):
        summary = _run(options, ask)
    if options.summary:
        options.summary.write_text(json.dumps(summary, indent=2) + "\n")
    return 1 if any(row["failures"] or not row["cases"] for row in summary) else 0


def _run(options: Any, ask: Any) -> list[dict[str, Any]]:
    from django.core.management import call_command

    from organizations.services import reserved_tenants_ensure
    from tests.benchmarks.harness import say
    from tests.fuzzing.asking import ROLES
    from tests.fuzzing.ground import people_made, token_of
    from tests.web import WebServer
    from tests.worker import wait_until

    call_command("migrate_tenants", stdout=io.StringIO())
    reserved_tenants_ensure()
    people = people_made()
    server = WebServer()
    try:
        wait_until(server.answers, f"the web server; see {server.log}")
        roles = options.role or list(ROLES)
        summary = [ask(server, role, token_of(people[role]), options, share=len(roles)) for role in roles]
    finally:
        server.stop()
    say(f"\n{'role':14}{'operations':>12}{'cases':>10}{'failures':>10}{'seconds':>10}")
    for row in summary:
        say(
            f"{row['role']:14}{row['operations']:>12}{row['cases']:>10,}{row['failures']:>10}{row['seconds']:>10.0f}"
        )
    return summary


if __name__ == "__main__":
    sys.exit(main())
