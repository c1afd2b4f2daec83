"""Risk categories of a PD."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

CATEGORIES: tuple[str, ...] = ("low", "medium", "high", "critical")


@dataclass(frozen=True)
class Cutoffs:
    """Lower bounds of the categories Medium, High and Critical, as PDs.

    Raises
    ------
    ValueError
        Unless 0 < medium < high < critical < 1.
    """

    medium: float = 0.03
    high: float = 0.07
    critical: float = 0.15

    def __post_init__(self) -> None:
        if not 0.0 < self.medium < self.high < self.critical < 1.0:
            raise ValueError("cut-offs must rise: 0 < medium < high < critical < 1")


DEFAULT_CUTOFFS = Cutoffs()


def categorise(pd_: ArrayLike, cutoffs: Cutoffs = DEFAULT_CUTOFFS) -> NDArray[np.str_]:
    """The category of each PD ("low", "medium", "high", "critical"); "" where the PD is NaN."""
    values = np.asarray(pd_, dtype=np.float64)
    place = np.searchsorted((cutoffs.medium, cutoffs.high, cutoffs.critical), values, side="right")
    return np.where(np.isnan(values), "", np.array(CATEGORIES)[np.minimum(place, 3)])


def category(pd_: float, cutoffs: Cutoffs = DEFAULT_CUTOFFS) -> str:
    """The category of one PD."""
    return str(categorise([pd_], cutoffs)[0])
