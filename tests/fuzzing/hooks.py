"""How schemathesis signs in, and what it does not ask."""

from __future__ import annotations

import os
import time
from typing import Any

import httpx
import schemathesis

MINUTES = 25
_KEPT: list[tuple[float, str]] = []


@schemathesis.auth(refresh_interval=60 * MINUTES)
class Bearer:
    """The caller's access token, kept nearly as long as it lives.

    What it asks with wrong passwords delays the account's next log-in: a phase must not begin with one.
    """

    def get(self, case: Any, context: Any) -> str:
        if not _KEPT or time.monotonic() - _KEPT[-1][0] > 60 * MINUTES:
            _KEPT.append((time.monotonic(), self._new()))
        return _KEPT[-1][1]

    def _new(self) -> str:
        body = {"email": os.environ["FUZZ_EMAIL"], "password": os.environ["FUZZ_PASSWORD"]}
        answer = httpx.post(f"{os.environ['FUZZ_BASE']}/api/v1/auth/login", json=body, timeout=30)
        answer.raise_for_status()
        token: str = answer.json()["access_token"]
        return token

    def set(self, case: Any, data: str, context: Any) -> None:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


@schemathesis.hook
def filter_query(context: Any, query: Any) -> bool:
    """An empty parameter is one that is not given (docs/api.md); no schema can say so of a number."""
    return not any(value in ("", [""]) for value in (query or {}).values())
