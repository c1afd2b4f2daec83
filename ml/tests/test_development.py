"""The shipped model on the development data itself; skipped where the data is not at hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml import categorise
from ml.sampling import history_frame, ratio_frame
from ml.shapes import PRIOR_YEARS, SHAPES, STATEMENT_MARKERS

FROM = 2003


@pytest.fixture(scope="module")
def recent(development):
    """Rows of the years whose defaults are recorded well, as a frame, with their history."""
    rows = np.flatnonzero(development.year >= FROM)
    place = pd.Series(np.arange(len(rows)), index=rows)
    history = history_frame(development)
    history = history[history.row.isin(rows)]
    history = history.assign(row=place.loc[history.row].to_numpy())
    frame = pd.DataFrame(development.items).iloc[rows].reset_index(drop=True)
    return frame, history, development.default[rows]


@pytest.fixture(scope="module")
def sheets(development):
    rows = development.year >= FROM
    found = {}
    for name in ("annual_ratios", "quarterly_ratios"):
        table = ratio_frame(SHAPES[name], development, np.random.default_rng(11))
        found[name] = table[rows].reset_index(drop=True)
    return found, development.default[rows]


TOLERANCE = 0.25
"""Of the mean PD around the default rate; the exact figures, out of time, are in the model card."""


@pytest.mark.parametrize("with_market", [True, False])
@pytest.mark.parametrize("with_history", [True, False])
def test_statements_are_calibrated_in_the_mean(engine, recent, with_market, with_history):
    frame, history, default = recent
    if not with_market:
        frame, history = frame.drop(columns="market_cap"), history.drop(columns="market_cap")
    scores = engine.score(frame, kind="annual", history=history if with_history else None, drivers=0)
    assert scores.pd.mean() == pytest.approx(default.mean(), rel=TOLERANCE)


@pytest.mark.parametrize(
    "name",
    [name for name in STATEMENT_MARKERS if name not in (PRIOR_YEARS, "gross_profit", "ebit", "ebitda")],
)
def test_statements_with_one_missing_item_are_calibrated(engine, recent, name):
    frame, history, default = recent
    history = history.drop(columns=name)
    scores = engine.score(frame.drop(columns=name), kind="annual", history=history, drivers=0)
    assert scores.pd.mean() == pytest.approx(default.mean(), rel=TOLERANCE)


@pytest.mark.parametrize(
    ("kind", "dropped"),
    [("annual", None), *(("annual", name) for name in SHAPES["annual_ratios"].features)]
    + [("quarterly", None), *(("quarterly", name) for name in SHAPES["quarterly_ratios"].features)],
)
def test_ratios_are_calibrated_single_gaps_included(engine, sheets, kind, dropped):
    tables, default = sheets
    frame = tables[f"{kind}_ratios"]
    frame = frame if dropped is None else frame.drop(columns=dropped)
    scores = engine.score(frame, kind=kind, drivers=0)
    assert scores.pd.mean() == pytest.approx(default.mean(), rel=TOLERANCE)


def test_all_four_categories_are_reached_by_line_items(engine, recent):
    frame, history, _ = recent
    named = categorise(engine.score(frame, kind="annual", history=history, drivers=0).pd)
    assert set(named) == {"low", "medium", "high", "critical"}
    without = frame.drop(columns="market_cap")
    named = categorise(engine.score(without, kind="annual", drivers=0).pd)
    assert set(named) == {"low", "medium", "high", "critical"}
