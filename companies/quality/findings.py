"""What a check says of a statement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self


class Level(StrEnum):
    """How grave it is: an error refuses the statement, the others are kept beside it."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


GRAVITY = {Level.INFO: 1, Level.WARNING: 2, Level.ERROR: 3}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: what, how grave, in which items, in words, and what to look at."""

    code: str
    level: Level
    message: str
    items: tuple[str, ...] = ()
    hint: str = ""
    confirmable: bool = False
    """True for a doubt that whoever brings the statement may answer with "it is so"."""
    confirmed: bool = False

    def confirm(self) -> Self:
        """The same, kept as a warning because somebody has confirmed it."""
        return replace(self, level=Level.WARNING, confirmed=True)

    def as_json(self) -> dict[str, Any]:
        """As it is kept and shown."""
        return {
            "code": self.code,
            "level": str(self.level),
            "items": list(self.items),
            "message": self.message,
            "hint": self.hint,
            "confirmed": self.confirmed,
        }


def worst(findings: Iterable[Finding]) -> Level | None:
    """The gravest level among the findings, or None without any."""
    return max((f.level for f in findings), key=GRAVITY.__getitem__, default=None)
