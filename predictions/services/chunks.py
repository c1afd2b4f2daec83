"""The work on a job's file: cutting it into parts once, and scoring a part."""

from __future__ import annotations

import io
import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO, cast
from uuid import UUID

import pandas as pd
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from companies.services import CompanyFacts
from companies.sheets import (
    CellError,
    Kind,
    ParsedBatch,
    SheetError,
    batches,
    find_duplicates,
    open_sheet,
    parse_rows,
)
from companies.sheets.columns import PRIOR
from ml.features import LINE_ITEMS
from predictions.models import UNFINISHED, JobChunk, JobState, RowIssue, ScoringJob, Severity
from predictions.registry.selectors import champion, model_at
from predictions.services import jobs, scoring
from predictions.services.scoring import RATIOS, Inputs, ScoreRequest
from tenants.kernel import pieces
from tenants.kernel.copying import copy_rows
from tenants.kernel.errors import Unavailable
from tenants.kernel.ids import uuid7_batch
from tenants.kernel.locks import hold_shared
from tenants.kernel.request import Actor

logger = logging.getLogger(__name__)


def job_plan(*, job_id: UUID, actor: Actor) -> None:
    """Read the file once: parse and check every cell, find repeated keys, write one part per chunk.

    Done in one transaction under the job's lock: a second run finds the plan made and hands out chunks.
    """
    try:
        _plan(job_id)
    except SheetError as error:
        jobs.job_fail(job_id=job_id, message=error.detail, actor=actor)
        return
    jobs.job_advance(job_id=job_id, actor=actor)


@transaction.atomic
def _plan(job_id: UUID) -> None:
    rows = ScoringJob.objects.select_for_update(of=("self",), no_key=True)
    job = rows.filter(id=job_id, state__in=UNFINISHED).first()
    if job is None or job.planned_at is not None:
        return
    cut = _Cut(job)
    # One pass over the file: the parts are written while the keys stream by.
    repeated = iter(sorted(find_duplicates(cut.keys()).items()))
    pending = next(repeated, None)
    for chunk, last_row in zip(cut.chunks, cut.last_rows, strict=True):
        while pending is not None and pending[0] <= last_row:
            chunk.duplicates[str(pending[0])] = pending[1]
            pending = next(repeated, None)
    JobChunk.objects.bulk_create(cut.chunks, batch_size=500)
    job.total_rows = sum(chunk.rows for chunk in cut.chunks)
    job.total_companies = len(cut.symbols)
    model = champion()
    job.model_version_id, job.model_sha256 = model.id, model.sha256
    job.planned_at = timezone.now()
    job.started_at = job.started_at or job.planned_at
    job.state = JobState.PROCESSING
    job.save()


class _Cut:
    """A job's file on its way into parts."""

    def __init__(self, job: ScoringJob) -> None:
        self.job = job
        self.chunks: list[JobChunk] = []
        self.last_rows: list[int] = []
        self.symbols: set[str] = set()

    def keys(self) -> Iterator[tuple[int, str, int, int]]:
        """The key of every row that can be scored; a part is written before its keys are given."""
        job = self.job
        kind: Kind = "quarterly" if job.kind == "quarterly" else "annual"
        with default_storage.open(job.path, "rb") as stored:
            sheet = open_sheet(cast(BinaryIO, stored), job.original_filename)
            columns = jobs.column_map_of(job, sheet.columns).require()
            for rows in batches(sheet.rows(), settings.SCORING_CHUNK_ROWS):
                batch = parse_rows(
                    rows, columns, kind, decimal=sheet.decimal, unit=job.unit, currency=job.currency
                )
                self._add(batch, rows[-1][0])
                yield from batch.keys()

    def _add(self, batch: ParsedBatch, last_row: int) -> None:
        job, number = self.job, len(self.chunks) + 1
        path = default_storage.save(f"{jobs.folder(job.id)}/part-{number:05}.parquet", _part(batch))
        chunk = JobChunk(
            organization_id=job.organization_id, job=job, number=number, path=path, rows=batch.total
        )
        self.chunks.append(chunk)
        self.last_rows.append(last_row)
        self.symbols.update(batch.frame["company_symbol"])


def _part(batch: ParsedBatch) -> ContentFile[bytes]:
    """A parsed batch as Parquet: rows with their numbers, and what was found as metadata."""
    frame = batch.frame.assign(row_number=batch.row_numbers)
    frame.attrs = {
        "errors": [list(finding) for finding in batch.errors],
        "warnings": [list(finding) for finding in batch.warnings],
        "refused": batch.refused,
        "total": batch.total,
    }
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return ContentFile(buffer.getvalue())


def _read_part(chunk: JobChunk) -> pd.DataFrame:
    """A chunk's part; raises Unavailable where the storage does not have it (any more)."""
    try:
        with default_storage.open(chunk.path, "rb") as file:
            return pd.read_parquet(io.BytesIO(file.read()))
    except (OSError, ValueError) as error:
        logger.exception("a part of a job cannot be read", extra={"chunk": str(chunk.id)})
        raise Unavailable("The job's stored file cannot be read any more.", code="part_gone") from error


def chunk_score(*, chunk_id: UUID) -> UUID | None:
    """Score a chunk and write all it brings in one transaction; the job's id, None where it is gone.

    Computing comes first and holds no lock. A chunk that somebody else is writing or has written is left.
    """
    chunk = JobChunk.objects.select_related("job").filter(id=chunk_id).first()
    if chunk is None:
        return None
    if chunk.done_at is not None or chunk.job.state != JobState.PROCESSING:
        return UUID(str(chunk.job_id))
    if not pieces.begin(JobChunk.objects.all(), chunk_id):
        chunk_give_up(chunk_id=chunk_id)
        return UUID(str(chunk.job_id))
    frame = _read_part(chunk)
    errors = [CellError(*finding) for finding in frame.attrs["errors"]]
    warnings = [CellError(*finding) for finding in frame.attrs["warnings"]]
    refused = set(frame.attrs["refused"])
    requests = list(_requests(chunk.job.kind, frame, warnings))
    repeated = {int(row): first for row, first in chunk.duplicates.items()}
    for request in requests:
        row = request.row_number or 0
        if row in repeated:
            text = f"Repeats the company and period of row {repeated[row]}, which was taken."
            errors.append(CellError(row, "company_symbol", "duplicate_key", text, request.company.symbol))
        elif request.inputs.statement and request.company.currency not in {"", "USD"}:
            text = "Line items must be in US dollars: no exchange rate is known."
            errors.append(
                CellError(row, "currency", "currency_not_convertible", text, request.company.currency)
            )
    refused.update(error.row for error in errors)
    model = model_at(chunk.job.model_version_id)
    wanted = [request for request in requests if request.row_number not in refused]
    drafts = scoring.score_requests(chunk.job.kind, wanted, model=model, drivers=0)
    for draft in drafts:
        if draft.pd is None:
            row = draft.request.row_number or 0
            text = "Too few inputs are left to score from."
            errors.append(CellError(row, "", "no_inputs", text, ""))
            refused.add(row)
    scored = [draft for draft in drafts if draft.pd is not None]
    with transaction.atomic():
        hold_shared(chunk.job_id)
        mine = pieces.claim(JobChunk.objects.filter(job__state=JobState.PROCESSING), chunk.id)
        if mine is None:
            return UUID(str(chunk.job_id))
        stored = scoring.store(
            chunk.job.kind,
            scored,
            organization_id=chunk.organization_id,
            model=model,
            job_id=chunk.job_id,
            only_own=chunk.job.only_own,
            actor=chunk.job.owner,
        )
        for draft in stored.refused:
            row, symbol = draft.request.row_number or 0, draft.request.company.symbol
            text = "A colleague's prediction stands there: you may change only what you created."
            errors.append(CellError(row, "company_symbol", "not_yours", text, symbol))
            refused.add(row)
        scored = stored.drafts
        _store_findings(mine, errors, warnings)
        mine.scored_rows, mine.refused_rows = len(scored), len(refused)
        mine.warning_count = len(warnings)
        mine.level_counts = scoring.level_counts(scored)
        mine.refused_counts = _by_reason(errors)
        mine.done_at = timezone.now()
        mine.save()
    return UUID(str(chunk.job_id))


def _requests(kind: str, frame: pd.DataFrame, warnings: list[CellError]) -> Iterator[ScoreRequest]:
    """The rows of a part as scoring requests; only what a row has is among its inputs."""
    noted: dict[int, list[dict[str, Any]]] = {}
    for w in warnings:
        noted.setdefault(w.row, []).append({"column": w.column, "code": w.code, "message": w.message})
    present = set(frame.columns)
    ratios = [name for name in RATIOS[kind] if name in present]  # type: ignore[index]
    items = [name for name in LINE_ITEMS if name in present and name != "market_cap"]
    prior = [name for name in LINE_ITEMS if PRIOR + name in present]
    for row in frame.to_dict("records"):
        market_cap = row["market_cap"]
        statement = _known(row, items)
        if statement and market_cap == market_cap:
            statement["market_cap"] = market_cap
        earlier = {name: row[PRIOR + name] for name in prior if row[PRIOR + name] == row[PRIOR + name]}
        quarter = int(row["reporting_quarter"])
        yield ScoreRequest(
            company=CompanyFacts(
                row["company_symbol"],
                row["company_name"],
                row["sector"],
                scoring.money(market_cap),
                row["currency"],
            ),
            fiscal_year=int(row["reporting_year"]),
            fiscal_quarter=quarter if kind == "quarterly" else None,
            quarter_label=f"Q{quarter}" if kind == "annual" and quarter else "",
            inputs=Inputs(_known(row, ratios), statement, (earlier,) if earlier else ()),
            row_number=int(row["row_number"]),
            warnings=tuple(noted.get(row["row_number"], ())),
        )


def _known(row: dict[str, Any], names: list[str]) -> dict[str, float]:
    # NaN is the only value that differs from itself.
    return {name: value for name in names if (value := row[name]) == value}


def _by_reason(errors: list[CellError]) -> dict[str, int]:
    """Refused rows by the first reason of each."""
    first: dict[int, str] = {}
    for error in errors:
        first.setdefault(error.row, error.code)
    return dict(Counter(first.values()))


def _store_findings(chunk: JobChunk, errors: list[CellError], warnings: list[CellError]) -> None:
    findings = [(Severity.ERROR, e) for e in errors] + [(Severity.WARNING, w) for w in warnings]
    findings.sort(key=lambda pair: pair[1].row)
    copy_rows(
        RowIssue,
        organization_id=chunk.organization_id,
        fields=("id", "job", "row_number", "severity", "column", "code", "message", "value"),
        rows=(
            (
                identifier,
                chunk.job_id,
                f.row,
                severity.value,
                f.column,
                f.code,
                f.message[:300],
                f.value.replace("\x00", "\ufffd")[:200],
            )
            for identifier, (severity, f) in zip(uuid7_batch(len(findings)), findings, strict=True)
        ),
    )


def chunk_fail(*, chunk_id: UUID, message: str, actor: Actor) -> None:
    """End the whole job of a chunk that no attempt can score, with one sentence for its owner."""
    job_id = JobChunk.objects.filter(id=chunk_id).values_list("job_id", flat=True).first()
    if job_id is not None:
        jobs.job_fail(job_id=job_id, message=message, actor=actor)


@transaction.atomic
def chunk_give_up(*, chunk_id: UUID) -> None:
    """Close a chunk that keeps failing: each of its rows becomes an error row, so that none is lost."""
    wanted = JobChunk.objects.filter(id=chunk_id, done_at=None)
    job_id = wanted.values_list("job_id", flat=True).first()
    if job_id is None:
        return
    hold_shared(job_id)
    chunk = wanted.select_for_update(of=("self",)).first()
    if chunk is None:
        return
    frame = _read_part(chunk)
    errors = [CellError(*finding) for finding in frame.attrs["errors"]]
    text = "This row could not be scored because of a fault on our side."
    rows = frame["row_number"].tolist()
    errors += [CellError(int(row), "", "internal", text, "") for row in rows]
    _store_findings(chunk, errors, [CellError(*finding) for finding in frame.attrs["warnings"]])
    chunk.scored_rows, chunk.level_counts = 0, {}
    chunk.refused_rows = chunk.rows
    chunk.refused_counts = _by_reason(errors)
    chunk.done_at = timezone.now()
    chunk.save()
    jobs.job_advance(job_id=chunk.job_id, actor=chunk.job.owner)
