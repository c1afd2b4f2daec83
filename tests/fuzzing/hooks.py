"""How schemathesis signs in: once, and again when the token has ended."""

from __future__ import annotations

import os
from typing import Any

import httpx
import schemathesis

MINUTES = 10


@schemathesis.auth(refresh_interval=60 * MINUTES)
class Bearer:
    """The caller's access token."""

    def get(self, case: Any, context: Any) -> str:
        body = {"email": os.environ["FUZZ_EMAIL"], "password": os.environ["FUZZ_PASSWORD"]}
        answer = httpx.post(f"{os.environ['FUZZ_BASE']}/api/v1/auth/login", json=body, timeout=30)
        answer.raise_for_status()
        token: str = answer.json()["access_token"]
        return token

    def set(self, case: Any, data: str, context: Any) -> None:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}
