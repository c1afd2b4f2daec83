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
def filter_case(context: Any, case: Any) -> bool:
    """A form has only texts: whether one of them should have been a number or an object nobody can tell.

    So forms are asked rightly alone; what is wrong is sent as JSON.
    """
    negative = case.meta is not None and case.meta.generation.mode.is_negative
    return not (negative and case.media_type == "multipart/form-data")
