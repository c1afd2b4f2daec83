"""A labelled table as a development sample: what can be learnt from, what cannot, and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.features.arithmetic import STATE_WORST, Array
from ml.validation import auc

LEAST_DEFAULTS: Final = 20
"""Fewer defaults bear no model: with 20 the standard error of an AUC of 0.8 is still 0.06."""
LEAST_SURVIVORS: Final = 50
MOST_COLUMNS: Final = 200
LEAK_AUC: Final = 0.995
SUSPECT_AUC: Final = 0.97
_MOST_UNREADABLE: Final = 0.05
_YES: Final = frozenset({"1", "1.0", "true", "yes", "y", "default", "defaulted"})
_NO: Final = frozenset({"0", "0.0", "false", "no", "n", "alive", "performing"})
_MISSING: Final = frozenset({"", "na", "n/a", "nan", "null", "none", "#n/a", "-"})
_FIRST_YEAR, _LAST_YEAR = 1900, 2200


class SampleError(ValueError):
    """A table that bears no model: a code for programs and a sentence for people."""

    def __init__(self, code: str, detail: str, column: str = "") -> None:
        super().__init__(detail)
        self.code, self.detail, self.column = code, detail, column


@dataclass(frozen=True)
class Finding:
    """What was noticed about a column or the table, and what was done about it."""

    code: str
    column: str
    detail: str

    def as_dict(self) -> dict[str, str]:
        """The finding ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Sample:
    """What is learnt from.

    `X` has shape (n, p), NaN where missing; `y` holds 0 and 1; `period` is a year with its fraction, or None;
    `entity` numbers the companies, or None.
    """

    names: tuple[str, ...]
    X: Array
    y: Array
    period: Array | None
    entity: NDArray[np.int64] | None
    dropped: dict[str, str]
    findings: tuple[Finding, ...] = field(default=())

    @property
    def defaults(self) -> int:
        """Number of rows with a default."""
        return int(self.y.sum())


def read_sample(
    frame: pd.DataFrame, *, target: str, date: str | None = None, entity: str | None = None
) -> Sample:
    """The development sample of a labelled table.

    Parameters
    ----------
    frame : DataFrame
        Cells as texts or numbers; a row per company, or per company and date.
    target : str
        Column of 0 and 1 (true and false, yes and no): whether the default came.
    date : str, optional
        Column of years or dates; with it the model is validated on later years than it was fitted to.
    entity : str, optional
        Column that names the company; rows of one company are never on both sides of a fold.

    Raises
    ------
    SampleError
        If there is no such column, too little to learn from, or a column that gives the target away.
    """
    _check_names(frame, target, date, entity)
    y = _target(frame[target])
    period = None if date is None else _periods(frame[date])
    codes = None if entity is None else _entities(frame[entity])
    findings: list[Finding] = []
    dropped: dict[str, str] = {}
    kept: dict[str, Array] = {}
    for name in (str(c) for c in frame.columns):
        if name in {target, date, entity}:
            continue
        values, unreadable = _numbers(frame[name])
        if reason := _unfit(values, unreadable, kept):
            dropped[name] = reason
            continue
        if unreadable.any():
            row, text = _first(frame[name], unreadable)
            findings.append(
                Finding("not_a_number", name, f"{int(unreadable.sum())} cells are no numbers and count as "
                        f"missing; the first is {text!r} in row {row}.")
            )  # fmt: skip
        kept[name] = values
    if not kept:
        raise SampleError("no_columns", "No numeric column that varies stands beside the target.")
    if len(kept) > MOST_COLUMNS:
        raise SampleError(
            "too_many_columns", f"Up to {MOST_COLUMNS} columns are taken; {len(kept)} can be used."
        )
    findings += _leaks(kept, y)
    findings += _labels(y, codes)
    findings += _repeats(codes, period)
    return Sample(
        tuple(kept), np.column_stack(list(kept.values())), y, period, codes, dropped, tuple(findings)
    )


def numeric(frame: pd.DataFrame, names: tuple[str, ...]) -> Array:
    """The named columns as a matrix of shape (n, p), NaN for what is no number or not there at all."""
    missing = np.full(len(frame), np.nan)
    return np.column_stack([_numbers(frame[n])[0] if n in frame.columns else missing for n in names])


def _check_names(frame: pd.DataFrame, target: str, date: str | None, entity: str | None) -> None:
    names = [str(c) for c in frame.columns]
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise SampleError("duplicate_column", f"The column {twice[0]!r} stands there twice.", twice[0])
    for role, name in (("target", target), ("date", date), ("entity", entity)):
        if name is not None and name not in names:
            raise SampleError("no_such_column", f"There is no column {name!r} for the {role}.", name)
    chosen = [n for n in (target, date, entity) if n is not None]
    if len(set(chosen)) < len(chosen):
        raise SampleError("same_column", "Target, date and entity must be different columns.")


def _target(column: pd.Series[Any]) -> Array:
    name = str(column.name)
    texts = column.astype("string").fillna("").str.strip().str.lower()
    yes, no = texts.isin(_YES).to_numpy(dtype=bool), texts.isin(_NO).to_numpy(dtype=bool)
    if not (yes | no).all():
        row, text = _first(column, ~(yes | no))
        raise SampleError("target_value", f"Row {row}: the target must be 0 or 1, not {text!r}.", name)
    defaults, survivors = int(yes.sum()), int(no.sum())
    if defaults == 0 or survivors == 0:
        raise SampleError(
            "one_class",
            f"All {len(column)} rows have the target {int(defaults > 0)}: nothing tells the two apart.",
            name,
        )
    if defaults < LEAST_DEFAULTS:
        raise SampleError(
            "too_few_defaults",
            f"The file holds {defaults} defaults; at least {LEAST_DEFAULTS} are needed.",
            name,
        )
    if survivors < LEAST_SURVIVORS:
        raise SampleError(
            "too_few_survivors",
            f"The file holds {survivors} rows without a default; at least {LEAST_SURVIVORS} are needed.",
            name,
        )
    return np.asarray(yes, dtype=np.float64)


def _periods(column: pd.Series[Any]) -> Array:
    texts = column.astype("string").fillna("").str.strip()
    years: Array = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    plain = (years >= _FIRST_YEAR) & (years <= _LAST_YEAR)
    if plain.all():
        return years
    moments = pd.to_datetime(texts.where(~plain), format="ISO8601", errors="coerce", utc=True)
    days = np.asarray(moments.dt.year + (moments.dt.day_of_year - 1) / 366.0, dtype=np.float64)
    found: Array = np.where(plain, years, days)
    bad = np.isnan(found)
    if bad.any():
        row, text = _first(column, bad)
        raise SampleError(
            "date_value", f"Row {row}: {text!r} is no year and no date like 2024-12-31.", str(column.name)
        )
    return found


def _entities(column: pd.Series[Any]) -> NDArray[np.int64]:
    texts = column.astype("string").fillna("").str.strip()
    empty = (texts == "").to_numpy(dtype=bool)
    if empty.any():
        row, _ = _first(column, empty)
        raise SampleError("entity_missing", f"Row {row} names no entity.", str(column.name))
    return np.unique(texts.to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64)


def _numbers(column: pd.Series[Any]) -> tuple[Array, NDArray[np.bool_]]:
    """Values with NaN where there is none, and where text stands that is no number."""
    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        unreadable = np.zeros(len(values), dtype=bool)
    else:
        texts = column.astype("string").fillna("").str.strip()
        values = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        empty = texts.str.lower().isin(_MISSING).to_numpy(dtype=bool)
        unreadable = np.isnan(values) & ~empty
    # Beyond what trees tell apart in 32 bits, and the mark of an undefined ratio, nothing is a measurement.
    return np.where(np.isinf(values) | (np.abs(values) > 1e30) | (values == STATE_WORST), np.nan, values), (
        unreadable
    )


def _unfit(values: Array, unreadable: NDArray[np.bool_], kept: dict[str, Array]) -> str:
    """Why nothing can be learnt from a column; empty where something can."""
    known = values[~np.isnan(values)]
    if unreadable.mean() > _MOST_UNREADABLE:
        return "not numeric"
    if len(known) == 0:
        return "empty"
    if len(np.unique(known)) == 1 and len(known) == len(values):
        return "constant"
    for other, there in kept.items():
        if np.array_equal(values, there, equal_nan=True):
            return f"the same as {other}"
    return ""


def _leaks(columns: dict[str, Array], y: Array) -> list[Finding]:
    """Findings on columns that predict too well to be true.

    Raises SampleError where one as good as holds the target, by its values or by where they are missing.
    """
    found, leaking = [], []
    for name, values in columns.items():
        missing = np.isnan(values)
        power = max(_power(y, missing.astype(np.float64)), _power(y[~missing], values[~missing]))
        if power >= LEAK_AUC:
            leaking.append(name)
        elif power >= SUSPECT_AUC:
            text = f"Alone it tells defaults from survivors with an AUC of {power:.3f}: was it known before?"
            found.append(Finding("suspiciously_good", name, text))
    if leaking:
        listed = ", ".join(leaking[:5])
        raise SampleError(
            "leaking_column",
            f"{listed}: known only with the outcome, since the target can be read off. Leave it out.",
            leaking[0],
        )
    return found


def _power(y: Array, values: Array) -> float:
    if len(y) < LEAST_DEFAULTS or y.min() == y.max():
        return 0.5
    area = auc(y, values)
    return max(area, 1.0 - area)


def _labels(y: Array, entity: NDArray[np.int64] | None) -> list[Finding]:
    if entity is None:
        return []
    rows = np.bincount(entity)
    bad = np.bincount(entity, weights=y)
    several = (rows > 1) & (bad > 0)
    if several.sum() >= LEAST_DEFAULTS // 2 and (bad[several] == rows[several]).all():
        text = (
            "Every row of a company that defaults carries the target 1: it says that the company fails some "
            "day, not in the coming period, so the PDs have no horizon."
        )
        return [Finding("label_without_horizon", "", text)]
    return []


def _repeats(entity: NDArray[np.int64] | None, period: Array | None) -> list[Finding]:
    if entity is None or period is None:
        return []
    keys = np.column_stack([entity, period])
    repeated = len(keys) - len(np.unique(keys, axis=0))
    if not repeated:
        return []
    return [Finding("repeated_key", "", f"{repeated} rows repeat a company and date of another row.")]


def _first(column: pd.Series[Any], where: NDArray[np.bool_]) -> tuple[int, str]:
    """Row as a spreadsheet counts (the table's index, if it has one) and text of the first marked cell."""
    position = int(np.argmax(where))
    number = position + 2 if isinstance(column.index, pd.RangeIndex) else int(column.index[position])
    return number, str(column.iloc[position])[:60]
