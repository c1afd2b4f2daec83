"""Parts that several dashboards are made of: each one query, or none where nothing has changed.

What is counted from companies and predictions is kept until their stamps move (tenants.kernel.stamps); what
the directory or the audit log says is read each time, since it is small.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Avg, Count, Max, Q
from django.utils import timezone

from accounts.models import Membership, MembershipState
from accounts.selectors import emails_of
from companies.models import Company
from organizations.joining.models import Invitation, InvitationState
from organizations.models import AuditEvent
from predictions.comparison.history import LEVELS, distribution
from predictions.models import UNFINISHED, Prediction, PredictionKind, Score, ScoringJob
from tenants.kernel import stamps
from tenants.kernel.audit.records import Category
from tenants.kernel.context import in_public

RECENT, WORST, QUARTERS = 10, 10, 8
LATELY = timedelta(days=30)
# A statement of so many years back says little of the coming year.
STALE_YEARS = 2
WEAK = ("HIGH", "CRITICAL")


def holdings() -> dict[str, Any]:
    """Companies, predictions and categories of everything in the active scope."""
    return stamps.remembered("holdings", ("companies", "predictions"), _holdings)


def _holdings() -> dict[str, Any]:
    companies = Company.objects.aggregate(
        all=Count("id"), followed=Count("id", filter=Q(reference_id__isnull=False))
    )
    heads = Prediction.objects.order_by().values_list("kind").annotate(n=Count("id"), last=Max("updated_at"))
    by_kind = {kind: (number, last) for kind, number, last in heads}
    standing = (
        Prediction.objects.filter(latest=True, pd__isnull=False)
        .order_by()
        .values_list("kind", "risk_level")
        .annotate(n=Count("id"), mean=Avg("pd"), old=Count("id", filter=_stale()))
    )
    kinds: dict[str, dict[str, Any]] = {
        kind: {"names": 0, "levels": dict.fromkeys(LEVELS, 0), "sum": 0.0, "stale": 0}
        for kind in PredictionKind.values
    }
    for kind, level, number, mean, old in standing:
        place = kinds[kind]
        place["names"] += number
        place["levels"][level] = number
        place["sum"] += number * mean
        place["stale"] += old
    for place in kinds.values():
        whole = place.pop("sum")
        place["mean_pd"] = whole / place["names"] if place["names"] else None
        place["high_risk"] = sum(place["levels"][level] for level in WEAK)
    lasts = [last for _, last in by_kind.values() if last]
    return {
        "companies": companies["all"],
        "followed": companies["followed"],
        "predictions": sum(number for number, _ in by_kind.values()),
        "annual": by_kind.get(PredictionKind.ANNUAL, (0, None))[0],
        "quarterly": by_kind.get(PredictionKind.QUARTERLY, (0, None))[0],
        "standing": kinds,
        "last_updated": max(lasts) if lasts else None,
    }


def main_kind(held: dict[str, Any]) -> str:
    """The kind that shares are told of, so that nobody is counted twice: annual where there is any."""
    annual = held["standing"][PredictionKind.ANNUAL]["names"]
    quarterly = held["standing"][PredictionKind.QUARTERLY]["names"]
    return str(PredictionKind.QUARTERLY if quarterly and not annual else PredictionKind.ANNUAL)


def sectors_covered() -> int:
    """Different sectors of the companies."""

    def count() -> int:
        rows = Company.objects.exclude(sector="").order_by()
        return int(rows.values("sector").distinct().count())

    return stamps.remembered("sectors covered", ("companies",), count)


def _stale() -> Q:
    return Q(fiscal_year__lte=timezone.now().year - STALE_YEARS - 1)


def nothing() -> dict[str, Any]:
    """The figures of an organization that holds nothing."""
    return {"companies": 0, "sectors": 0, "predictions": 0, "names": 0, "high_risk": 0, "mean_pd": None}


def by_organization() -> dict[UUID, dict[str, Any]]:
    """The same in short, for each organization of the scope."""
    return stamps.remembered("by organization", ("companies", "predictions"), _by_organization)


def _by_organization() -> dict[UUID, dict[str, Any]]:
    found: dict[UUID, dict[str, Any]] = {}

    def place(organization_id: UUID) -> dict[str, Any]:
        return found.setdefault(organization_id, nothing())

    companies = Company.objects.order_by().values_list("organization_id")
    counted = companies.annotate(n=Count("id"), s=Count("sector", distinct=True, filter=~Q(sector="")))
    for organization_id, number, sectors in counted:
        place(organization_id).update(companies=number, sectors=sectors)
    standing = Q(latest=True, pd__isnull=False)
    heads = (
        Prediction.objects.order_by()
        .values_list("organization_id")
        .annotate(
            n=Count("id"),
            names=Count("id", filter=standing & Q(kind=PredictionKind.ANNUAL)),
            high=Count("id", filter=standing & Q(kind=PredictionKind.ANNUAL, risk_level__in=WEAK)),
            mean=Avg("pd", filter=standing & Q(kind=PredictionKind.ANNUAL)),
        )
    )
    for organization_id, number, names, high, mean in heads:
        place(organization_id).update(predictions=number, names=names, high_risk=high, mean_pd=mean)
    return found


def trend(kind: str) -> list[dict[str, Any]]:
    """Categories and mean PD at the end of the last quarters, and now."""
    return distribution(QUARTERS, kind)


def recent() -> list[dict[str, Any]]:
    """The newest scores with what the company's PD was before, each company once."""
    return stamps.remembered("recent scores", ("companies", "predictions", "scores"), _recent)


def _recent() -> list[dict[str, Any]]:
    newest = Score.objects.select_related("prediction__company").order_by("-id")[: 4 * RECENT]
    rows: dict[Any, Score] = {}
    for row in newest:
        if row.prediction.company.deleted_at is None:
            rows.setdefault(row.prediction_id, row)
    chosen = list(rows.values())[:RECENT]
    earlier = _before(chosen)
    return [_recent_row(row, earlier.get(row.prediction_id)) for row in chosen]


def _before(rows: list[Score]) -> dict[Any, tuple[float, str]]:
    """By prediction, PD and level of the score before: of the same period, else of the period before."""
    found: dict[Any, tuple[float, str]] = {}
    history = Score.objects.filter(prediction__in=[r.prediction_id for r in rows]).order_by("-id")
    shown = {row.id for row in rows}
    for prediction_id, score_id, pd_, level in history.values_list("prediction_id", "id", "pd", "risk_level"):
        if score_id not in shown:
            found.setdefault(prediction_id, (pd_, level))
    heads = Prediction.objects.filter(company__in=[r.prediction.company_id for r in rows])
    periods: dict[Any, list[tuple[tuple[int, int], float, str]]] = {}
    for head in heads.values_list("company_id", "kind", "fiscal_year", "fiscal_quarter", "pd", "risk_level"):
        periods.setdefault(head[:2], []).append(((head[2], head[3] or 0), head[4], head[5]))
    for row in rows:
        head = row.prediction
        this = (head.fiscal_year, head.fiscal_quarter or 0)
        older = [p for p in periods.get((head.company_id, head.kind), []) if p[0] < this and p[1] is not None]
        if older:
            _, pd_, level = max(older)
            found.setdefault(row.prediction_id, (pd_, level))
    return found


def _recent_row(row: Score, before: tuple[float, str] | None) -> dict[str, Any]:
    head, company = row.prediction, row.prediction.company
    return {
        "prediction_id": head.id,
        "company_id": company.id,
        "company_symbol": company.symbol,
        "company_name": company.name,
        "sector": company.sector,
        "kind": head.kind,
        "reporting_year": str(head.fiscal_year),
        "reporting_quarter": head.quarter_text,
        "probability": row.pd,
        "probability_before": before[0] if before else None,
        "probability_change": row.pd - before[0] if before else None,
        "risk_level": row.risk_level,
        "risk_level_before": before[1] if before else None,
        "scored_at": row.created_at,
        "created_by": row.created_by_id,
    }


def worst(kind: str) -> list[dict[str, Any]]:
    """The riskiest companies as they stand."""

    def read() -> list[dict[str, Any]]:
        rows = Prediction.objects.filter(latest=True, kind=kind, pd__isnull=False)
        return [
            {
                "prediction_id": head.id,
                "company_id": head.company_id,
                "company_symbol": head.company.symbol,
                "company_name": head.company.name,
                "sector": head.company.sector,
                "reporting_year": str(head.fiscal_year),
                "reporting_quarter": head.quarter_text,
                "probability": head.pd,
                "risk_level": head.risk_level,
                "updated_at": head.updated_at,
            }
            for head in rows.select_related("company").order_by("-pd", "id")[:WORST]
        ]

    return stamps.remembered(f"worst:{kind}", ("companies", "predictions"), read)


def jobs() -> dict[str, Any]:
    """Files that are being scored, and the last ones."""

    def read() -> dict[str, Any]:
        states = dict(ScoringJob.objects.order_by().values_list("state").annotate(n=Count("id")))
        rows = ScoringJob.objects.order_by("-created_at", "-id")[:5]
        return {
            "running": sum(states.get(state, 0) for state in UNFINISHED),
            "states": states,
            "recent": [
                {
                    "id": row.id,
                    "original_filename": row.original_filename,
                    "kind": row.kind,
                    "state": row.state,
                    "total_rows": row.total_rows,
                    "processed_rows": row.processed_rows,
                    "progress_percentage": row.progress,
                    "created_at": row.created_at,
                }
                for row in rows
            ],
        }

    return stamps.remembered("jobs", ("jobs",), read)


# -- people ---------------------------------------------------------------------------------------


def team(organization_ids: Collection[UUID]) -> dict[UUID, dict[str, int]]:
    """Active members by role, for each organization."""
    with in_public():
        rows = Membership.objects.filter(
            organization_id__in=organization_ids, state=MembershipState.ACTIVE, user__is_active=True
        )
        found: dict[UUID, dict[str, int]] = {}
        for organization_id, role, number in (
            rows.order_by().values_list("organization_id", "role").annotate(n=Count("user", distinct=True))
        ):
            found.setdefault(organization_id, {})[role] = number  # type: ignore[arg-type]
    return found


def pending_invitations() -> int:
    """Invitations that wait for an answer."""
    rows = Invitation.objects.filter(state=InvitationState.PENDING, expires_at__gt=timezone.now())
    return int(rows.count())


def actions(organization_ids: Collection[UUID], *, since: datetime) -> Counter[UUID]:
    """What people did in each organization, reads not counted."""
    rows = AuditEvent.objects.filter(organization_id__in=organization_ids, at__gte=since)
    rows = rows.exclude(category=Category.ACCESS).order_by()
    return Counter(dict(rows.values_list("organization_id").annotate(n=Count("id"))))


def activity(organization_ids: Collection[UUID] | None = None) -> list[dict[str, Any]]:
    """What happened last, in these organizations or in the whole tenant."""
    rows = AuditEvent.objects.exclude(category=Category.ACCESS)
    if organization_ids is not None:
        rows = rows.filter(organization_id__in=organization_ids)
    return [
        {
            "at": event.at,
            "action": event.action,
            "actor": event.actor_name,
            "object_type": event.object_type,
            "object": event.object_name,
        }
        for event in rows.named()[:RECENT]
    ]


def analysts(*, since: datetime) -> list[dict[str, Any]]:
    """Who scored how much since, the most first."""

    def count() -> list[tuple[UUID, int, datetime]]:
        rows = Score.objects.filter(
            created_at__gte=since, id__gte=_first_id(since), created_by_id__isnull=False
        )
        counted = rows.order_by().values_list("created_by_id").annotate(n=Count("id"), last=Max("created_at"))
        return list(counted.order_by("-n", "created_by_id")[:RECENT])

    found = stamps.remembered(f"analysts:{since.date()}", ("scores",), count)
    emails = emails_of({user for user, _, _ in found})
    return [
        {"user_id": user, "email": emails.get(user), "scores": number, "last_at": last}
        for user, number, last in found
    ]


def _first_id(at: datetime) -> UUID:
    """The least identifier that a row made at that moment can have: ids are in the order of time."""
    return UUID(int=int(at.timestamp() * 1000) << 80 | 0x7 << 76 | 0b10 << 62)
