"""Portfolio files made up for benchmarks: as large as asked, the same for the same seed."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

_YEARS: Final = 5
_SECTORS: Final = ("Technology", "Energy", "Utilities", "Industrials", "Health care", "Materials")


def ratio_frame(rows: int, *, seed: int = 7, first: int = 0) -> pd.DataFrame:
    """Annual ratios of ``rows`` company years, five years a company, one cell in fifty missing."""
    chance = np.random.default_rng(seed)
    frame = _named(rows, first)
    frame["market_cap"] = np.round(10 ** chance.uniform(6, 11, rows), 0)
    frame["long_term_debt_to_total_capital"] = chance.uniform(5, 80, rows)
    frame["total_debt_to_ebitda"] = chance.uniform(0, 6, rows)
    frame["net_income_margin"] = chance.uniform(-20, 25, rows)
    frame["ebit_to_interest_expense"] = chance.uniform(-2, 20, rows)
    frame["return_on_assets"] = chance.normal(4, 6, rows)
    return _with_gaps(frame, frame.columns[5:], chance, 4)


def line_item_frame(rows: int, *, seed: int = 11, first: int = 0) -> pd.DataFrame:
    """Annual line items in whole dollars of ``rows`` company years that add up as statements do."""
    chance = np.random.default_rng(seed)
    frame = _named(rows, first)
    assets = np.round(10 ** chance.uniform(7, 11, rows))
    sales = assets * chance.uniform(0.3, 1.8, rows)
    ebit = sales * chance.normal(0.08, 0.08, rows)
    debt = assets * chance.uniform(0.05, 0.5, rows)
    interest = debt * chance.uniform(0.02, 0.08, rows)
    liabilities = debt + assets * chance.uniform(0.1, 0.4, rows)
    current = assets * chance.uniform(0.2, 0.6, rows)
    frame = frame.assign(
        market_cap=assets * chance.uniform(0.2, 3, rows),
        current_assets=current,
        inventory=current * 0.3,
        total_receivables=current * 0.25,
        cash=current * 0.3,
        total_assets=assets,
        total_current_liabilities=assets * chance.uniform(0.1, 0.3, rows),
        total_long_term_debt=debt * 0.8,
        total_debt=debt,
        total_liabilities=liabilities,
        total_equity=assets - liabilities,
        retained_earnings=assets * chance.normal(0.1, 0.2, rows),
        net_sales=sales,
        cost_of_goods_sold=sales * 0.6,
        gross_profit=sales * 0.4,
        depreciation_amortization=assets * 0.04,
        ebit=ebit,
        ebitda=ebit + assets * 0.04,
        interest_expense=interest,
        net_income=(ebit - interest) * 0.75,
    )
    frame.iloc[:, 4:] = frame.iloc[:, 4:].round(0)
    return _with_gaps(frame, ["inventory", "retained_earnings", "gross_profit"], chance, 0)


def as_csv(frame: pd.DataFrame) -> bytes:
    """The frame as a plain CSV file."""
    target = io.BytesIO()
    pa_csv.write_csv(
        pa.Table.from_pandas(frame, preserve_index=False), target, pa_csv.WriteOptions(quoting_style="none")
    )
    return target.getvalue()


def ratio_csv(rows: int, *, seed: int = 7, first: int = 0) -> bytes:
    """``ratio_frame`` as a file."""
    return as_csv(ratio_frame(rows, seed=seed, first=first))


def line_item_csv(rows: int, *, seed: int = 11, first: int = 0) -> bytes:
    """``line_item_frame`` as a file."""
    return as_csv(line_item_frame(rows, seed=seed, first=first))


def _named(rows: int, first: int) -> pd.DataFrame:
    number = np.arange(first, first + rows)
    company = pd.Series(number // _YEARS).astype(str)
    return pd.DataFrame(
        {
            "company_symbol": "S" + company,
            "company_name": "Company " + company,
            "sector": np.array(_SECTORS)[number // _YEARS % len(_SECTORS)],
            "reporting_year": 2015 + number % _YEARS,
        }
    )


def _with_gaps(
    frame: pd.DataFrame, columns: object, chance: np.random.Generator, digits: int
) -> pd.DataFrame:
    for name in columns:  # type: ignore[attr-defined]
        values = frame[name].round(digits)
        frame[name] = values.mask(chance.random(len(frame)) < 0.02)
    return frame
