"""Validation reports of versions: asked for, made in the background, kept."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.utils import timezone

from predictions.registry import artefacts
from predictions.registry.models import ModelVersion, ReportState, ValidationReport
from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.errors import Conflict
from tenants.kernel.files import keep_file
from tenants.kernel.jobs import enqueue
from tenants.kernel.request import Actor

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)


def data_here() -> bool:
    """Whether the development data is on this machine."""
    from ml.dataset import locate

    try:
        locate(settings.MODEL_DATA)
    except FileNotFoundError:
        return False
    return True


def governance_of(version: ModelVersion) -> dict[str, Any]:
    """What the registry knows of a version, for its report."""
    events = version.events.order_by("id")
    return {
        "status": version.get_status_display(),
        "owner": version.owner,
        "purpose": version.purpose,
        "materiality": version.get_materiality_display(),
        "next_review_on": version.next_review_on.isoformat() if version.next_review_on else None,
        "registered_at": version.created_at.isoformat(timespec="seconds"),
        "history": [
            {
                "at": event.at.isoformat(timespec="seconds"),
                "verb": event.verb,
                "by": event.actor_label,
                "asked_by": event.second_label,
                "reason": event.reason,
            }
            for event in events
        ],
    }


def report_latest(version: ModelVersion) -> ValidationReport | None:
    """The newest finished report of a version."""
    with in_public():
        return version.reports.filter(state=ReportState.DONE).first()


def report_newest(version: ModelVersion) -> ValidationReport | None:
    """The report of a version that was asked for last, whatever became of it."""
    with in_public():
        return version.reports.first()


def report_content(version: ModelVersion) -> dict[str, Any]:
    """The report of a version as data: the one made last, or one from what the model brought with it."""
    kept = report_latest(version)
    if kept is not None:
        content: dict[str, Any] = kept.content
        return content
    return _made(version, None)


def _made(version: ModelVersion, evidence: dict[str, Any] | None) -> dict[str, Any]:
    from ml.persistence import ArtifactError
    from ml.validation import report
    from ml.validation.evidence import kept

    if evidence is None:
        try:
            evidence = kept(artefacts.local(version.sha256))
        except ArtifactError:
            # The model is whole, what was written about it is not: the report says what it lacks.
            logger.exception("the evidence of a model cannot be used", extra={"model": version.sha256})
    with in_public():
        governance = governance_of(version)
    return report.make(version.card, version.sha256, evidence, governance=governance)


def report_create(*, version: ModelVersion, recompute: bool = False, actor: Actor) -> ValidationReport:
    """Note that a report is wanted. Raises Conflict where one is being made, or the data is not here."""
    if recompute and not data_here():
        raise Conflict(
            "The development data is not on this machine: ask without recompute.", code="data_not_here"
        )
    try:
        with in_public(), transaction.atomic():
            row: ValidationReport = ValidationReport.objects.create(
                version=version, recomputed=recompute, created_by_label=actor.label[:254]
            )
            audit.record("registry.validation.requested", on=version, actor=actor)
    except IntegrityError:
        raise Conflict("A report of this version is being made already.", code="report_running") from None
    return row


@transaction.atomic
def report_request(*, version: ModelVersion, recompute: bool = False, actor: Actor) -> ValidationReport:
    """Have a report made in the background; with ``recompute`` from the development data, else from what the
    model brought."""
    row = report_create(version=version, recompute=recompute, actor=actor)
    enqueue("registry.make_report", actor=actor, queue="io", report_id=str(row.id))
    return row


def report_make(*, report_id: UUID, say: Callable[[str], None] = lambda _: None) -> ValidationReport | None:
    """Make a report that was asked for; None where it is gone or made."""
    with in_public():
        found = ValidationReport.objects.filter(id=report_id, state=ReportState.PENDING).update(
            state=ReportState.RUNNING
        )
        if not found:
            return None
        row = ValidationReport.objects.select_related("version").get(id=report_id)
    evidence = _recomputed(row.version, say) if row.recomputed else None
    content = _made(row.version, evidence)
    from ml.validation.pdf import render

    pdf = render(content)
    path = keep_file(f"{artefacts.folder_of(row.version.sha256)}/reports/{row.id}.pdf", ContentFile(pdf))
    row.content, row.path, row.sha256 = content, path, hashlib.sha256(pdf).hexdigest()
    row.state, row.finished_at = ReportState.DONE, timezone.now()
    with in_public():
        row.save()
    return row


def _recomputed(version: ModelVersion, say: Callable[[str], None]) -> dict[str, Any]:
    from ml.dataset import read
    from ml.persistence import load
    from ml.validation.evidence import collect

    manifest = load(artefacts.local(version.sha256)).manifest
    return collect(read(Path(settings.MODEL_DATA)), manifest, say=say)


def report_fail(*, report_id: UUID, message: str) -> None:
    """End a report that could not be made, with one sentence for whoever asked."""
    with in_public():
        ValidationReport.objects.filter(id=report_id).exclude(state=ReportState.DONE).update(
            state=ReportState.FAILED, error=message[:200], finished_at=timezone.now()
        )


def report_pdf(version: ModelVersion) -> bytes:
    """The newest report as a PDF. Raises Conflict where none was made yet."""
    kept = report_latest(version)
    if kept is None or not kept.path:
        raise Conflict("No report was made yet: ask for one by POST.", code="report_not_ready")
    with default_storage.open(kept.path, "rb") as file:
        content: bytes = file.read()
    return content


def card_of(version: ModelVersion) -> dict[str, Any]:
    """The model card of a version, with what the registry knows and where the report answers."""
    from ml.card import card
    from ml.validation.report import QUESTIONS

    with in_public():
        governance = governance_of(version)
    return {
        **card(version.card, version.sha256),
        "governance": {key: value for key, value in governance.items() if key != "history"},
        "questions": [{"question": question, "report_section": part} for question, part in QUESTIONS],
    }
