"""The six classic scores of one company beside its PD: value, zone, and why one cannot be had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from ml.classic import (
    CLASSIC_SCORES,
    merton,
    ohlson_o,
    ohlson_probability,
    zmijewski_probability,
    zone,
)
from ml.features import LINE_ITEMS, Items, Statement
from ml.inputs import Kind, prepare

Zone = Literal["distress", "grey", "safe", "rank_only", "not_applicable"]

PRICE_INDEX = 500.0
"""GNP price index (1968 = 100) that Ohlson's size counts in: about that of 2010. Another index moves all
scores alike, and they only rank."""
LEAST_CHANGES = 3
"""Yearly changes of the market value from which a volatility is estimated."""
RISK_FREE = 0.05

_NEEDS: dict[str, tuple[str, ...]] = {
    "altman_z": ("current_assets", "total_current_liabilities", "total_assets", "retained_earnings", "ebit",
                 "market_cap", "total_liabilities", "net_sales"),
    "altman_z1": ("current_assets", "total_current_liabilities", "total_assets", "retained_earnings", "ebit",
                  "total_equity", "total_liabilities", "net_sales"),
    "altman_z2": ("current_assets", "total_current_liabilities", "total_assets", "retained_earnings", "ebit",
                  "total_equity", "total_liabilities"),
    "zmijewski_x": ("net_income", "total_assets", "total_liabilities", "current_assets",
                    "total_current_liabilities"),
    "ohlson_o": ("total_assets", "total_liabilities", "current_assets", "total_current_liabilities",
                 "net_income", "depreciation_amortization"),
    "merton_dd": ("market_cap", "total_current_liabilities", "total_long_term_debt"),
}  # fmt: skip
_WORDS = {
    "financial_sector": "It does not apply to financial companies.",
    "missing_inputs": "Not known: {}.",
    "zero_denominator": "A denominator is not positive.",
    "no_prior_year": "It needs the net income of the year before.",
    "no_volatility": f"It needs market values of {LEAST_CHANGES + 1} years for the volatility of equity.",
    "no_debt": "It needs a debt above zero.",
}


@dataclass(frozen=True)
class Assessment:
    """One classic score of one company. Its probability, where it has one, ranks; it is no PD."""

    name: str
    label: str
    value: float | None
    probability: float | None
    zone: Zone
    reason: str
    """Code of why there is no value; empty where there is one."""
    text: str
    higher_is_riskier: bool
    distress: float | None
    safe: float | None
    inputs: tuple[str, ...]
    missing: tuple[str, ...]


def assess(
    frame: pd.DataFrame, *, kind: Kind, history: pd.DataFrame | None = None, financial: bool = False
) -> list[Assessment]:
    """All six classic scores of the one row of a frame, inputs as the engine takes them."""
    statement = prepare(frame, kind=kind, history=history).statement
    return [*_linear(statement.now, financial), _ohlson(statement, financial), _merton(statement, financial)]


def _linear(items: Items, financial: bool) -> Iterator[Assessment]:
    for name, spec in CLASSIC_SCORES.items():
        value = float(spec.function(items)[0])
        place, reason = zone(name, value, financial=financial)
        missing = _missing(items, name)
        if reason == "missing_or_zero_denominator":
            reason = "missing_inputs" if missing else "zero_denominator"
        chance = float(zmijewski_probability(np.array([value]))[0]) if name == "zmijewski_x" else None
        bounds = (None, None) if spec.zones is None else (spec.zones.distress, spec.zones.safe)
        if name == "zmijewski_x":
            bounds = (0.0, 0.0)
        yield _assessed(
            name, spec.label, value, chance, place, reason, missing, risk_rises=spec.risk_rises, bounds=bounds
        )


def _ohlson(statement: Statement, financial: bool) -> Assessment:
    now = statement.now
    prior = statement.before("net_income")
    value = float(ohlson_o({n: v for n, v in now.items()}, prior, price_index=PRICE_INDEX)[0])
    missing = _missing(now, "ohlson_o")
    reason = ""
    if np.isnan(value):
        reason = (
            "missing_inputs" if missing else "no_prior_year" if np.isnan(prior[0]) else "zero_denominator"
        )
    if financial:
        reason = "financial_sector"
    chance = float(ohlson_probability(np.array([value]))[0])
    return _assessed("ohlson_o", "Ohlson O (1980)", value, chance, "rank_only", reason, missing)


def _merton(statement: Statement, financial: bool) -> Assessment:
    label, now = "Merton distance to default (1974)", statement.now
    missing = _missing(now, "merton_dd")
    equity = float(now["market_cap"][0])
    debt = float(now["total_current_liabilities"][0] + 0.5 * now["total_long_term_debt"][0])
    values = [float(v) for v in statement.over_time(lambda items: items["market_cap"])[0]]
    changes = [
        np.log(later / earlier)
        for later, earlier in zip(values, values[1:], strict=False)
        if later > 0 and earlier > 0
    ]
    reason = ""
    if financial:
        reason = "financial_sector"
    elif missing:
        reason = "missing_inputs"
    elif not debt > 0:
        reason = "no_debt"
    elif len(changes) < LEAST_CHANGES or not np.std(changes, ddof=1) > 1e-6:
        reason = "no_volatility"
    if reason:
        return _assessed("merton_dd", label, np.nan, None, "rank_only", reason, missing, risk_rises=False)
    found = merton(equity, float(np.std(changes, ddof=1)), debt, RISK_FREE)
    return _assessed(
        "merton_dd",
        label,
        found.distance_to_default,
        found.probability,
        "rank_only",
        "",
        (),
        risk_rises=False,
    )


def _missing(items: Items, name: str) -> tuple[str, ...]:
    return tuple(need for need in _NEEDS[name] if np.isnan(items[need][0]))


def _assessed(
    name: str,
    label: str,
    value: float,
    chance: float | None,
    place: str,
    reason: str,
    missing: tuple[str, ...],
    *,
    risk_rises: bool = True,
    bounds: tuple[float | None, float | None] = (None, None),
) -> Assessment:
    there = not reason
    lacking = ", ".join(LINE_ITEMS[item].label.lower() for item in missing)
    return Assessment(
        name=name,
        label=label,
        value=value if there else None,
        probability=chance if there else None,
        zone=place if there else "not_applicable",  # type: ignore[arg-type]
        reason=reason,
        text=_WORDS[reason].format(lacking) if reason else "",
        higher_is_riskier=risk_rises,
        distress=bounds[0],
        safe=bounds[1],
        inputs=_NEEDS[name],
        missing=missing,
    )
