"""The parts of a file into the tables: the same rows that `storing` writes, by COPY from whole columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
from django.db import transaction
from django.utils import timezone

from companies.services import CompanySet, companies_take
from ml.features import Array
from predictions.models import Prediction, PredictionKind, Score
from predictions.registry.selectors import ActiveModel
from predictions.services.scoring.columns import ScoredColumns
from predictions.services.scoring.storing import shadow_ask
from tenants.kernel.arrays import AnyOf
from tenants.kernel.copy_format import Constant, uuid_column
from tenants.kernel.copying import copy_columns, update_rows
from tenants.kernel.ids import uuid7_bytes
from tenants.kernel.request import Actor

NOTHING = "[]"


@dataclass(frozen=True)
class StoredColumns:
    """What a part left in the database."""

    scored: ScoredColumns
    refused: list[tuple[int, str]]
    """Row number and symbol of those that would have changed what somebody else created."""


@transaction.atomic
def store_columns(
    kind: str,
    scored: ScoredColumns,
    *,
    organization_id: UUID,
    model: ActiveModel,
    job_id: UUID,
    warnings: Mapping[int, list[dict[str, Any]]],
    only_own: bool = False,
    actor: Actor,
) -> StoredColumns:
    """Write the scores of a part: companies where new, heads where new, and one score each.

    No two rows are of one company and period. Locking the companies first makes every writer of their heads
    queue; with ``only_own`` what somebody else created is left alone and its rows are refused. ``warnings``
    are the findings by row number that stay with a score.
    """
    if not len(scored):
        return StoredColumns(scored, [])
    part = scored.part
    companies = companies_take(
        symbols=part["company_symbol"].to_numpy(zero_copy_only=False),
        facts={
            "name": part["company_name"].to_numpy(zero_copy_only=False),
            "sector": part["sector"].to_numpy(zero_copy_only=False),
            "currency": part["currency"].to_numpy(zero_copy_only=False),
            "market_cap": part["market_cap"].to_numpy(),
        },
        organization_id=organization_id,
        only_own=only_own,
        actor=actor,
    )
    heads = _heads_of_rows(kind, part, companies)
    places = companies.places
    refused: list[tuple[int, str]] = []
    if heads and only_own:
        foreign = {row for row, (_, owner) in heads.items() if owner != actor.user_id}
        if foreign:
            symbols = part["company_symbol"].to_pylist()
            refused = [(int(scored.row_numbers[row]), symbols[row]) for row in sorted(foreign)]
            keep = np.ones(len(scored), dtype=bool)
            keep[list(foreign)] = False
            scored, places = scored.only(keep), places[keep]
            moved_to = np.cumsum(keep) - 1
            heads = {int(moved_to[row]): found for row, found in heads.items() if row not in foreign}
            if not len(scored):
                return StoredColumns(scored, refused)
    _write(kind, scored, companies, places, heads, organization_id, model, job_id, warnings, actor)
    return StoredColumns(scored, refused)


def _heads_of_rows(kind: str, part: pa.Table, companies: CompanySet) -> dict[int, tuple[UUID, UUID | None]]:
    """The heads that are there already, with their creators, by the row's place in the part."""
    known = [id_ for symbol, id_ in zip(companies.symbols, companies.ids, strict=True)
             if symbol not in companies.made]  # fmt: skip
    if not known:
        return {}
    years = part["reporting_year"].to_numpy()
    rows = Prediction.objects.filter(
        AnyOf("company_id", known, "uuid"), kind=kind, fiscal_year__in=np.unique(years).tolist()
    ).values_list("company_id", "fiscal_year", "fiscal_quarter", "id", "created_by_id")
    there = {(company, year, quarter): (head, owner) for company, year, quarter, head, owner in rows}
    if not there:
        return {}
    quarterly = kind == PredictionKind.QUARTERLY
    quarters = part["reporting_quarter"].to_pylist() if quarterly else [None] * len(years)
    keys = zip(companies.places.tolist(), years.tolist(), quarters, strict=True)
    found = ((row, there.get((companies.ids[place], year, q))) for row, (place, year, q) in enumerate(keys))
    return {row: head for row, head in found if head is not None}


def _write(
    kind: str,
    scored: ScoredColumns,
    companies: CompanySet,
    places: Any,
    heads: Mapping[int, tuple[UUID, UUID | None]],
    organization_id: UUID,
    model: ActiveModel,
    job_id: UUID,
    warnings: Mapping[int, list[dict[str, Any]]],
    actor: Actor,
) -> None:
    count, now = len(scored), timezone.now()
    raw_ids, raw_heads = uuid7_bytes(count), uuid7_bytes(count)
    score_ids, head_ids = uuid_column(raw_ids), uuid_column(raw_heads)
    fresh = np.ones(count, dtype=bool)
    if heads:
        fresh[list(heads)] = False
        identifiers = head_ids.to_pylist()
        for row, (head, _) in heads.items():
            identifiers[row] = head.bytes
        head_ids = uuid_column(b"".join(identifiers))
    pds, levels = _numbers(scored.pd), pa.array(scored.risk_level, pa.string())
    _new_heads(
        kind, scored, companies, places,
        {"id": head_ids, "current": score_ids, "pd": pds, "risk_level": levels},
        fresh, now, actor.user_id, organization_id,
    )  # fmt: skip
    update_rows(
        Prediction,
        organization_id=organization_id,
        fields=("current", "pd", "risk_level", "updated_at"),
        rows=[
            (head, UUID(bytes=raw_ids[16 * row : 16 * row + 16]), float(scored.pd[row]),
             str(scored.risk_level[row]), now)
            for row, (head, _) in heads.items()
        ],
    )  # fmt: skip
    copy_columns(
        Score,
        organization_id=organization_id,
        columns={
            "model_version_id": model.id,
            "model_sha256": model.sha256,
            "job": job_id,
            "created_at": now,
            "created_by_id": actor.user_id,
            "drivers": None,
            "id": score_ids,
            "prediction": head_ids,
            "row_number": pa.array(scored.row_numbers),
            "input_hash": pa.array(scored.inputs.hashes(), pa.string()),
            "shape": pa.array(scored.shape, pa.string()),
            "inputs": scored.inputs.json(count),
            "pd": pds,
            "pd_raw": _numbers(scored.pd_raw),
            "risk_level": levels,
            "grade": pa.array(scored.grade, pa.string()),
            "members": scored.members_json(),
            "low": _numbers(scored.low),
            "high": _numbers(scored.high),
            "confidence": _numbers(scored.confidence),
            "confidence_level": pa.array(scored.confidence_level, pa.string()),
            "confidence_reasons": scored.reasons_json(),
            "warnings": _warnings_json(scored, warnings),
        },
    )
    first, last = UUID(bytes=raw_ids[:16]), UUID(bytes=raw_ids[-16:])
    shadow_ask(first=first, last=last, actor=actor)


def _new_heads(
    kind: str,
    scored: ScoredColumns,
    companies: CompanySet,
    places: Any,
    result: Mapping[str, pa.Array],
    fresh: Any,
    now: datetime,
    owner: UUID | None,
    organization_id: UUID,
) -> None:
    if not fresh.any():
        return
    chosen = pa.array(fresh)
    company_ids = uuid_column(b"".join([identifier.bytes for identifier in companies.ids]))
    quarters = scored.part["reporting_quarter"].to_numpy()
    columns: dict[str, pa.Array] = {
        "company": company_ids.take(pa.array(places)),
        "latest": pa.array(_newest(places, scored.part, len(companies.ids), kind)),
        "fiscal_year": pa.array(scored.part["reporting_year"].to_numpy()),
        **result,
    }
    if kind == PredictionKind.QUARTERLY:
        constants: dict[str, Constant] = {"quarter_label": ""}
        columns["fiscal_quarter"] = pa.array(quarters)
    else:
        constants = {"fiscal_quarter": None}
        labels = pa.array(["", "Q1", "Q2", "Q3", "Q4"])
        columns["quarter_label"] = labels.take(pa.array(quarters))
    copy_columns(
        Prediction,
        organization_id=organization_id,
        columns={
            "kind": kind,
            "created_at": now,
            "updated_at": now,
            "created_by_id": owner,
            **constants,
            **{name: values.filter(chosen) for name, values in columns.items()},
        },
    )


def _numbers(values: Array) -> pa.Array:
    return pa.array(values + 0.0, from_pandas=True)  # minus nought is nought, not a number is NULL


def _newest(places: Any, part: pa.Table, companies: int, kind: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which rows are of the newest period that this part has of their company.

    The trigger that keeps ``latest`` would find the same, by writing every row but one of a company twice.
    """
    periods = part["reporting_year"].to_numpy() * 8
    if kind == PredictionKind.QUARTERLY:
        periods = periods + part["reporting_quarter"].to_numpy()
    last = np.full(companies, -1, dtype=periods.dtype)
    np.maximum.at(last, places, periods)
    newest: np.ndarray[Any, np.dtype[np.bool_]] = periods == last[places]
    return newest


def _warnings_json(scored: ScoredColumns, warnings: Mapping[int, list[dict[str, Any]]]) -> pa.Array:
    if not warnings:
        return pa.array([NOTHING], pa.string()).take(pa.array(np.zeros(len(scored), dtype=np.int64)))
    texts = {row: json.dumps(found) for row, found in warnings.items()}
    return pa.array([texts.get(row, NOTHING) for row in scored.row_numbers.tolist()], pa.string())
