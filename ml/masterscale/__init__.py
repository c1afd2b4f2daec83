"""The master scale: grades as bands of PD, data that a reviewer signs, validated before it is used."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEAST_GRADES, MOST_GRADES = 7, 30
LONGEST_GRADE, LONGEST_LABEL = 20, 60
_DEFAULT = Path(__file__).with_name("default.json")


class MasterScaleError(ValueError):
    """A master scale that must not be used. `pointer` names the place in the JSON (RFC 6901)."""

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(f"{pointer}: {message}" if pointer else message)
        self.pointer = pointer
        self.message = message


@dataclass(frozen=True)
class Grade:
    """One non-default grade: PDs from `lower` (included) to `upper` (not included)."""

    grade: str
    label: str
    lower: float
    upper: float

    @property
    def middle(self) -> float:
        """The PD that stands for the grade: the geometric mean of its bounds, the first counted from 1 bp."""
        return math.sqrt(max(self.lower, min(0.0001, self.upper)) * self.upper)


@dataclass(frozen=True)
class MasterScale:
    """A validated master scale, the best grade first."""

    name: str
    grades: tuple[Grade, ...]
    default_grade: str
    """The grade of an obligor that has defaulted. No PD leads to it: default is a fact, not an estimate."""
    default_label: str

    def assign(self, pd_: ArrayLike) -> NDArray[np.str_]:
        """The grade of each PD, shape as given; "" where the PD is NaN."""
        values = np.asarray(pd_, dtype=np.float64)
        bounds = np.array([grade.upper for grade in self.grades[:-1]])
        names = np.array([grade.grade for grade in self.grades])
        found: NDArray[np.str_] = np.where(
            np.isnan(values), "", names[np.searchsorted(bounds, values, side="right")]
        )
        return found

    def grade(self, pd_: float) -> Grade:
        """The grade of one PD."""
        place = np.searchsorted([grade.upper for grade in self.grades[:-1]], pd_, side="right")
        return self.grades[int(place)]

    def as_json(self) -> dict[str, Any]:
        """The scale as `parse` takes it."""
        return {
            "name": self.name,
            "grades": [{"grade": g.grade, "label": g.label, "upper": g.upper} for g in self.grades],
            "default": {"grade": self.default_grade, "label": self.default_label},
        }


def parse(content: Any) -> MasterScale:
    """A master scale from its JSON form.

    Parameters
    ----------
    content : mapping, or the sequence of its grades alone
        `grades`: at least seven of `grade` (its short name), `label` (optional) and `upper` (the PD from
        which the next grade begins), the best first; the last upper bound is 1. `default` (optional): name
        and label of the default grade. `name` (optional).

    Raises
    ------
    MasterScaleError
        Unless the bounds rise strictly within (0, 1], end at 1, and every grade has a name of its own.
    """
    if isinstance(content, Sequence) and not isinstance(content, str):
        content = {"grades": content}
    if not isinstance(content, Mapping):
        raise MasterScaleError("", "A master scale is an object with grades.")
    unknown = set(content) - {"name", "grades", "default"}
    if unknown:
        raise MasterScaleError(f"/{min(unknown)}", "There is no such field.")
    rows = content.get("grades")
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise MasterScaleError("/grades", "The grades are a list, the best first.")
    if not LEAST_GRADES <= len(rows) <= MOST_GRADES:
        raise MasterScaleError(
            "/grades", f"A scale has {LEAST_GRADES} to {MOST_GRADES} grades beside default, not {len(rows)}."
        )
    default = content.get("default") or {"grade": "D", "label": "In default"}
    default_name = _text(default, "grade", "/default", LONGEST_GRADE)
    grades: list[Grade] = []
    lower, names = 0.0, {default_name}
    for position, row in enumerate(rows):
        grade = _grade(row, f"/grades/{position}", lower)
        if grade.grade in names:
            raise MasterScaleError(f"/grades/{position}/grade", f"The grade {grade.grade!r} stands twice.")
        names.add(grade.grade)
        grades.append(grade)
        lower = grade.upper
    if lower != 1.0:
        raise MasterScaleError(f"/grades/{len(rows) - 1}/upper", "The last grade reaches to a PD of 1.")
    label = _text(default, "label", "/default", LONGEST_LABEL, optional=True)
    return MasterScale(str(content.get("name") or "own")[:LONGEST_LABEL], tuple(grades), default_name, label)


def _grade(row: Any, pointer: str, lower: float) -> Grade:
    name = _text(row, "grade", pointer, LONGEST_GRADE)
    label = _text(row, "label", pointer, LONGEST_LABEL, optional=True)
    upper = row.get("upper")
    if isinstance(upper, bool) or not isinstance(upper, int | float) or not math.isfinite(upper):
        raise MasterScaleError(f"{pointer}/upper", "The upper bound is a PD, a number above 0 and up to 1.")
    if not lower < upper <= 1.0:
        raise MasterScaleError(
            f"{pointer}/upper", f"The bounds must rise: {upper:g} does not follow {lower:g} within (0, 1]."
        )
    return Grade(name, label, lower, float(upper))


def _text(row: Any, key: str, pointer: str, longest: int, *, optional: bool = False) -> str:
    value = row.get(key) if isinstance(row, Mapping) else None
    if value is None and optional:
        return ""
    if not isinstance(value, str) or not value.strip() and not optional or len(value) > longest:
        raise MasterScaleError(f"{pointer}/{key}", f"A text of 1 to {longest} characters is needed.")
    return value.strip()


def validate(content: Any) -> None:
    """Refuse a master scale that cannot be used; an empty one means the default and passes.

    Raises
    ------
    MasterScaleError
        As `parse`.
    """
    if content:
        parse(content)


@cache
def default_scale() -> MasterScale:
    """The scale that holds where nobody has set another."""
    return parse(json.loads(_DEFAULT.read_text()))


def scale_of(content: Any) -> MasterScale:
    """The scale of a setting: its own, or the default where it is empty."""
    return parse(content) if content else default_scale()
