"""What users may prefer: every key is declared, with its values and what holds without a choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tenants.kernel.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Preference:
    """One key: which values it takes, said in words, and its default."""

    takes: Callable[[Any], bool]
    words: str
    default: Any


def _one_of(*values: str) -> tuple[Callable[[Any], bool], str]:
    return (lambda value: isinstance(value, str) and value in values), f"one of {', '.join(values)}"


def _yes_or_no() -> tuple[Callable[[Any], bool], str]:
    return (lambda value: isinstance(value, bool)), "true or false"


def _whole(least: int, most: int) -> tuple[Callable[[Any], bool], str]:
    def takes(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most

    return takes, f"a whole number from {least} to {most}"


# What people are told of, in words, and by which channels: each pair is a preference.
NOTICE_KINDS = {
    "job_finished": "A file was scored",
    "scheduled_runs": "A scheduled run has ended",
    "mentions": "Somebody named you",
    "alerts": "A risk has changed",
}
APP, MAIL = "app", "mail"


def notice_key(kind: str, channel: str) -> str:
    """The preference that says whether a kind is told by a channel."""
    return f"{channel}_{kind}"


PREFERENCES: dict[str, Preference] = {
    "theme": Preference(*_one_of("system", "light", "dark"), default="system"),
    "language": Preference(*_one_of("en"), default="en"),
    "date_format": Preference(*_one_of("iso", "european", "american"), default="iso"),
    "rows_per_page": Preference(*_whole(10, 100), default=50),
    "start_page": Preference(*_one_of("summary", "analytics", "companies"), default="summary"),
    **{
        notice_key(kind, channel): Preference(*_yes_or_no(), default=True)
        for kind in NOTICE_KINDS
        for channel in (MAIL, APP)
    },
}


def checked(given: dict[str, Any]) -> dict[str, Any]:
    """The preferences as given; raises InvalidInput that names every key that cannot be kept."""
    faults = []
    for key, value in given.items():
        known = PREFERENCES.get(key)
        if known is None:
            names = ", ".join(PREFERENCES)
            faults.append((key, "unknown", f"There is no such preference; there are {names}."))
        elif not known.takes(value):
            faults.append((key, "invalid", f"This must be {known.words}."))
    if faults:
        raise InvalidInput(
            errors=[
                {"pointer": f"/preferences/{str(key)[:60]}", "code": code, "detail": detail}
                for key, code, detail in faults
            ]
        )
    return given


def with_defaults(kept: dict[str, Any]) -> dict[str, Any]:
    """Every preference: what the user chose, else the default. Keys that are gone are left out."""
    return {key: kept.get(key, known.default) for key, known in PREFERENCES.items()}
