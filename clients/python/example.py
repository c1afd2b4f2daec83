"""Log in, upload a file, follow its job, read what came out.

    API=http://localhost:8000 EMAIL=... PASSWORD=... python clients/python/example.py portfolio.csv

Needs httpx and nothing of the platform.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

POLL_SECONDS = 0.5
UNFINISHED = {"pending", "processing"}


class Refused(Exception):
    """What went wrong, in the API's own words; ``problem['code']`` is stable."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(f"{problem['status']} {problem['code']}: {problem['detail']}")
        self.problem = problem


class Api:
    """A signed-in caller."""

    def __init__(self, base: str, email: str, password: str) -> None:
        self.http = httpx.Client(base_url=f"{base}/api/v1", timeout=60)
        tokens = self.ask("POST", "/auth/login", json={"email": email, "password": password})
        self.http.headers["Authorization"] = f"Bearer {tokens['access_token']}"

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """The body of an answer; a problem as an exception. Waits where the API says how long."""
        answer = self.http.request(method, path, **options)
        while answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            time.sleep(float(answer.headers.get("Retry-After", 1)))
            answer = self.http.request(method, path, **options)
        if answer.is_error:
            raise Refused(answer.json())
        return answer.json() if answer.content else None

    def walk(self, path: str) -> Iterator[dict[str, Any]]:
        """Every row of a list, however long it is."""
        address: str | None = f"{path}?cursor="
        while address:
            page = self.ask("GET", address)
            yield from page["items"]
            address = page["next"]

    def score(self, file: Path, kind: str = "annual") -> dict[str, Any]:
        """The job of a file, once it has ended."""
        form = {"data": {"kind": kind}, "files": {"file": (file.name, file.read_bytes())}}
        job: dict[str, Any] = self.ask("POST", "/predictions/jobs", **form)
        while job["state"] in UNFINISHED:
            sys.stderr.write(f"{job['progress_percentage']} %\n")
            time.sleep(POLL_SECONDS)
            job = self.ask("GET", f"/predictions/jobs/{job['id']}")
        return job


def main(path: str) -> None:
    """Score the file and print what came out as JSON."""
    api = Api(os.environ["API"], os.environ["EMAIL"], os.environ["PASSWORD"])
    job = api.score(Path(path))
    worst = api.ask("GET", f"/predictions/jobs/{job['id']}/results", params={"size": 10})["items"]
    scored = {row["company_symbol"] for row in api.walk(f"/predictions/jobs/{job['id']}/results")}
    told = {
        "state": job["state"],
        "scored": len(scored),
        "refused": job["failed_rows"],
        "worst": [[row["company_symbol"], row["probability"], row["risk_level"]] for row in worst],
    }
    sys.stdout.write(f"{json.dumps(told)}\n")


if __name__ == "__main__":
    main(sys.argv[1])
