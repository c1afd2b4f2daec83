"""What is known of the request (or command, or task) that the code is working for."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction

if TYPE_CHECKING:
    from tenants.kernel.context import TenantRef
    from tenants.kernel.principal import Principal


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """Where an action came from, for the audit log and for log lines."""

    request_id: str
    address: str | None
    via: str
    device: str = ""
    page: str = ""
    """The origin (scheme, host, port) of the page that asks: this host's, or a listed front end's."""
    tenant: TenantRef | None = None
    """The institution on whose host the request came, or whose token it carries."""
    credential: str = ""
    credential_id: UUID | None = None
    """What the caller has shown: ``session`` or ``api_key``, and which."""
    scopes: frozenset[str] | None = None
    """The permissions of the key that calls; None where no key does."""


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


def know(**more: Any) -> None:
    """Add to what is known of the request; nothing where there is none."""
    if (info := _current.get()) is not None:
        _current.set(replace(info, **more))


def know_caller(principal: Principal) -> None:
    """Add what the caller has shown: his API key, or his session."""
    key = getattr(principal, "key_id", None)
    if key is not None:
        know(credential="api_key", credential_id=key, scopes=getattr(principal, "scopes", frozenset()))
    else:
        know(credential="session", credential_id=principal.session_id, scopes=None)


def once_committed(work: Callable[[], object]) -> None:
    """Do something after the transaction, with what is known of the request now."""
    info = current()

    def run() -> None:
        token = _current.set(info)
        try:
            work()
        finally:
            _current.reset(token)

    transaction.on_commit(run)
