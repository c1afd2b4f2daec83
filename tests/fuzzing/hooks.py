"""How schemathesis signs in, and what it does not ask."""

from __future__ import annotations

import os
from typing import Any

import schemathesis


@schemathesis.auth(refresh_interval=None)
class Bearer:
    """The caller's token, made without a log-in: what is asked with wrong passwords delays the next one."""

    def get(self, case: Any, context: Any) -> str:
        return os.environ["FUZZ_TOKEN"]

    def set(self, case: Any, data: str, context: Any) -> None:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """A form has only texts: whether one of them should have been a number or an object nobody can tell.

    So where JSON is taken as well, what is wrong is sent as JSON alone; uploads, which are forms, get it all.
    """
    negative = case.meta is not None and case.meta.generation.mode.is_negative
    takes_json = any(body.media_type == "application/json" for body in case.operation.body)
    return not (negative and takes_json and case.media_type == "multipart/form-data")
