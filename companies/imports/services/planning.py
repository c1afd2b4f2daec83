"""Reading a file once: every cell checked, repeated keys found, a part written for each chunk."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from companies.imports import parts, selectors
from companies.imports.hints import hint_for
from companies.imports.models import UNFINISHED, Import, ImportChunk, ImportState
from companies.imports.parsing import Finding, Parsed
from companies.imports.services.jobs import import_advance, import_fail
from companies.sheets import SheetError, batches
from tenants.kernel.errors import DomainError
from tenants.kernel.request import Actor


def import_plan(*, import_id: UUID, actor: Actor) -> None:
    """Cut an import's file into parts, in one transaction under its lock: a second run finds it done."""
    try:
        _plan(import_id)
    except (SheetError, DomainError) as error:
        import_fail(import_id=import_id, message=error.detail, actor=actor)
        return
    import_advance(import_id=import_id, actor=actor)


@transaction.atomic
def _plan(import_id: UUID) -> None:
    rows = Import.objects.select_for_update(of=("self",), no_key=True)
    row = rows.filter(id=import_id, state__in=UNFINISHED).first()
    if row is None or row.planned_at is not None:
        return
    row.chunks.all().delete()
    chunks = list(_parts(row))
    ImportChunk.objects.bulk_create(chunks, batch_size=500)
    row.total_rows = sum(chunk.rows for chunk in chunks)
    row.planned_at = timezone.now()
    row.state = ImportState.PROCESSING
    row.save()


def _parts(row: Import) -> Iterator[ImportChunk]:
    how = selectors.reading(row)
    seen: dict[bytes, int] = {}
    with selectors.opened(row) as sheet:
        for number, batch in enumerate(batches(sheet.rows(), settings.IMPORT_CHUNK_ROWS), 1):
            read = selectors.parsed(row, sheet, batch, how)
            _refuse_repeated(read, seen, how.where_keys)
            yield ImportChunk(
                organization_id=row.organization_id,
                job=row,
                number=number,
                path=parts.write(row, number, read),
                rows=read.total,
            )


def _refuse_repeated(read: Parsed, seen: dict[bytes, int], position: int) -> None:
    """Leave out rows that tell of a company and period that an earlier row has told of."""
    kept = []
    for draft in read.drafts:
        keys = list(draft.keys())
        first = next((seen[key] for key in keys if key in seen), None)
        if first is not None:
            text = f"Repeats the company and period of row {first}, which is taken."
            said = draft.identity.partition(":")[2]
            hint = hint_for("duplicate_key")
            read.errors.append(Finding(draft.row, position, "duplicate_key", text, said, hint))
            continue
        seen.update(dict.fromkeys(keys, draft.row))
        kept.append(draft)
    read.drafts = kept
    read.errors.sort(key=lambda finding: finding.row)
