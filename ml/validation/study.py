"""The study of one input shape: what its members said of years that they had not seen.

Two samples. The *report* sample holds the years kept apart (2014-2015), scored by members fitted, selected
and calibrated on the years before. The *rolling* sample pools the years from the first origin on, each scored
by members fitted on the years before it; it has six times the defaults, and its calibration is the released
one, which was fitted to it: its mean PD is right by construction, its ranking is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ml.calibration import Blend, Raw
from ml.dataset import FirmYears
from ml.estimators import LogOddsBlend
from ml.features import Array, Items, clean_items, complete_items
from ml.fitting import FIT_FROM, Members, OutOfTime, Workshop
from ml.shapes import MEMBERS

ENSEMBLE = "ensemble"
SCORES: tuple[str, ...] = (ENSEMBLE, *MEMBERS)
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Sample:
    """Firm-years with the log-odds that each score gave them."""

    rows: Rows
    log_odds: Mapping[str, Array]
    target: Array

    def pd(self, score: str = ENSEMBLE) -> Array:
        """PDs of a score."""
        found: Array = expit(self.log_odds[score])
        return found

    def part(self, inside: NDArray[np.bool_]) -> Sample:
        """The firm-years for which `inside` is true."""
        parts = {name: values[inside] for name, values in self.log_odds.items()}
        return Sample(self.rows[inside], parts, self.target[inside])

    @property
    def measurable(self) -> bool:
        """True where there are both defaults and survivors."""
        return bool(0 < self.target.sum() < len(self.target))


@dataclass(frozen=True)
class Study:
    """Everything the evidence of one shape is counted from."""

    shop: Workshop
    members: Members
    blend: Blend
    released: Blend
    report: Sample
    rolling: Sample
    in_time: Sample
    pooled: OutOfTime
    last_selection_year: int
    report_years: tuple[int, ...]

    @property
    def data(self) -> FirmYears:
        return self.shop.data

    def year(self, sample: Sample) -> NDArray[np.int64]:
        """Fiscal years of a sample's rows."""
        found: NDArray[np.int64] = self.data.year[sample.rows]
        return found

    def items(self) -> Items:
        """Cleaned and completed line items of all firm-years."""
        return complete_items(clean_items(self.data.items)[0])


def study(shop: Workshop, *, last_selection_year: int, report_years: Sequence[int]) -> Study:
    """Fit and score by the protocol; fits that the workshop has made already are used again."""
    data, X = shop.data, shop.presented.complete
    blend, _ = shop.calibrate(last_selection_year)
    released, pooled = shop.calibrate(int(data.year.max()))
    members = shop.fit_before(min(report_years))
    report_rows = np.flatnonzero(np.isin(data.year, report_years))
    fitted_rows = np.flatnonzero((data.year >= FIT_FROM) & (data.year <= last_selection_year))
    return Study(
        shop=shop,
        members=members,
        blend=blend,
        released=released,
        report=_sample(data, report_rows, blend, members.log_odds(X[report_rows])),
        rolling=_sample(data, pooled.rows, released, pooled.raw),
        in_time=_sample(data, fitted_rows, blend, members.log_odds(X[fitted_rows])),
        pooled=pooled,
        last_selection_year=last_selection_year,
        report_years=tuple(report_years),
    )


def _sample(data: FirmYears, rows: Rows, blend: Blend, raw: Raw) -> Sample:
    scores = {ENSEMBLE: blend.log_odds(raw), **blend.member_log_odds(raw)}
    return Sample(rows, scores, data.default[rows])


def ladder(found: Study) -> dict[str, Array]:
    """Log-odds on the report sample of the logistic member with one and with both tree members beside it.

    Each step's weights are fitted anew on the rolling origins up to the last year of selection, as the
    ensemble's are: a step is what one would ship if its last member did not exist.
    """
    pooled = found.shop.out_of_time(int(found.data.year[found.pooled.rows].min()), found.last_selection_year)
    known = found.blend.member_log_odds(pooled.raw)
    target = found.data.default[pooled.rows]
    steps: dict[str, Array] = {"logistic": found.report.log_odds["logistic"]}
    for extra in ("random_forest", "gradient_boosting"):
        pair = ("logistic", extra)
        fitted = LogOddsBlend(penalty=0.5).fit(np.column_stack([known[m] for m in pair]), target)
        shown = np.column_stack([found.report.log_odds[m] for m in pair])
        steps[f"logistic+{extra}"] = shown @ fitted.coef_ + fitted.intercept_
    steps[ENSEMBLE] = found.report.log_odds[ENSEMBLE]
    return steps


def without_nan(value: Any) -> Any:
    """The value as JSON can hold it: numpy's numbers made plain, what is not finite made null."""
    if isinstance(value, Mapping):
        return {str(key): without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [without_nan(item) for item in value]
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value
