"""Changes that say which state they were made from: ``ETag`` on answers, ``If-Match`` on requests.

A tag is the row's id and version: the same tag is the same state of the row. ``If-Match`` is
nevertheless compared without regard to ``W/``, since compression on the way marks our tags as weak and
would make every honest client stale. Without the header a change is taken as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol

from tenants.kernel.errors import Stale

_TAG = re.compile(r'(?:W/)?"([^"]*)"')


class Versioned(Protocol):
    """A row that counts or names its states."""

    pk: Any

    @property
    def version(self) -> int | str: ...


@dataclass(frozen=True, slots=True)
class Precondition:
    """The states from which a change may be made; None where the caller named none."""

    tags: frozenset[str] | None

    def check(self, row: Versioned) -> None:
        """Raise Stale where the row, locked by the caller, is in none of these states."""
        if self.tags is not None and _name(row) not in self.tags:
            raise Stale()


ANY_STATE = Precondition(None)


def _name(row: Versioned) -> str:
    return f"{row.pk}-{row.version}"


def tag_of(row: Versioned) -> str:
    """The row's state as an ETag."""
    return f'"{_name(row)}"'


def names_in(header: str | None) -> frozenset[str] | None:
    """The tags of an ``If-Match`` or ``If-None-Match``; None for an absent header and for ``*``."""
    if header is None or header.strip() == "*":
        return None
    return frozenset(_TAG.findall(header))


def precondition(header: str | None) -> Precondition:
    """What an ``If-Match`` demands. One that cannot be read matches nothing."""
    return Precondition(names_in(header))
