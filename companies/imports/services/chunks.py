"""A part of a file taken in: what it brings, what was wrong, and its done-mark, in one transaction."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from companies.imports import parts, selectors
from companies.imports.hints import hint_for
from companies.imports.models import (
    EffectKind,
    Import,
    ImportChunk,
    ImportEffect,
    ImportIssue,
    ImportState,
    IssueLevel,
)
from companies.imports.parsing import Finding, Parsed
from companies.imports.services.jobs import import_advance, import_fail
from companies.imports.services.writing import Effect, Written, write
from tenants.kernel import pieces
from tenants.kernel.copying import copy_rows
from tenants.kernel.ids import uuid7_batch
from tenants.kernel.locks import hold_shared
from tenants.kernel.request import Actor


def chunk_take(*, chunk_id: UUID) -> UUID | None:
    """Take a chunk in, or try it and take it back where the import is dry; the import's id, None if gone.

    A chunk that somebody else is writing or has written is left.
    """
    chunk = ImportChunk.objects.select_related("job").filter(id=chunk_id).first()
    if chunk is None:
        return None
    job_id = UUID(str(chunk.job_id))
    if chunk.done_at is not None or chunk.job.state != ImportState.PROCESSING:
        return job_id
    if not pieces.begin(ImportChunk.objects.all(), chunk_id):
        chunk_give_up(chunk_id=chunk_id)
        return job_id
    read = parts.read(chunk)
    with transaction.atomic():
        hold_shared(job_id)
        mine = pieces.claim(ImportChunk.objects.filter(job__state=ImportState.PROCESSING), chunk_id)
        if mine is None:
            return job_id
        job = Import.objects.get(id=job_id)
        how = selectors.reading(job)
        written = write(job, how, read.drafts)
        _store(mine, job, read, written)
    return job_id


def _store(chunk: ImportChunk, job: Import, read: Parsed, written: Written) -> None:
    errors, warnings = read.errors + written.errors, read.warnings + written.warnings
    first: dict[int, str] = {}
    for finding in sorted(errors, key=lambda f: f.row):
        first.setdefault(finding.row, finding.code)
    _store_findings(chunk, job, errors, warnings)
    if not job.dry:
        _store_effects(chunk, written.effects)
    chunk.faulty_rows = len(first)
    chunk.ok_rows = chunk.rows - len(first)
    chunk.warning_count = len(warnings)
    counts = Counter(_COUNTED[effect.kind] for effect in written.effects)
    counts.update(written.unchanged)
    chunk.counts = dict(counts) | ({"new": sorted(written.new)} if job.dry and written.new else {})
    chunk.fault_counts = dict(Counter(first.values()))
    chunk.done_at = timezone.now()
    chunk.save()


_COUNTED = {
    EffectKind.COMPANY_CREATED: "companies_created",
    EffectKind.COMPANY_CHANGED: "companies_changed",
    EffectKind.STATEMENT_CREATED: "statements_created",
    EffectKind.STATEMENT_RESTATED: "statements_restated",
}


def _store_effects(chunk: ImportChunk, effects: list[Effect]) -> None:
    copy_rows(
        ImportEffect,
        organization_id=chunk.organization_id,
        fields=("id", "job", "row_number", "kind", "company", "statement", "undone"),
        rows=(
            (identifier, chunk.job_id, e.row, str(e.kind), e.company_id, e.statement_id, False)
            for identifier, e in zip(uuid7_batch(len(effects)), effects, strict=True)
        ),
    )


def _store_findings(chunk: ImportChunk, job: Import, errors: list[Finding], warnings: list[Finding]) -> None:
    found = [(IssueLevel.ERROR, f) for f in errors] + [(IssueLevel.WARNING, f) for f in warnings]
    found.sort(key=lambda pair: pair[1].row)

    def rows() -> object:
        for identifier, (level, finding) in zip(uuid7_batch(len(found)), found, strict=True):
            said = selectors.described_finding(job, finding)
            yield (
                identifier,
                chunk.job_id,
                said["row"],
                level.value,
                said["cell"],
                said["column"].replace("\x00", ""),
                said["target"],
                said["code"],
                said["message"][:300],
                said["hint"][:300],
                said["value"].replace("\x00", "\ufffd")[:200],
            )

    names = (
        "id",
        "job",
        "row_number",
        "level",
        "cell",
        "column",
        "target",
        "code",
        "message",
        "hint",
        "value",
    )
    copy_rows(ImportIssue, organization_id=chunk.organization_id, fields=names, rows=rows())  # type: ignore[arg-type]


def chunk_fail(*, chunk_id: UUID, message: str, actor: Actor) -> None:
    """End the whole import of a chunk that no attempt can take in, with one sentence for its owner."""
    job_id = ImportChunk.objects.filter(id=chunk_id).values_list("job_id", flat=True).first()
    if job_id is not None:
        import_fail(import_id=job_id, message=message, actor=actor)


@transaction.atomic
def chunk_give_up(*, chunk_id: UUID) -> None:
    """Close a chunk that keeps failing: each of its rows becomes a faulty row, so that none is lost."""
    job_id = ImportChunk.objects.filter(id=chunk_id, done_at=None).values_list("job_id", flat=True).first()
    if job_id is None:
        return
    hold_shared(job_id)
    chunk = pieces.claim(ImportChunk.objects.all(), chunk_id)
    if chunk is None:
        return
    job = Import.objects.get(id=job_id)
    read = parts.read(chunk)
    text = "This row could not be taken in because of a fault on our side."
    lost = [Finding(d.row, -1, "internal", text, "", hint_for("internal")) for d in read.drafts]
    _store(chunk, job, read, Written(errors=lost))
    import_advance(import_id=job_id, actor=job.owner)
