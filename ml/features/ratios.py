"""The ratios of ratio-only input, their limits, and how they follow from line items."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ml.features.arithmetic import STATE_WORST, Array, burden, percent, ratio
from ml.features.items import Items, NDArrayBool


@dataclass(frozen=True)
class Ratio:
    """One ratio of the sheets: percent ratios are numbers such as 25.5, multiples are times (x)."""

    name: str
    label: str
    formula: str
    unit: Literal["%", "x"]
    direction: Literal[-1, 0, 1]
    low: float
    high: float
    fitted: bool
    """False when the development data cannot give it: it is shown and does not move the PD."""
    function: Callable[[Items], Array]
    inputs: tuple[str, ...]
    negative_is_worst: bool = False
    """True when a negative value can only come from a negative denominator."""


def _capital(i: Items) -> Array:
    return i["total_long_term_debt"] + i["total_equity"]


def _table(*rows: Ratio) -> Mapping[str, Ratio]:
    return {row.name: row for row in rows}


RATIOS: Mapping[str, Ratio] = _table(
    Ratio(
        "long_term_debt_to_total_capital", "Long-term debt to total capital",
        "long-term debt / (long-term debt + equity)", "%", 1, -1e5, 1e5, True,
        lambda i: burden(100.0 * i["total_long_term_debt"], _capital(i)),
        ("total_long_term_debt", "total_equity"), negative_is_worst=True,
    ),
    Ratio(
        "total_debt_to_ebitda", "Total debt to EBITDA",
        "total debt / EBITDA (development data: long-term debt)", "x", 1, -1e5, 1e5, True,
        lambda i: burden(np.where(np.isnan(i["total_debt"]), i["total_long_term_debt"], i["total_debt"]),
                         i["ebitda"]),
        ("total_debt", "ebitda"), negative_is_worst=True,
    ),
    Ratio(
        "net_income_margin", "Net income margin", "net income / net sales", "%", -1, -1e7, 1e5, True,
        lambda i: percent(i["net_income"], i["net_sales"]), ("net_income", "net_sales"),
    ),
    Ratio(
        "ebit_to_interest_expense", "EBIT to interest expense", "EBIT / interest expense", "x", -1, -1e6, 1e6,
        False, lambda i: ratio(i["ebit"], i["interest_expense"]), ("ebit", "interest_expense"),
    ),
    Ratio(
        "return_on_assets", "Return on assets", "net income / total assets", "%", -1, -1e5, 1e4, True,
        lambda i: percent(i["net_income"], i["total_assets"]), ("net_income", "total_assets"),
    ),
    Ratio(
        "sga_margin", "SG&A margin", "SG&A / net sales", "%", 0, -1e5, 1e6, True,
        lambda i: percent(i["sga_expense"], i["net_sales"]), ("sga_expense", "net_sales"),
    ),
    Ratio(
        "return_on_capital", "Return on capital", "EBIT / (long-term debt + equity)", "%", -1, -1e6, 1e5,
        True, lambda i: percent(i["ebit"], _capital(i)), ("ebit", "total_long_term_debt", "total_equity"),
    ),
)  # fmt: skip

ANNUAL_RATIOS: tuple[str, ...] = (
    "long_term_debt_to_total_capital",
    "total_debt_to_ebitda",
    "net_income_margin",
    "ebit_to_interest_expense",
    "return_on_assets",
)
QUARTERLY_RATIOS: tuple[str, ...] = (
    "total_debt_to_ebitda",
    "sga_margin",
    "long_term_debt_to_total_capital",
    "return_on_capital",
)
ANNUAL_FEATURES: tuple[str, ...] = tuple(name for name in ANNUAL_RATIOS if RATIOS[name].fitted)
QUARTERLY_FEATURES: tuple[str, ...] = tuple(name for name in QUARTERLY_RATIOS if RATIOS[name].fitted)


def clean_ratios(given: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, NDArrayBool]]:
    """Ratios with impossible values made missing, and for each ratio the mask of what was thrown away.

    A negative debt burden (minus zero too) means a denominator that is not positive: it becomes the worst
    state, not a small number. A return on a capital that is not positive has no meaning and becomes missing.
    """
    cleaned: dict[str, Array] = {}
    refused: dict[str, NDArrayBool] = {}
    for name, values in given.items():
        spec = RATIOS[name]
        state = values == STATE_WORST if spec.negative_is_worst else np.zeros(len(values), dtype=bool)
        bad = ~np.isnan(values) & ~((values >= spec.low) & (values <= spec.high)) & ~state
        kept = np.where(bad, np.nan, values)
        if spec.negative_is_worst:
            kept = np.where((kept < 0) | ((kept == 0) & np.signbit(kept)), STATE_WORST, kept)
        cleaned[name] = kept
        if bad.any():
            refused[name] = bad
    if "return_on_capital" in cleaned and "long_term_debt_to_total_capital" in cleaned:
        meaningless = cleaned["long_term_debt_to_total_capital"] == STATE_WORST
        cleaned["return_on_capital"] = np.where(meaningless, np.nan, cleaned["return_on_capital"])
    return cleaned, refused


def ratios_from_items(items: Items, names: tuple[str, ...]) -> dict[str, Array]:
    """The named ratios computed from completed line items, NaN where an input is missing."""
    with np.errstate(invalid="ignore", over="ignore"):
        return {name: RATIOS[name].function(items) for name in names}
