"""A portfolio file as it arrives: looked at as a whole, then kept. No cell is read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from companies.sheets import ColumnMap, Limits, Sheet, SheetError, map_columns, open_sheet
from companies.sheets.mapping import listed
from tenants.kernel.context import current_tenant
from tenants.kernel.errors import InvalidInput, TooLarge
from tenants.kernel.files import keep_file


@dataclass(frozen=True)
class Looked:
    """What the head of an uploaded file says."""

    name: str
    size: int
    sheet: Sheet
    columns: ColumnMap
    rows: int
    """Exact for a plain file; the cut counts every file to the row."""

    @property
    def sheet_name(self) -> str:
        """Of a workbook the sheet that is read."""
        return (self.sheet.sheet_name or "")[:255]


def upload_look(*, kind: str, upload: UploadedFile[bytes], sheet: str = "") -> Looked:
    """Which table a file holds, how its columns are read, and about how many rows it has.

    Raises InvalidInput (with the reader's code) for a file that is no table, TooLarge beyond the limits.
    Whether its columns suffice is for the caller to ask.
    """
    size = upload.size or 0
    if size > settings.UPLOAD_MAX_BYTES:
        raise TooLarge(f"Files of up to {settings.UPLOAD_MAX_BYTES // 2**20} MB are taken.")
    name = PurePosixPath((upload.name or "upload").replace("\\", "/")).name[-255:]
    most = most_rows()
    try:
        found = open_sheet(upload, name, Limits(), sheet_name=sheet)  # type: ignore[arg-type]
        columns = map_columns(found.columns, "quarterly" if kind == "quarterly" else "annual")
        rows = found.most_rows()
        if found.guesses_rows:
            # Near the limit the cut decides, which counts: unpacking all of it would keep the sender waiting.
            rows = rows if rows > 2 * most else min(rows, most)
        elif rows > most:
            rows = found.count_rows()
    except SheetError as error:
        raise InvalidInput(error.detail, code=error.code) from None
    if found.rivals:
        # Taking the first alone would leave the rows of the others out without a word.
        names = [found.sheet_name or "", *found.rivals]
        detail = listed("Several sheets hold a portfolio. Choose one: ", names)
        wrong = {"pointer": "/sheet", "code": "several_sheets", "detail": detail}
        raise InvalidInput(detail, code="several_sheets", errors=[wrong], sheets=names)
    require_rows(rows)
    return Looked(name, size, found, columns, rows)


def require_rows(rows: int) -> None:
    """Raises TooLarge for more rows than a file of the current tenant may have."""
    most = most_rows()
    if rows > most:
        raise TooLarge(
            f"Files of up to {most:,} rows are taken; this one has {rows:,}.", code="too_many_rows"
        )


def upload_keep(*, upload: UploadedFile[bytes], looked: Looked, folder: str) -> str:
    """Store the file under a folder of its own, whole or not at all; raises StorageFull or Unavailable."""
    upload.seek(0)
    return keep_file(f"{folder}/upload.{looked.sheet.ending}", upload)


def digest_of(upload: UploadedFile[bytes]) -> str:
    """SHA-256 of the file as it came."""
    digest = hashlib.sha256()
    upload.seek(0)
    for piece in upload.chunks():
        digest.update(piece)
    return digest.hexdigest()


def most_rows() -> int:
    """How many rows a file of the current tenant may have."""
    return settings.UPLOAD_MAX_ROWS_INDIVIDUAL if current_tenant().is_personal else settings.UPLOAD_MAX_ROWS
