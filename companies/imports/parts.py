"""A file's parts on the storage: rows that were read, and what was found in them."""

from __future__ import annotations

import gzip
import json
import logging
from dataclasses import asdict
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from companies.imports.models import Import, ImportChunk
from companies.imports.parsing import Finding, Parsed, Period, RowDraft
from tenants.kernel.context import current_tenant
from tenants.kernel.errors import Unavailable
from tenants.kernel.files import keep_file

logger = logging.getLogger(__name__)


def folder(row: Import) -> str:
    """Where an import's parts lie."""
    return f"{current_tenant().schema_name}/imports/{row.id}/parts"


def write(row: Import, number: int, parsed: Parsed) -> str:
    """Store a part; tells its path."""
    body: dict[str, Any] = {
        "total": parsed.total,
        "drafts": [asdict(draft) for draft in parsed.drafts],
        "errors": parsed.errors,
        "warnings": parsed.warnings,
    }
    packed = gzip.compress(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"), compresslevel=3)
    return keep_file(f"{folder(row)}/part-{number:05}.json.gz", ContentFile(packed))


def read(chunk: ImportChunk) -> Parsed:
    """A chunk's part; raises Unavailable where the storage does not have it (any more)."""
    try:
        with default_storage.open(chunk.path, "rb") as file:
            body = json.loads(gzip.decompress(file.read()))
    except (OSError, ValueError) as error:
        logger.exception("a part of an import cannot be read", extra={"chunk": str(chunk.id)})
        raise Unavailable("The import's stored file cannot be read any more.", code="part_gone") from error
    return Parsed(
        total=body["total"],
        drafts=[
            RowDraft(d["row"], d["company"], [Period(**period) for period in d["periods"]])
            for d in body["drafts"]
        ],
        errors=[Finding(*finding) for finding in body["errors"]],
        warnings=[Finding(*finding) for finding in body["warnings"]],
    )
