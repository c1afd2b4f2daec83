"""From what users bring to what a model takes: cleaning, trailing twelve months, and the choice of shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.features import (
    ANNUAL_RATIOS,
    DEVELOPED_ITEMS,
    FLOW_ITEMS,
    LINE_ITEMS,
    QUARTERLY_RATIOS,
    RATIOS,
    Array,
    Items,
    Statement,
    clean_items,
    clean_ratios,
    complete_items,
    feature_matrix,
    ratios_from_items,
)
from ml.shapes import NO_SHAPE, SHAPES, Shape

Kind = Literal["annual", "quarterly"]
Mask = NDArray[np.bool_]

YEARS_BACK = 4
QUARTERS = 4
OLD_YEARS = 2
"""Age from which a statement says so little of the coming year that the confidence is lowered."""
_BOTTOM_LINES = ("net_income", "ebit", "ebitda")


@dataclass(frozen=True)
class Prepared:
    """Rows ready to be scored: their shape, their inputs, and the flags that become reasons."""

    shape: NDArray[np.str_]
    statement: Statement
    ratios: dict[str, Array]
    flags: dict[str, Mask]
    """Reason code to the rows it concerns, in the order in which reasons are given."""

    def __len__(self) -> int:
        return len(self.shape)


def prepare(
    frame: pd.DataFrame,
    *,
    kind: Kind,
    history: pd.DataFrame | None = None,
    shape: str | None = None,
    age: Array | None = None,
) -> Prepared:
    """Rows of line items and ratios, cleaned and completed, each with the shape it can be scored in.

    Parameters
    ----------
    frame : DataFrame, one row per obligor
        Any of the line items (USD millions) and ratios (percent as numbers); NaN is missing.
    kind : {"annual", "quarterly"}
        Period of the flows. Quarterly flows become trailing-twelve-month ones.
    history : DataFrame, optional
        Earlier periods in long form: `row` (position in frame), `periods_back` (1 = the period before),
        line items.
    shape : str, optional
        The only shape to use; rows that lack its inputs get none. By default the richest one.
    age : array of shape (n,), optional
        Years from each row's fiscal year to the year in which it is scored.

    Raises
    ------
    ValueError
        If `kind` or `shape` is unknown, a column is not numeric, or the history points outside the frame.
    """
    if kind not in ("annual", "quarterly"):
        raise ValueError(f"kind must be 'annual' or 'quarterly', not {kind!r}")
    if shape is not None and shape not in SHAPES:
        raise ValueError(f"shape must be one of {', '.join(SHAPES)}, not {shape!r}")
    flags: dict[str, Mask] = {}
    size = len(frame)
    # Annual line items give the ratios of either sheet, so either shape can be asked for.
    annual = shape == "annual_ratios" or (shape != "quarterly_ratios" and kind == "annual")
    names = ANNUAL_RATIOS if annual else QUARTERLY_RATIOS
    columns = _columns(frame, (*LINE_ITEMS, *names))
    given = {name: values for name, values in columns.items() if name in LINE_ITEMS}
    now, refused = clean_items(given)
    periods = _periods(history, size, YEARS_BACK if kind == "annual" else QUARTERS * (YEARS_BACK + 1) - 1)
    if kind == "quarterly":
        now, years = _trailing(now, periods, size, flags)
    else:
        years = periods
    items = complete_items(now) if now else _nothing(size)
    statement = Statement(items, tuple(complete_items(year) if year else _nothing(size) for year in years))
    ratios, refused_ratios = _ratios(columns, items, names)
    chosen = _shapes(items, ratios, SHAPES["annual_ratios" if annual else "quarterly_ratios"], shape)
    _flag_statements(flags, chosen, statement)
    for name, mask in {**refused, **refused_ratios}.items():
        flags[f"out_of_range:{name}"] = mask
    _flag_ratios(flags, chosen, ratios, names)
    if age is not None:
        flags["old_statement"] = (age >= OLD_YEARS) & (chosen != NO_SHAPE)
    if "total_long_term_debt" not in given and "total_debt" in given:
        flags["stand_in:total_long_term_debt"] = ~np.isnan(given["total_debt"])
    elif "total_debt" in given:
        flags["stand_in:total_long_term_debt"] = np.isnan(given["total_long_term_debt"]) & ~np.isnan(
            given["total_debt"]
        )
    return Prepared(chosen, statement, ratios, flags)


def _columns(frame: pd.DataFrame, wanted: Iterable[str]) -> dict[str, Array]:
    """The wanted columns that the frame has, as contiguous float arrays; infinite is missing."""
    places = {name: place for place, name in enumerate(frame.columns.tolist())}
    names = [name for name in wanted if name in places]
    if not names:
        return {}
    if all(dtype.kind in "fiu" for dtype in frame.dtypes.tolist()):
        # Choosing columns of a frame costs more than converting all of them.
        block = frame.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        try:
            block = frame[names].to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError):
            return {name: _numeric(frame[name]) for name in names}
        places = {name: place for place, name in enumerate(names)}
    infinite = np.isinf(block)
    if infinite.any():
        block = np.where(infinite, np.nan, block)
    return {name: np.ascontiguousarray(block[:, places[name]]) for name in names}


def _numeric(column: pd.Series) -> Array:
    try:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        try:
            values = pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"column {column.name!r} holds something that is not a number: {error}"
            ) from error
    return np.where(np.isinf(values), np.nan, values)


def _nothing(size: int) -> Items:
    return {name: np.full(size, np.nan) for name in LINE_ITEMS}


def _periods(history: pd.DataFrame | None, size: int, depth: int) -> tuple[Items, ...]:
    """Cleaned line items of each period back, shape (n,) per item; empty mappings where nothing is known."""
    if history is None or history.empty:
        return ()
    rows = history["row"].to_numpy(dtype=np.int64)
    back = history["periods_back"].to_numpy(dtype=np.int64)
    if ((rows < 0) | (rows >= size)).any():
        raise ValueError("history names a row that is not in the frame")
    if (back < 1).any():
        raise ValueError("periods_back counts from 1, the period before the scored one")
    columns = _columns(history, LINE_ITEMS)
    found: list[Items] = []
    for period in range(1, min(depth, int(back.max())) + 1):
        chosen = back == period
        items: Items = {}
        for name, values in columns.items():
            filled = np.full(size, np.nan)
            filled[rows[chosen]] = values[chosen]
            items[name] = filled
        found.append(clean_items(items)[0])
    return tuple(found)


def _trailing(
    now: Items, quarters: tuple[Items, ...], size: int, flags: dict[str, Mask]
) -> tuple[Items, tuple[Items, ...]]:
    """Trailing-twelve-month flows and latest stocks, now and one to four years back.

    A year with fewer than four known quarters is annualised for the scored period, with a flag; for earlier
    years it is left missing, since a seasonal quarter would read as a change.
    """
    stretch = (now, *quarters)
    known = np.zeros(size, dtype=np.int64)
    for quarter in stretch[:QUARTERS]:
        present = np.zeros(size, dtype=bool)
        for name in FLOW_ITEMS & quarter.keys():
            present |= ~np.isnan(quarter[name])
        known += present
    flags["single_quarter_annualised"] = known == 1
    for count in (2, 3):
        flags[f"partial_year_annualised:{count}"] = known == count
    years = []
    for start in range(0, len(stretch), QUARTERS):
        years.append(_year(stretch[start : start + QUARTERS], size, complete=start > 0))
    return years[0], tuple(years[1:])


def _year(quarters: tuple[Items, ...], size: int, *, complete: bool) -> Items:
    names: Iterable[str] = dict.fromkeys(name for quarter in quarters for name in quarter)
    blank = np.full(size, np.nan)
    year: Items = {}
    for name in names:
        if name not in FLOW_ITEMS:
            year[name] = quarters[0].get(name, blank)
            continue
        values = np.stack([quarter.get(name, blank) for quarter in quarters], axis=1)
        count = (~np.isnan(values)).sum(axis=1)
        enough = count == QUARTERS if complete else count >= 1
        total = np.nansum(values, axis=1) * QUARTERS / np.maximum(count, 1)
        year[name] = np.where(enough, total, np.nan)
    return year


def _ratios(
    columns: Mapping[str, Array], items: Items, names: tuple[str, ...]
) -> tuple[dict[str, Array], dict[str, Mask]]:
    derived = ratios_from_items(items, names)
    given = {name: columns[name] for name in names if name in columns}
    merged = {name: np.where(np.isnan(given[name]), derived[name], given[name]) for name in given}
    return clean_ratios({**derived, **merged})


def _shapes(
    items: Items, ratios: Mapping[str, Array], ratio_shape: Shape, only: str | None
) -> NDArray[np.str_]:
    """The richest shape each row can be scored in, or the one asked for where its inputs are there.

    A statement needs total assets, total liabilities (or equity) and one of net income, EBIT and EBITDA.
    """
    bottom = np.zeros(len(items["total_assets"]), dtype=bool)
    for name in _BOTTOM_LINES:
        bottom |= ~np.isnan(items[name])
    statement = bottom & ~np.isnan(items["total_assets"]) & ~np.isnan(items["total_liabilities"])
    market = statement & ~np.isnan(items["market_cap"])
    some = np.zeros(len(bottom), dtype=bool)
    for name in ratio_shape.features:
        some |= ~np.isnan(ratios[name])
    possible = {"statement_market": market, "statement": statement, ratio_shape.name: some}
    if only is not None:
        possible = {only: possible[only]}
    return np.select(list(possible.values()), list(possible), NO_SHAPE)


def _flag_statements(flags: dict[str, Mask], shape: NDArray[np.str_], statement: Statement) -> None:
    full = (shape == "statement_market") | (shape == "statement")
    flags["ratio_only"] = (shape == "annual_ratios") | (shape == "quarterly_ratios")
    flags["no_market_value"] = shape == "statement"
    flags["no_prior_year"] = full & np.isnan(statement.before("total_assets"))
    for name in DEVELOPED_ITEMS:
        if name != "market_cap":
            flags[f"missing:{name}"] = full & np.isnan(statement.now[name])
    flags["undefined:total_debt_to_ebitda"] = full & (statement.now["ebitda"] <= 0)


def _flag_ratios(
    flags: dict[str, Mask], shape: NDArray[np.str_], ratios: Mapping[str, Array], names: tuple[str, ...]
) -> None:
    only = flags["ratio_only"]
    for name in names:
        spec, values = RATIOS[name], ratios[name]
        if not spec.fitted:
            flags[f"not_in_model:{name}"] = only & ~np.isnan(values)
            continue
        flags[f"missing:{name}"] = only & np.isnan(values)
        if spec.negative_is_worst:
            code = f"undefined:{name}"
            undefined = only & (values > spec.high)
            flags[code] = flags[code] | undefined if code in flags else undefined
    flags["insufficient_inputs"] = shape == NO_SHAPE


def design_matrix(shape: Shape, prepared: Prepared, rows: NDArray[np.intp]) -> Array:
    """The features of a shape for the chosen rows, shape (len(rows), p)."""
    if not shape.is_statement:
        return np.column_stack([prepared.ratios[name][rows] for name in shape.features])
    statement = Statement(
        {name: values[rows] for name, values in prepared.statement.now.items()},
        tuple({name: values[rows] for name, values in year.items()} for year in prepared.statement.years),
    )
    return feature_matrix(statement, shape.features)
