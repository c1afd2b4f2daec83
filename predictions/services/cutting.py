"""A job's file cut into parts: every cell read and checked, repeated keys found, one part per chunk.

A cut that was broken off goes on: the same file gives the same parts, so those that are there are only read
again for their keys. Parts are handed out when the file has been read to its end.
"""

from __future__ import annotations

import contextlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import BinaryIO, cast
from uuid import UUID

import pyarrow.compute as pc
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from companies.sheets import Kind, ParsedBatch, Seen, SheetError, open_sheet, parse_rows
from predictions.models import UNFINISHED, JobChunk, JobPriority, JobState, ScoringJob
from predictions.registry.selectors import champion
from predictions.services import cut_slots, jobs
from predictions.services.parts import part_file
from predictions.services.uploads import most_rows
from tenants.kernel.files import keep_file
from tenants.kernel.request import Actor

# Blocks that are parsed while the file is read on: as many as there are in memory beside the one in hand.
_AHEAD = 2
# Chunks that are written at a time: each time the job gives a sign of life.
_FLUSH = 8
# Seconds after which a large file asks again whether it may be read.
CUT_LATER = 1


class _Overtaken(Exception):
    """Somebody else cuts this file, or the job has ended."""


def job_plan(*, job_id: UUID, actor: Actor) -> None:
    """Cut the job's file, then hand its chunks out. Safe to call again: a plan that is made is left.

    Of two at the same time one gives way. A file that cannot be read to its end fails the job.
    """
    job = ScoringJob.objects.filter(id=job_id, state__in=UNFINISHED).first()
    if job is None:
        return
    if job.planned_at is None:
        if not cut_slots.take(job):
            # Heard of, so that the sweep does not send it once more.
            jobs.mirror(job)
            jobs.plan(job, actor, after=CUT_LATER)
            return
        try:
            _Cut(job, actor).run()
        except _Overtaken:
            return
        except SheetError as error:
            jobs.job_fail(job_id=job_id, message=error.detail, actor=actor)
            return
        finally:
            cut_slots.give_back(job)
    jobs.job_advance(job_id=job_id, actor=actor)


class _Cut:
    """A job's file on its way into parts."""

    def __init__(self, job: ScoringJob, actor: Actor) -> None:
        self.job = job
        self.actor = actor
        self.seen = Seen()
        self.symbols: set[str] = set()
        self.rows = 0
        self.most = most_rows()
        self.number = 0
        self.there = job.chunks.count()
        self.pending: list[JobChunk] = []

    def run(self) -> None:
        job = self.job
        kind: Kind = "quarterly" if job.kind == "quarterly" else "annual"
        try:
            self._cut(job, kind)
        except Exception:
            # What no chunk points to would stay for good.
            for chunk in self.pending:
                with contextlib.suppress(OSError):
                    default_storage.delete(chunk.path)
            raise

    def _cut(self, job: ScoringJob, kind: Kind) -> None:
        with default_storage.open(job.path, "rb") as stored:
            sheet = open_sheet(cast(BinaryIO, stored), job.original_filename, sheet_name=job.sheet)
            columns = jobs.column_map_of(job, sheet.columns).require()
            parse = partial(
                parse_rows,
                column_map=columns,
                kind=kind,
                decimal=sheet.decimal,
                unit=job.unit,
                currency=job.currency,
            )
            # Arrow and numpy let go of the interpreter: the next block is read while this one is parsed.
            with ThreadPoolExecutor(_AHEAD, "cut") as pool:
                under_way: deque[Future[ParsedBatch]] = deque()
                for block in sheet.blocks(job.chunk_rows or settings.SCORING_CHUNK_ROWS):
                    under_way.append(pool.submit(parse, block))
                    if len(under_way) > _AHEAD:
                        self._add(under_way.popleft().result())
                while under_way:
                    self._add(under_way.popleft().result())
        self._flush(last=True)

    def _add(self, batch: ParsedBatch) -> None:
        self.number += 1
        repeats = self.seen.repeats(batch.row_keys())
        self.symbols.update(pc.unique(batch.table["company_symbol"]).to_pylist())
        self.rows += batch.total
        if self.rows > self.most:
            # Of a packed file the rows are known only here.
            raise SheetError("too_many_rows", f"Files of up to {self.most:,} rows are taken.")
        if self.number <= self.there:
            return
        job = self.job
        path = keep_file(f"{jobs.folder(job.id)}/part-{self.number:05}.parquet", part_file(batch))
        self.pending.append(
            JobChunk(
                organization_id=job.organization_id,
                job=job,
                number=self.number,
                path=path,
                rows=batch.total,
                duplicates={str(row): first for row, first in repeats.items()},
            )
        )
        if len(self.pending) >= _FLUSH:
            self._flush()

    @transaction.atomic
    def _flush(self, *, last: bool = False) -> None:
        rows = ScoringJob.objects.select_for_update(of=("self",), no_key=True)
        job = rows.filter(id=self.job.id, state__in=UNFINISHED, planned_at=None).first()
        if job is None or job.chunks.count() != self.there:
            raise _Overtaken
        JobChunk.objects.bulk_create(self.pending)
        self.there += len(self.pending)
        self.pending = []
        now = timezone.now()
        if job.state == JobState.PENDING:
            model = champion()
            job.model_version_id, job.model_sha256 = model.id, model.sha256
            job.started_at = job.started_at or now
            job.state = JobState.PROCESSING
        cut_slots.keep(job)
        job.total_rows = self.rows if last else max(job.total_rows, self.rows)
        if last:
            job.total_companies = len(self.symbols)
            if job.priority == JobPriority.URGENT and job.total_rows > settings.URGENT_MAX_ROWS:
                job.priority = JobPriority.NORMAL  # its head told of fewer rows
            job.planned_at = now
        job.save()
        if not last:
            jobs.job_advance(job_id=job.id, actor=self.actor)
