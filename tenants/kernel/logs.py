"""Structured log lines: JSON in production, one readable line elsewhere."""

from __future__ import annotations

from typing import Any

import structlog
from django.conf import settings

from tenants.kernel import request


def add_request(_logger: object, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Stamp a line with the request that caused it."""
    if request_id := request.current().request_id:
        event.setdefault("request_id", request_id)
    return event


PRE_CHAIN = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    add_request,
]


def renderer(logger: Any, name: str, event: Any) -> Any:
    """The last step of a line; chosen when it is written, since settings are not ready at import."""
    if settings.ENVIRONMENT == "production":
        with_text = structlog.processors.format_exc_info(logger, name, event)
        return structlog.processors.JSONRenderer()(logger, name, with_text)
    # Plain tracebacks: the decorated ones print local variables, which may hold secrets.
    readable = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    return readable(logger, name, event)
