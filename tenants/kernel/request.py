"""What is known of the request (or command, or task) that the code is working for."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """Where an action came from, for the audit log and for log lines."""

    request_id: str
    address: str | None
    via: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: the ``actor`` that every service takes last."""

    user_id: UUID | None
    label: str


SYSTEM = Actor(None, "system")

_current: ContextVar[RequestInfo | None] = ContextVar("request_info", default=None)
_NOWHERE = RequestInfo(request_id="", address=None, via="process")


def current() -> RequestInfo:
    return _current.get() or _NOWHERE


def remember(info: RequestInfo | None) -> None:
    _current.set(info)
