"""Taking a file in, and saying how its columns are read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import PurePosixPath
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from companies.imports import mapping as columns
from companies.imports import selectors
from companies.imports.mapping import is_error_column
from companies.imports.models import OPEN, ColumnMapping, Import, ImportState
from companies.imports.services.jobs import forget_plan
from companies.sheets import Limits, SheetError, open_sheet
from companies.sheets.units import CURRENCIES, unit_factor
from tenants.kernel import audit
from tenants.kernel.context import current_tenant
from tenants.kernel.errors import Conflict, InvalidInput, TooLarge
from tenants.kernel.files import keep_file
from tenants.kernel.ids import uuid7
from tenants.kernel.request import Actor


def import_create(
    *,
    upload: UploadedFile[bytes],
    organization_id: UUID,
    unit: str = "",
    currency: str = "",
    only_own: bool = False,
    actor: Actor,
) -> Import:
    """Keep a file and propose how it is read: as it was for a file with the same header, else by names.

    Raises InvalidInput (with the reader's code) for a file that cannot be read, TooLarge beyond the limits.
    """
    size = upload.size or 0
    if size > settings.UPLOAD_MAX_BYTES:
        raise TooLarge(f"Files of up to {settings.UPLOAD_MAX_BYTES // 2**20} MB are taken.")
    name = PurePosixPath((upload.name or "upload").replace("\\", "/")).name[-255:]
    try:
        sheet = open_sheet(upload, name, Limits())  # type: ignore[arg-type]
        rows = sheet.count_rows()
    except SheetError as error:
        raise InvalidInput(error.detail, code=error.code) from None
    most = settings.UPLOAD_MAX_ROWS_INDIVIDUAL if current_tenant().is_personal else settings.IMPORT_MAX_ROWS
    if rows > most:
        raise TooLarge(
            f"Files of up to {most:,} rows are taken; this one has {rows:,}.", code="too_many_rows"
        )
    header = [text[:200] for text in sheet.columns]
    mark = columns.fingerprint(header)
    remembered = selectors.remembered(organization_id, mark)
    if remembered is not None:
        chosen = _spread(remembered.mapping, header)
    else:
        chosen = [g.target for g in columns.guess(header, selectors.custom_targets())]
    _check_words(unit, currency)
    identifier = uuid7()
    path = keep_file(f"{folder(identifier)}/upload.{sheet.ending}", upload)
    try:
        with transaction.atomic():
            row = Import(
                id=identifier,
                organization_id=organization_id,
                original_filename=name,
                path=path,
                file_size=size,
                sha256=_digest(upload),
                header=header,
                header_row=sheet.header_row,
                sheet_name=(sheet.sheet_name or "")[:100],
                fingerprint=mark,
                mapping=chosen,
                unit=unit or (remembered.unit if remembered else "units"),
                currency=(currency or (remembered.currency if remembered else "")).upper(),
                total_rows=rows,
                only_own=only_own,
                created_by_id=actor.user_id,
                created_by_label=actor.label,
            )
            row.layout = selectors.reading(row).layout
            row.save(force_insert=True)
            said = {"file": name, "rows": rows, "sha256": row.sha256}
            audit.record("imports.import.created", on=row, changes=said, actor=actor)
    except Exception:
        default_storage.delete(path)
        raise
    return row


@transaction.atomic
def import_remap(
    *,
    row: Import,
    mapping: Sequence[str] | None = None,
    unit: str = "",
    currency: str | None = None,
    actor: Actor,
) -> Import:
    """Say how the columns are read, before anything is written; remembered for files with this header.

    Raises InvalidInput for a mapping that no row could be taken by, Conflict once the file is being taken in.
    """
    locked: Import = Import.objects.select_for_update(of=("self",), no_key=True).get(id=row.id)
    if locked.state not in OPEN:
        raise Conflict(f"The import is {locked.get_state_display().lower()} already.", code="import_closed")
    _check_words(unit, currency or "")
    before = {"mapping": locked.mapping, "unit": locked.unit, "currency": locked.currency}
    if mapping is not None:
        if len(mapping) != len(locked.header):
            text = f"The file has {len(locked.header)} columns; targets for {len(mapping)} were given."
            raise InvalidInput(errors=[{"pointer": "/mapping", "code": "length", "detail": text}])
        locked.mapping = list(mapping)
    locked.unit = unit or locked.unit
    locked.currency = locked.currency if currency is None else currency.upper()
    reading = selectors.reading(locked)
    if reading.problems:
        raise InvalidInput(
            errors=[{"pointer": "/mapping", "code": "mapping", "detail": text} for text in reading.problems]
        )
    locked.layout = reading.layout
    forget_plan(locked)
    locked.state = ImportState.DRAFT
    locked.save()
    remember(locked, actor)
    after = {"mapping": locked.mapping, "unit": locked.unit, "currency": locked.currency}
    changes = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
    if changes:
        audit.record("imports.import.mapped", on=locked, changes=changes, actor=actor)
    return locked


def remember(row: Import, actor: Actor) -> None:
    """Keep the mapping for the next file with this header in the organization."""
    pairs = [(h, m) for h, m in zip(row.header, row.mapping, strict=True) if not is_error_column(h)]
    ColumnMapping.objects.update_or_create(
        organization_id=row.organization_id,
        fingerprint=row.fingerprint,
        defaults={
            "header": [header for header, _ in pairs],
            "mapping": [target for _, target in pairs],
            "unit": row.unit,
            "currency": row.currency,
            "used_at": timezone.now(),
        },
        create_defaults={
            "header": [header for header, _ in pairs],
            "mapping": [target for _, target in pairs],
            "unit": row.unit,
            "currency": row.currency,
            "created_by_id": actor.user_id,
        },
    )


@transaction.atomic
def mapping_forget(*, row: ColumnMapping, actor: Actor) -> None:
    """Read the next file with this header by its names again."""
    audit.record("imports.mapping.deleted", on=row, changes={"columns": len(row.header)}, actor=actor)
    row.delete()


def _spread(remembered: Sequence[str], header: Sequence[str]) -> list[str]:
    """A remembered mapping over a header that may have the error column besides."""
    left = iter(remembered)
    return ["" if is_error_column(text) else next(left, "") for text in header]


def _check_words(unit: str, currency: str) -> None:
    errors = []
    if unit and unit_factor(unit) is None:
        errors.append({"pointer": "/unit", "code": "unknown_unit", "detail": "units, thousands or millions."})
    if currency and currency.upper() not in CURRENCIES:
        errors.append({"pointer": "/currency", "code": "currency_unknown", "detail": "No ISO 4217 code."})
    if errors:
        raise InvalidInput(errors=errors)


def folder(identifier: UUID) -> str:
    """Where an import's files lie: apart by tenant, unguessable by name."""
    return f"{current_tenant().schema_name}/imports/{identifier}"


def _digest(upload: UploadedFile[bytes]) -> str:
    digest = hashlib.sha256()
    upload.seek(0)
    for piece in upload.chunks():
        digest.update(piece)
    return digest.hexdigest()
