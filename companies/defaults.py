"""What follows from a company's default, told by an app above that the settings name (COMPANY_DEFAULTS)."""

from __future__ import annotations

from datetime import date
from importlib import import_module
from typing import Protocol, cast
from uuid import UUID

from django.conf import settings

from tenants.kernel.request import Actor


class Defaults(Protocol):
    """A module with these two functions. They work within the transaction that changes the state: no default
    stands without its outcome, whatever else is away."""

    def default_note(self, *, company_id: UUID, actor: Actor) -> bool:
        """Note the default of a company that is marked so; whether there was anything to note."""
        ...

    def default_forget(self, *, company_id: UUID, occurred_on: date, actor: Actor) -> bool:
        """Take away what a default that was marked by mistake has left; whether there was anything."""
        ...


def defaults() -> Defaults:
    return cast(Defaults, import_module(settings.COMPANY_DEFAULTS))
