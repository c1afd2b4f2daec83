"""A past for the demo's scores: defaults that came true, and a first look at the week."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import numpy as np
from django.db import transaction
from django.utils import timezone

from predictions.models import Prediction, PredictionKind
from predictions.monitoring.models import Observation, Outcome, OutcomeKind
from predictions.monitoring.observing import organization_observe
from predictions.monitoring.realised import period_end
from predictions.monitoring.services import outcome_record
from tenants.kernel.request import Actor

NOTE = "Made up for the demo"
# A default follows the end of the period by so many days: before the next year ends.
_SOONEST, _LATEST = 60, 360
_SEED = 7


@transaction.atomic
def monitoring_ensure(*, organization_id: UUID, actor: Actor) -> tuple[int, int] | None:
    """Outcomes and observations made for the active organization; None where it was observed before.

    Whoever was observed keeps what he has: an outcome that a visitor has deleted does not come back.
    """
    if Observation.objects.filter(organization_id=organization_id).exists():
        return None
    outcomes = 0
    if not Outcome.objects.filter(organization_id=organization_id).exists():
        outcomes = _defaults(organization_id, timezone.now().date(), actor)
    return outcomes, organization_observe(organization_id=organization_id, actor=actor)


def _defaults(organization_id: UUID, today: date, actor: Actor) -> int:
    """Let companies fail about as often as their annual PDs say, each once at most."""
    failed: set[str] = set()
    annual = Prediction.objects.filter(organization_id=organization_id, kind=PredictionKind.ANNUAL)
    rows = annual.order_by("fiscal_year", "company__symbol").values_list(
        "company__symbol", "fiscal_year", "pd"
    )
    chance = np.random.default_rng(_SEED)
    for symbol, year, pd in rows:
        lot, days = chance.random(), int(chance.integers(_SOONEST, _LATEST))
        day = period_end(year, None) + timedelta(days=days)
        # A company that is never heard of again would have no later statements; one that paid late has.
        if lot < pd and symbol not in failed and day <= today:
            outcome_record(
                organization_id=organization_id,
                symbol=symbol,
                occurred_on=day,
                kind=OutcomeKind.PAYMENT_DEFAULT,
                note=NOTE,
                actor=actor,
            )
            failed.add(symbol)
    return len(failed)
