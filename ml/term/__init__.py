"""The term structure: PDs for one to five years that begin with the one-year PD and never fall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from ml.features import Array

YEARS = 5
_LEAST = 1e-15


@dataclass(frozen=True)
class Curve:
    """Term structures of n rows, shape (n, YEARS) each; year 1 stands in the first column."""

    cumulative: Array
    """PD within so many years."""
    marginal: Array
    """PD in just that year, seen from today; the marginals add up to the cumulative PD."""
    conditional: Array
    """PD in that year of who has reached it (the hazard)."""
    annualised: Array
    """The constant yearly PD that leads to the same cumulative one."""


@dataclass(frozen=True)
class TermStructure:
    """Hazard of each year given the log-odds z of the one-year PD: expit(intercept[k] + slope[k] * z).

    The first year is the one-year PD itself (intercept 0, slope 1). Slopes fall with the years: risk goes
    back towards the mean, so marginal PDs of good names rise and those of bad names fall.
    """

    intercept: Array
    slope: Array

    def __post_init__(self) -> None:
        fits = self.intercept.shape == self.slope.shape == (YEARS,)
        if not fits or self.intercept[0] != 0.0 or self.slope[0] != 1.0:
            raise ValueError(f"a term structure has {YEARS} years and begins with the one-year PD")
        if not (np.isfinite(self.intercept).all() and (self.slope > 0).all()):
            raise ValueError("every year's hazard rises with the one-year PD")

    def curve(self, pd_: ArrayLike) -> Curve:
        """Term structures that begin with the PDs given, shape (n,); NaN stays NaN."""
        first = np.atleast_1d(np.asarray(pd_, dtype=np.float64))
        z = logit(np.clip(first, _LEAST, 1.0 - _LEAST))
        hazard = expit(self.intercept + self.slope * z[:, None])
        hazard[:, 0] = first
        survival = np.cumprod(1.0 - hazard, axis=1)
        reached = np.column_stack([np.ones(len(first)), survival[:, :-1]])
        cumulative = 1.0 - survival
        cumulative[:, 0] = first
        years = np.arange(1, YEARS + 1)
        annualised = -np.expm1(np.log1p(-np.minimum(cumulative, 1.0 - _LEAST)) / years)
        annualised[:, 0] = first
        return Curve(cumulative, hazard * reached, hazard, annualised)

    def as_json(self) -> dict[str, Any]:
        """The structure as `from_json` takes it."""
        return {"intercept": self.intercept.tolist(), "slope": self.slope.tolist()}


def from_json(content: Mapping[str, Any]) -> TermStructure:
    """A term structure as it was written."""
    return TermStructure(
        np.array(content["intercept"], dtype=np.float64), np.array(content["slope"], dtype=np.float64)
    )
