"""What the apps above hold of a person: they are named in the settings, never imported."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any, Protocol, cast

from django.conf import settings

from accounts.models import User

Part = tuple[str, list[dict[str, Any]]]


class Source(Protocol):
    """A holder of personal data: a module with these two functions, named in PERSONAL_DATA_SOURCES."""

    def collect(self, user: User) -> Iterable[Part]:
        """What is kept of the user: names of files (without ending) and their rows."""
        ...

    def erase(self, user: User, email: str) -> None:
        """Remove or make nameless what is kept of the user. Runs in the transaction that archives him."""
        ...


def sources() -> list[Source]:
    """Every holder, in the order of the settings."""
    return [cast(Source, import_module(path)) for path in settings.PERSONAL_DATA_SOURCES]
