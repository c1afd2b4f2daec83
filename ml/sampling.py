"""How the development data is presented to a model: as users' input of each shape, gaps included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ml.dataset import FirmYears
from ml.features import (
    DEVELOPED_ITEMS,
    Array,
    Items,
    Statement,
    clean_items,
    complete_items,
    feature_matrix,
    ratios_from_items,
)
from ml.inputs import prepare
from ml.shapes import PRIOR_YEARS, Shape

_NEVER_DROPPED = frozenset({"total_assets", "total_liabilities", "market_cap"})
_DROPPABLE: tuple[str, ...] = tuple(name for name in DEVELOPED_ITEMS if name not in _NEVER_DROPPED)

# No identity can restore these three, and several features rest on each: their gaps need more examples.
_WEIGHT = np.array([3.0 if name in ("net_income", "current_assets", "retained_earnings") else 1.0
                    for name in _DROPPABLE])  # fmt: skip


@dataclass(frozen=True)
class Presented:
    """The firm-years as one shape sees them: complete, and once more with inputs missing at random."""

    complete: Array
    gapped: Array


def present(shape: Shape, data: FirmYears, random_state: int) -> Presented:
    """Design matrices of shape (n, p) for all firm-years, complete and with random gaps.

    The development data has no missing cells: without the gapped copy a tree would send a blank down an
    arbitrary branch.
    """
    rng = np.random.default_rng(random_state)
    if shape.is_statement:
        return Presented(statement_matrix(shape, data), statement_matrix(shape, with_gaps(data, rng)))
    sheet = drop_ratios(ratio_frame(shape, data, rng), rng)
    return Presented(ratio_matrix(shape, canonical_ratios(shape, data)), ratio_matrix(shape, sheet))


def statement_matrix(shape: Shape, data: FirmYears) -> Array:
    """Design matrix of a statement shape, as the engine's preparation gives it."""
    now, *years = (complete_items(clean_items(items)[0]) for items in (data.items, *data.years))
    return feature_matrix(Statement(now, tuple(years)), shape.features)


def history_frame(data: FirmYears) -> pd.DataFrame | None:
    """The earlier years in the engine's long form."""
    parts = []
    for back, items in enumerate(data.years, start=1):
        table = pd.DataFrame(items)
        table.insert(0, "row", np.arange(len(table)))
        table.insert(1, "periods_back", back)
        parts.append(table[table[list(items)].notna().any(axis=1)])
    return pd.concat(parts, ignore_index=True) if parts else None


def with_gaps(data: FirmYears, rng: np.random.Generator) -> FirmYears:
    """The firm-years with one to six line items missing, and with a shorter history or none."""
    size = len(data)
    count = rng.choice(7, size=size, p=(0.15, 0.40, 0.15, 0.10, 0.10, 0.05, 0.05))
    # Exponential draws divided by a weight: the heavier an item, the sooner it comes in the order.
    order = (rng.exponential(size=(size, len(_DROPPABLE))) / _WEIGHT).argsort(axis=1).argsort(axis=1)
    dropped = {name: order[:, j] < count for j, name in enumerate(_DROPPABLE)}
    depth = rng.choice(5, size=size, p=(0.40, 0.25, 0.10, 0.10, 0.15))

    def gap(items: Items, back: int) -> Items:
        keep = depth >= back
        return {
            name: np.where(keep & ~dropped.get(name, np.zeros(size, dtype=bool)), values, np.nan)
            for name, values in items.items()
        }

    years = tuple(gap(items, back) for back, items in enumerate(data.years, start=1))
    return FirmYears(gap(data.items, 0), years, data.company, data.year, data.default, data.digest)


def canonical_ratios(shape: Shape, data: FirmYears) -> pd.DataFrame:
    """The firm-years' ratios as the engine derives them from line items, undefined states included."""
    return pd.DataFrame(ratios_from_items(complete_items(data.items), shape.features))


def divided_ratios(shape: Shape, data: FirmYears) -> pd.DataFrame:
    """The firm-years' ratios as a spreadsheet would divide them.

    It divides by a negative EBITDA or capital without a word, and gives 0 for a firm without debt whatever
    its earnings.
    """
    items = complete_items(data.items)
    debt, capital = items["total_long_term_debt"], items["total_long_term_debt"] + items["total_equity"]
    table = canonical_ratios(shape, data)
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = {
            "long_term_debt_to_total_capital": 100.0 * debt / capital,
            "total_debt_to_ebitda": debt / items["ebitda"],
            "return_on_capital": 100.0 * items["ebit"] / capital,
        }
    # A spreadsheet knows no minus zero.
    table = table.assign(**{name: plain[name] + 0.0 for name in plain if name in table})
    return table.replace([np.inf, -np.inf], np.nan)


def ratio_frame(shape: Shape, data: FirmYears, rng: np.random.Generator) -> pd.DataFrame:
    """The firm-years as a sheet of ratios, half of the rows as a spreadsheet would divide them.

    The other half brings the undefined states. Users bring both.
    """
    canonical = canonical_ratios(shape, data)
    divided = np.repeat(rng.random((len(data), 1)) < 0.5, canonical.shape[1], axis=1)
    return canonical.mask(divided, divided_ratios(shape, data))


def drop_ratios(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The sheet with up to three ratios of each row missing."""
    count = rng.choice(4, size=len(frame), p=(0.35, 0.40, 0.15, 0.10))
    order = rng.random(frame.shape).argsort(axis=1).argsort(axis=1)
    return frame.mask(order < count[:, None])


def ratio_matrix(shape: Shape, frame: pd.DataFrame) -> Array:
    """Design matrix of a ratio shape through the engine's own preparation."""
    kind = "annual" if shape.name == "annual_ratios" else "quarterly"
    prepared = prepare(frame, kind=kind)  # type: ignore[arg-type]
    return np.column_stack([prepared.ratios[name] for name in shape.features])


_REPORTED_WITH: Mapping[str, tuple[str, ...]] = {
    "gross_profit": ("cost_of_goods_sold",),
    "ebit": ("depreciation_amortization",),
    "ebitda": ("total_operating_expenses", "depreciation_amortization"),
}
"""Items from which accounting identities would restore a missing one: for a true gap they go too."""


AS_DIVIDED = "as a spreadsheet divides"


def single_gap(shape: Shape, data: FirmYears, complete: Array, name: str) -> Array:
    """Design matrix with one input missing throughout: a ratio, a line item, or all prior years.

    For ratios also `AS_DIVIDED`: nothing missing, but divided without a word about the denominator.
    """
    if name == AS_DIVIDED:
        return ratio_matrix(shape, divided_ratios(shape, data))
    if not shape.is_statement:
        X = complete.copy()
        X[:, shape.features.index(name)] = np.nan
        return X
    if name == PRIOR_YEARS:
        return statement_matrix(shape, replace(data, years=()))
    gone = (name, *_REPORTED_WITH.get(name, ()))
    years = tuple(_without(year, gone) for year in data.years)
    return statement_matrix(shape, replace(data, items=_without(data.items, gone), years=years))


def _without(items: Items, names: tuple[str, ...]) -> Items:
    return {key: values for key, values in items.items() if key not in names}
