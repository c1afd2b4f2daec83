"""Figures of the two consoles' first pages: counted when the page is asked for, none is kept."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from companies.models import Company
from organizations.models import Organization
from predictions import wording
from predictions.models import UNFINISHED, Prediction, PredictionKind, RiskLevel, ScoringJob
from tenants import modules
from tenants.kernel.console import ago, percent
from tenants.kernel.context import current_tenant
from tenants.models import JobTicket, OrganizationEntry, Tenant, TenantState, Usage

DAYS = 14
WORST = 10
RECENT = 6
# Lower PDs are told apart below the first cut-off too: most companies stand there.
FINER = (0.001, 0.003, 0.01)
# They grow darker with the risk, so that the order shows without the colour.
LEVEL_COLOURS = {
    RiskLevel.LOW: "#9cc9a8",
    RiskLevel.MEDIUM: "#5f9fc4",
    RiskLevel.HIGH: "#e39a3b",
    RiskLevel.CRITICAL: "#b3372f",
}

BARS = json.dumps(
    {
        "animation": False,
        "maintainAspectRatio": False,
        "plugins": {"legend": {"display": False}},
        "scales": {
            "x": {"grid": {"display": False}, "border": {"display": False}},
            "y": {
                "beginAtZero": True,
                "ticks": {"precision": 0, "maxTicksLimit": 6},
                "border": {"display": False},
            },
        },
    }
)


def stuck_before(now: datetime) -> datetime:
    """An unfinished job that was last heard of before this has been forgotten: three sweeps missed it."""
    return now - timedelta(seconds=3 * settings.CHUNK_STALE_SECONDS)


def is_stuck(ticket: JobTicket, now: datetime) -> bool:
    """Whether a job ought to run and does not."""
    return ticket.state in UNFINISHED and ticket.heartbeat < stuck_before(now)


# -- the tenant's ---------------------------------------------------------------------------------


def latest() -> QuerySet[Any]:
    """The newest head of every company and kind in the active scope: what is thought of it now."""
    newest = Prediction.objects.order_by("company_id", "kind", "-fiscal_year", "-fiscal_quarter", "-id")
    rows: QuerySet[Any] = Prediction.objects.filter(id__in=newest.distinct("company_id", "kind").values("id"))
    return rows


def tenant(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page of a tenant's console shows, within the caller's reach."""
    rows = latest().exclude(pd=None)
    counts: dict[str, dict[str, int]] = {kind: {} for kind in PredictionKind.values}
    for kind, level, number in rows.values_list("kind", "risk_level").annotate(n=Count("id")).order_by():
        counts[kind][level] = number
    kinds = [kind for kind in PredictionKind if counts[kind]]
    running = ScoringJob.objects.filter(state__in=UNFINISHED)
    scores_files = modules.is_on("bulk_scoring")
    # Shares are told of one kind, so that nobody is counted twice.
    main = kinds[0] if kinds else None
    levels = counts[main] if main else {}
    rated = sum(levels.values())
    weak = levels.get(RiskLevel.HIGH, 0) + levels.get(RiskLevel.CRITICAL, 0)
    predictions = Prediction.objects.aggregate(
        all=Count("id"), annual=Count("id", filter=Q(kind=PredictionKind.ANNUAL))
    )
    return {
        **context,
        "figures": [
            _figure("Companies", f"{Company.objects.count():,}", _organizations(), "companies_company"),
            _figure(
                "Predictions",
                f"{predictions['all']:,}",
                f"{predictions['annual']:,} annual, {predictions['all'] - predictions['annual']:,} quarterly",
                "predictions_prediction",
            ),
            _figure(
                "High or critical",
                percent(weak / rated, 1) if rated else "–",
                f"{weak:,} of {rated:,} companies by their latest {main.label.lower()} PD"
                if main
                else "nothing is scored yet",
                "predictions_prediction",
                "?risk_level__in=HIGH,CRITICAL",
            ),
            *(
                [_figure("Running jobs", f"{running.count():,}", _last_job(), "predictions_scoringjob")]
                if scores_files
                else []
            ),
        ],
        "scores_files": scores_files,
        "kind": str(main.label).lower() if main else "",
        "rated": f"{rated:,}",
        "chart": _distribution(rows.filter(kind=main)) if main else "",
        "shares": [
            {
                "level": str(level.label),
                "variant": wording.LEVEL_LABELS[str(level.label)],
                "number": f"{levels.get(level, 0):,}",
                "share": percent(levels.get(level, 0) / rated, 1) if rated else "–",
            }
            for level in RiskLevel
        ],
        "worst": _worst(rows),
        "jobs": [_job(job) for job in ScoringJob.objects.order_by("-created_at", "-id")[:RECENT]],
        "chart_options": BARS,
    }


def _figure(title: str, value: str, note: str, page: str, query: str = "") -> dict[str, str]:
    return {"title": title, "value": value, "note": note, "link": reverse(f"admin:{page}_changelist") + query}


def _organizations() -> str:
    number = Organization.objects.count()
    return "in one organization" if number == 1 else f"in {number:,} organizations"


def _last_job() -> str:
    last = ScoringJob.objects.order_by("-created_at").first()
    return f"last upload: {last.original_filename[:40]}" if last else "no file was uploaded yet"


def _worst(rows: QuerySet[Any]) -> list[dict[str, Any]]:
    """The companies with the highest PD now, each once."""
    found: dict[Any, dict[str, Any]] = {}
    for row in rows.select_related("company").order_by("-pd", "id")[: 2 * WORST]:
        found.setdefault(
            row.company_id,
            {
                "id": row.pk,
                "symbol": row.company.symbol,
                "name": row.company.name,
                "sector": row.company.sector,
                "period": f"{row.fiscal_year}\xa0{row.quarter_text or ''}".strip(),
                "pd": percent(row.pd),
                "level": wording.level(row.risk_level),
                "variant": wording.LEVEL_LABELS.get(wording.level(row.risk_level), ""),
            },
        )
    return list(found.values())[:WORST]


def _job(job: ScoringJob) -> dict[str, Any]:
    return {
        "id": job.pk,
        "name": job.original_filename,
        "state": wording.state(job.state),
        "variant": wording.STATE_LABELS.get(wording.state(job.state), ""),
        "code": job.state,
        "progress": job.progress,
        "rows": f"{job.processed_rows:,} of {job.total_rows:,} rows",
        "at": ago(job.created_at),
    }


def _bands() -> list[tuple[float, float, RiskLevel]]:
    """Stretches of PD from low to high, cut where the tenant's risk levels begin."""
    medium, high, critical = current_tenant().cutoffs
    cuts = [0.0, *(cut for cut in FINER if cut < medium), medium, high, critical, 1.0]

    def level(start: float) -> RiskLevel:
        if start < medium:
            return RiskLevel.LOW
        if start < high:
            return RiskLevel.MEDIUM
        return RiskLevel.HIGH if start < critical else RiskLevel.CRITICAL

    return [(start, end, level(start)) for start, end in pairwise(cuts)]


def _distribution(rows: QuerySet[Any]) -> str:
    """How many companies lie in each stretch of PD, as the chart wants it."""
    bands = _bands()
    counted = rows.aggregate(
        **{
            f"band{n}": Count("id", filter=Q(pd__gte=start, pd__lt=end if end < 1 else 2))
            for n, (start, end, _) in enumerate(bands)
        }
    )
    dataset = {
        "label": "Companies",
        "data": [counted[f"band{n}"] for n in range(len(bands))],
        "backgroundColor": [LEVEL_COLOURS[level] for _, _, level in bands],
        "maxBarThickness": 64,
    }
    return json.dumps({"labels": [_band_label(start, end) for start, end, _ in bands], "datasets": [dataset]})


def _band_label(start: float, end: float) -> str:
    low, high = f"{100 * start:g}", f"{100 * end:g}"
    if start == 0:
        return f"< {high} %"
    return f"≥ {low} %" if end == 1 else f"{low}–{high} %"


# -- the platform's -------------------------------------------------------------------------------


def platform(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page of the platform's console shows, from the directory alone."""
    now = timezone.now()
    institutions = Tenant.objects.institutions()
    states = institutions.aggregate(all=Count("id"), active=Count("id", filter=Q(state=TenantState.ACTIVE)))
    held = Usage.objects.aggregate(
        companies=Sum("companies"), predictions=Sum("predictions"), counted=Min("counted_at")
    )
    organizations = OrganizationEntry.objects.filter(tenant__in=institutions).count()
    users = User.objects.aggregate(all=Count("id"), active=Count("id", filter=Q(is_active=True)))
    unfinished = JobTicket.objects.filter(state__in=UNFINISHED)
    stuck = unfinished.filter(heartbeat__lt=stuck_before(now)).count()
    days = _days(now)
    return {
        **context,
        "figures": [
            _figure(
                "Tenants",
                f"{states['active']:,}",
                f"with {organizations:,} organizations; {states['all'] - states['active']:,} more suspended",
                "tenants_tenant",
            ),
            _figure("Users", f"{users['active']:,}", f"active, of {users['all']:,}", "accounts_user"),
            _figure(
                "Predictions",
                f"{held['predictions'] or 0:,}",
                f"of {held['companies'] or 0:,} companies; counted {_since(held['counted'])}",
                "tenants_tenant",
            ),
            _figure("Running jobs", f"{unfinished.count():,}", f"{stuck:,} stuck", "tenants_jobticket"),
        ],
        "stuck": stuck,
        "days": DAYS,
        "has_rows": any(number for _, number in days),
        "chart_options": BARS,
        "chart": json.dumps(
            {
                "labels": [f"{day:%m-%d}" for day, _ in days],
                "datasets": [
                    {
                        "label": "Rows",
                        "data": [number for _, number in days],
                        "backgroundColor": "var(--color-primary-600)",
                        "maxBarThickness": 36,
                    }
                ],
            }
        ),
        "jobs": [_ticket(t, now) for t in JobTicket.objects.select_related("tenant")[:RECENT]],
        "largest": _largest(institutions),
    }


def _since(at: datetime | None) -> str:
    """When the slowest of the counts was made."""
    return ago(at) if at else "soon, not everywhere yet"


def _days(now: datetime) -> list[tuple[datetime, int]]:
    """Rows that were scored or refused by the jobs of each of the last days, days without any included."""
    first = (now - timedelta(days=DAYS - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    tickets = JobTicket.objects.filter(created_at__gte=first).order_by()
    found = dict(
        tickets.annotate(day=TruncDate("created_at")).values_list("day").annotate(n=Sum("rows_done"))
    )
    every = [first + timedelta(days=n) for n in range(DAYS)]
    return [(day, found.get(day.date(), 0)) for day in every]


def _ticket(ticket: JobTicket, now: datetime) -> dict[str, Any]:
    state = "Stuck" if is_stuck(ticket, now) else wording.state(ticket.state)
    return {
        "id": ticket.pk,
        "name": f"{ticket.kind.capitalize()} file of {ticket.tenant}",
        "state": state,
        "variant": "danger" if state == "Stuck" else wording.STATE_LABELS.get(state, ""),
        "code": ticket.state,
        "progress": 100 * ticket.rows_done // ticket.rows if ticket.rows else 0,
        "rows": f"{ticket.rows_done:,} of {ticket.rows:,} rows",
        "at": ago(ticket.created_at),
    }


def _largest(institutions: QuerySet[Tenant]) -> list[dict[str, Any]]:
    counted = institutions.annotate(people=Count("memberships__user", distinct=True))
    rows = counted.select_related("usage").order_by("-usage__predictions", "name")[:RECENT]
    return [
        {
            "id": tenant.pk,
            "name": tenant.name,
            "users": f"{tenant.people:,}",  # type: ignore[attr-defined]
            "companies": f"{tenant.usage.companies:,}",
            "predictions": f"{tenant.usage.predictions:,}",
        }
        for tenant in rows
    ]
