"""The challenger in the champion's shadow: it scores the same inputs, later, and nobody is shown its PD."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from companies.services import CompanyFacts
from predictions.models import PredictionKind, Score, ShadowScore
from predictions.registry.selectors import ActiveModel, in_use, loaded
from predictions.services.scoring import Inputs, ScoreRequest, score_requests

# Scores that are read, computed and written at a time.
SET_SIZE = 2_000


def scores_shadow(*, first: UUID, last: UUID) -> int:
    """Score with the challenger what was stored between two identifiers; tells how many. Repeatable."""
    challenger = in_use().challenger
    if challenger is None:
        return 0
    model = loaded(challenger)
    rows = Score.objects.filter(id__gte=first, id__lte=last).exclude(model_version_id=model.id)
    return sum(_score_kind(kind, list(rows.filter(prediction__kind=kind)[:SET_SIZE * 5]), model)
               for kind in PredictionKind.values)  # fmt: skip


def _score_kind(kind: str, rows: list[Score], model: ActiveModel) -> int:
    done = 0
    for start in range(0, len(rows), SET_SIZE):
        part = rows[start : start + SET_SIZE]
        drafts = score_requests(kind, [_request(row) for row in part], model=model, drivers=0)
        shadows = [
            ShadowScore(
                organization_id=row.organization_id,
                score=row,
                model_version_id=model.id,
                model_sha256=model.sha256,
                pd=draft.pd,
                risk_level=draft.risk_level,
            )
            for row, draft in zip(part, drafts, strict=True)
            if draft.pd is not None
        ]
        ShadowScore.objects.bulk_create(shadows, ignore_conflicts=True, batch_size=500)
        done += len(shadows)
    return done


def _request(row: Score) -> ScoreRequest:
    inputs = Inputs(
        ratios=row.inputs.get("ratios", {}),
        statement=row.inputs.get("statement", {}),
        prior=tuple(row.inputs.get("prior", ())),
    )
    # Company and period do not enter the PD.
    return ScoreRequest(CompanyFacts("SHADOW"), 2000, None, inputs)


def shadows_purge() -> int:
    """Drop what is older than the retention; tells how many."""
    before = timezone.now() - timedelta(days=settings.SHADOW_RETENTION_DAYS)
    gone, _ = ShadowScore.objects.filter(created_at__lt=before).delete()
    return int(gone)
