"""The parts of a file scored as columns: what `drafts` does for single rows, without an object per row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from django.utils import timezone
from numpy.typing import NDArray

from companies.sheets.columns import PRIOR
from ml.categories import Cutoffs, categorise
from ml.features import LINE_ITEMS, Array
from ml.hashing import input_hashes
from predictions.grading import master_scale, pd_floor
from predictions.registry.selectors import ActiveModel
from predictions.services.scoring.drafts import RATIOS, engine_kind
from tenants.kernel.context import current_tenant

# Below this a whole number is written without an exponent.
_PLAIN_BELOW = 1e15


@dataclass(frozen=True)
class InputColumns:
    """What n rows are scored on, by kind of input: ratios, line items in USD millions, the period before."""

    ratios: dict[str, Array]
    statement: dict[str, Array]
    prior: dict[str, Array]

    @classmethod
    def of(cls, kind: str, part: pa.Table) -> InputColumns:
        """The inputs among the columns of a part."""
        present = set(part.column_names)
        ratios = {n: _numbers(part, n) for n in RATIOS[kind] if n in present}  # type: ignore[index]
        items = [n for n in LINE_ITEMS if n in present and n != "market_cap"]
        statement = {n: _numbers(part, n) for n in items}
        prior = {n: _numbers(part, PRIOR + n) for n in LINE_ITEMS if PRIOR + n in present}
        if statement:
            # A market value goes with a statement; alone it says nothing of a company's debts.
            some = np.logical_or.reduce([~np.isnan(values) for values in statement.values()])
            statement["market_cap"] = np.where(some, _numbers(part, "market_cap"), np.nan)
        return cls(*({n: v for n, v in kept.items() if not np.isnan(v).all()} for kept in
                     (ratios, statement, prior)))  # fmt: skip

    def frame(self, rows: int) -> pd.DataFrame:
        """Ratios and line items as the engine takes them."""
        found = {**self.statement, **self.ratios}
        return pd.DataFrame(found or {"total_assets": np.full(rows, np.nan)})

    def history(self) -> pd.DataFrame | None:
        """The period before, of the rows that have one."""
        if not self.prior:
            return None
        some = np.logical_or.reduce([~np.isnan(values) for values in self.prior.values()])
        rows = np.flatnonzero(some)
        columns = {name: values[rows] for name, values in self.prior.items()}
        return pd.DataFrame({"row": rows, "periods_back": 1, **columns})

    def only(self, rows: NDArray[np.bool_]) -> InputColumns:
        """The inputs of the chosen rows."""
        return InputColumns(
            *({n: v[rows] for n, v in getattr(self, part.name).items()} for part in fields(self))
        )

    def json(self, rows: int) -> pa.Array:
        """The inputs of each row as JSON, in which only what a row has is named."""
        whole = {
            "ratios": _objects(self.ratios),
            "statement": _objects(self.statement),
            "prior": _joined("[", _objects(self.prior), "]"),
        }
        return pc.fill_null(_objects_of_texts(whole, rows), "{}")

    def hashes(self) -> list[str]:
        """The canonical hash of each row's inputs."""
        parts = {part.name: getattr(self, part.name) for part in fields(self)}
        return input_hashes({name: columns for name, columns in parts.items() if columns}, listed={"prior"})


@dataclass(frozen=True)
class ScoredColumns:
    """Computed scores of n rows of a part, ready to be stored: arrays of shape (n,)."""

    part: pa.Table
    """Keys and labels of the rows, as `ParsedBatch` has them."""
    inputs: InputColumns
    shape: NDArray[np.str_]
    pd: Array
    pd_raw: Array
    risk_level: NDArray[np.str_]
    grade: NDArray[np.str_]
    low: Array
    high: Array
    confidence: Array
    confidence_level: NDArray[np.str_]
    members: Mapping[str, Array]
    reasons: tuple[list[list[str]], NDArray[np.intp]]
    """The different lists of reasons, and for each row the place of its own."""

    def __len__(self) -> int:
        return len(self.pd)

    @property
    def row_numbers(self) -> NDArray[np.int64]:
        """Rows of the file, the header being 1."""
        numbers: NDArray[np.int64] = self.part["row_number"].to_numpy()
        return numbers

    def only(self, rows: NDArray[np.bool_]) -> ScoredColumns:
        """The chosen rows."""
        if rows.all():
            return self
        arrays = {n: getattr(self, n)[rows] for n in _ARRAYS}
        return ScoredColumns(
            part=self.part.filter(pa.array(rows)),
            inputs=self.inputs.only(rows),
            members={name: values[rows] for name, values in self.members.items()},
            reasons=(self.reasons[0], self.reasons[1][rows]),
            **arrays,
        )

    def level_counts(self) -> dict[str, int]:
        """How many scores fell into each risk level."""
        return dict(Counter(self.risk_level.tolist()))

    def members_json(self) -> pa.Array:
        """The members' PDs by name, as JSON."""
        return _objects(self.members)

    def reasons_json(self) -> pa.Array:
        """The reasons as JSON."""
        texts, places = self.reasons
        return pa.array([json.dumps(codes) for codes in texts], pa.string()).take(pa.array(places))


_ARRAYS = ("shape", "pd", "pd_raw", "risk_level", "grade", "low", "high", "confidence", "confidence_level")


def score_columns(kind: str, part: pa.Table, *, model: ActiveModel) -> tuple[ScoredColumns, list[int]]:
    """Score the rows of a part with one call of the engine, by the cut-offs of the current tenant.

    Gives the scores of the rows that could be scored, and the row numbers of those that could not: too
    little was left to score on.
    """
    rows = part.num_rows
    inputs = InputColumns.of(kind, part)
    age = timezone.now().year - part["reporting_year"].to_numpy().astype(np.float64)
    scores = model.engine.score(
        inputs.frame(rows),
        kind=engine_kind(kind),
        history=inputs.history(),
        drivers=0,
        floor=pd_floor(),
        age=age,
    )
    usable = ~np.isnan(scores.pd)
    levels = np.full(rows, "", dtype="<U8")
    levels[usable] = np.char.upper(categorise(scores.pd[usable], Cutoffs(*current_tenant().cutoffs)))
    scored = ScoredColumns(
        part=part,
        inputs=inputs,
        shape=scores.shape,
        pd=scores.pd,
        pd_raw=scores.pd_raw,
        risk_level=levels,
        grade=master_scale().assign(scores.pd),
        low=scores.low,
        high=scores.high,
        confidence=scores.confidence,
        confidence_level=scores.confidence_level,
        members=scores.members,
        reasons=scores.reasons.groups(),
    )
    return scored.only(usable), scored.row_numbers[~usable].tolist()


def _numbers(part: pa.Table, name: str) -> Array:
    values: Array = part[name].to_numpy()
    return values


def number_texts(values: Array) -> pa.Array:
    """Numbers as JSON writes them, the shortest text that reads back the same; null for NaN."""
    texts = pc.cast(pa.array(values + 0.0, from_pandas=True), pa.string())
    whole = (np.floor(values) == values) & (np.abs(values) < _PLAIN_BELOW)
    if not whole.any():
        return texts
    # A number that is a float stays one when it is read again.
    return pc.if_else(pa.array(whole), pc.binary_join_element_wise(texts, ".0", ""), texts)


def _objects(columns: Mapping[str, Array]) -> pa.Array | None:
    """Columns of numbers as one JSON object per row; null where a row has none, None where nobody has."""
    if not columns:
        return None
    texts = {name: number_texts(values) for name, values in columns.items()}
    return _objects_of_texts(texts, len(next(iter(texts.values()))))


def _objects_of_texts(columns: Mapping[str, pa.Array | None], rows: int) -> pa.Array:
    # In the order in which jsonb keeps keys: to sort what is sorted costs PostgreSQL little.
    ordered = sorted(columns.items(), key=lambda column: (len(column[0]), column[0]))
    pieces = [_joined(f", {json.dumps(n)}: ", texts) for n, texts in ordered if texts is not None]
    if not pieces:
        return pa.nulls(rows, pa.string())
    # Not by skipping what is null: Arrow 26 drops a row of which nothing is left.
    whole = pc.binary_join_element_wise("{", *pieces, "}", "", null_handling="replace", null_replacement="")
    whole = pc.replace_substring(whole, "{, ", "{", max_replacements=1)
    return pc.if_else(pc.equal(whole, "{}"), None, whole)


def _joined(*parts: Any) -> pa.Array | None:
    """Texts put together; null where one of them is."""
    if any(part is None for part in parts):
        return None
    return pc.binary_join_element_wise(*parts, "")
