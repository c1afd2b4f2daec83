"""Which organizations the running code may see. Unset is an error, never "all"."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

from tenants.kernel.errors import ScopeMissing

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Scope:
    """The reach of a unit of work; ``organization_ids`` is None only for ``every_organization``."""

    organization_ids: frozenset[UUID] | None
    reason: str

    def allows(self, organization_id: UUID | None) -> bool:
        return self.organization_ids is None or organization_id in self.organization_ids

    def covers(self, other: Scope) -> bool:
        """Whether everything that ``other`` reaches is within this scope."""
        if self.organization_ids is None:
            return True
        return other.organization_ids is not None and other.organization_ids <= self.organization_ids


_active: ContextVar[Scope | None] = ContextVar("organization_scope", default=None)


def current() -> Scope:
    """The active scope; raises ScopeMissing where nobody has set one."""
    if (scope := _active.get()) is None:
        raise ScopeMissing("no organization scope is active")
    return scope


def is_active() -> bool:
    return _active.get() is not None


@contextmanager
def entered(scope: Scope) -> Iterator[Scope]:
    """Run the block within a scope made elsewhere (a request's, a task's)."""
    token = _active.set(scope)
    try:
        yield scope
    finally:
        _active.reset(token)


@contextmanager
def organizations(ids: Iterable[UUID], *, reason: str) -> Iterator[Scope]:
    """Run the block with sight of these organizations only. An empty set sees nothing."""
    wanted = frozenset(ids)
    if not all(isinstance(i, UUID) for i in wanted):
        raise ScopeMissing("organization ids are UUIDs; None never means all")
    with entered(Scope(wanted, reason)) as scope:
        yield scope


@contextmanager
def every_organization(*, reason: str) -> Iterator[Scope]:
    """Run the block with sight of every organization of the tenant. Logged, so give a true reason."""
    logger.debug("every organization is in scope", extra={"reason": reason})
    with entered(Scope(None, reason)) as scope:
        yield scope
