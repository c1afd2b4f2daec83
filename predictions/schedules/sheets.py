"""What a run scores: the last file of a name as it came, or a sheet of companies from what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile

from companies.sheets import write_csv
from companies.sheets.columns import PRIOR
from ml.features import LINE_ITEMS
from predictions.models import GOING, JobState, Prediction, PredictionKind, ScoringJob
from predictions.schedules.models import Schedule, Source
from predictions.services.scoring import RATIOS
from tenants.kernel.errors import Conflict


def input_of(schedule: Schedule) -> dict[str, Any]:
    """File, unit and currency for the job; raises Conflict where there is nothing to score (any more)."""
    return _last_file(schedule) if schedule.source == Source.FILE else _sheet(schedule)


def _last_file(schedule: Schedule) -> dict[str, Any]:
    uploads = ScoringJob.objects.filter(
        organization_id=schedule.organization_id,
        kind=schedule.kind,
        original_filename=schedule.file_name,
    ).exclude(state__in=[JobState.FAILED, JobState.CANCELLED, JobState.UNDONE, *GOING])
    job = uploads.order_by("-created_at", "-id").first()
    if job is None or not default_storage.exists(job.path):
        raise Conflict(f"There is no uploaded file {schedule.file_name} any more.", code="file_gone")
    stored = default_storage.open(job.path, "rb")
    upload = UploadedFile(stored, name=job.original_filename, size=stored.size)
    return {"upload": upload, "unit": job.unit, "currency": job.currency, "sheet": job.sheet}


def _sheet(schedule: Schedule) -> dict[str, Any]:
    """The latest inputs of each company of the list, in millions of US dollars as they are stored."""
    heads = Prediction.objects.filter(
        organization_id=schedule.organization_id,
        kind=schedule.kind,
        company__symbol__in=schedule.symbols,
        current__isnull=False,
    )
    latest = heads.order_by("company_id", "-fiscal_year", "-fiscal_quarter", "-id").distinct("company_id")
    found = list(latest.select_related("company", "current"))
    if not found:
        raise Conflict("None of the companies has been scored yet.", code="nothing_to_score")
    content = b"".join(write_csv(_rows(schedule.kind, found)))
    file = ContentFile(content)
    upload = UploadedFile(file, name=f"{schedule.name}.csv", size=len(content))
    return {"upload": upload, "unit": "millions", "currency": "USD"}


def _rows(kind: str, heads: list[Prediction]) -> Iterator[list[Any]]:
    ratios = list(RATIOS[PredictionKind(kind)])
    items = [name for name in LINE_ITEMS if name != "market_cap"]
    keys = ["company_symbol", "company_name", "sector", "market_cap", "reporting_year"]
    keys += ["reporting_quarter"] if kind == PredictionKind.QUARTERLY else []
    yield [*keys, *ratios, *items, *(f"{PRIOR}{name}" for name in items)]
    for head in heads:
        company, inputs = head.company, head.current.inputs  # type: ignore[union-attr]
        given, statement = inputs.get("ratios") or {}, inputs.get("statement") or {}
        prior = (inputs.get("prior") or [{}])[0]
        row: list[Any] = [company.symbol, company.name, company.sector, company.market_cap, head.fiscal_year]
        row += [head.quarter_text] if kind == PredictionKind.QUARTERLY else []
        yield [*row, *map(given.get, ratios), *map(statement.get, items), *map(prior.get, items)]
