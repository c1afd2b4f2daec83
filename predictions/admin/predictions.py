"""Predictions on a tenant's console: lists to filter, and what stands behind one PD."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from accounts.console import tenant_site
from accounts.selectors import emails_of
from predictions import wording
from predictions.changes import bridge
from predictions.detail import term_structure
from predictions.explaining import drivers_of
from predictions.models import Prediction, Score
from predictions.registry.selectors import versions
from predictions.services import scoring
from tenants.kernel.console import ConsoleAdmin, percent
from tenants.kernel.errors import DomainError

SHOWN_SCORES = 20
SHOWN_PARTS = 8


@admin.register(Prediction, site=tenant_site)
class PredictionAdmin(ConsoleAdmin):
    """Heads with their current score; made and changed through the API and by files only."""

    permissions: ClassVar[dict[str, str]] = {"view": "predictions.read", "delete": "predictions.change"}
    list_display = (
        "symbol",
        "name",
        "period",
        "kind",
        "pd_text",
        "level",
        "confidence",
        "organization",
        "updated_at",
    )
    list_display_links = ("symbol", "name")
    list_filter = ("risk_level", "kind", "fiscal_year", "company__sector", "organization")
    lookups: ClassVar[tuple[str, ...]] = ("company", "current__job")
    search_fields = ("company__symbol", "company__name")
    search_help_text = "Symbol or name of the company"
    ordering = ("-pd", "-id")
    detail_template = "console/prediction.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("company", "current", "organization")

    def remove(self, request: HttpRequest, obj: Any) -> None:
        scoring.prediction_delete(prediction=obj, actor=self.actor(request))

    @display(description="Symbol", ordering="company__symbol")
    def symbol(self, prediction: Prediction) -> str:
        return prediction.company.symbol

    @display(description="Company", ordering="company__name")
    def name(self, prediction: Prediction) -> str:
        return prediction.company.name

    @display(description="Period", ordering="fiscal_year")
    def period(self, prediction: Prediction) -> str:
        return f"{prediction.fiscal_year}\xa0{prediction.quarter_text or ''}".strip()

    @display(description="PD", ordering="pd")
    def pd_text(self, prediction: Prediction) -> str:
        return percent(prediction.pd)

    @display(description="Risk level", ordering="pd", label=wording.LEVEL_LABELS)
    def level(self, prediction: Prediction) -> str:
        return wording.level(prediction.risk_level)

    @display(description="Confidence", ordering="current__confidence")
    def confidence(self, prediction: Prediction) -> str:
        return prediction.current.confidence_level.capitalize() if prediction.current else ""

    def details(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        score = obj.current
        title = f"{obj.company} · {self.period(obj)}"
        shared = {"title": title, "prediction": obj, "company": obj.company, "period": self.period(obj)}
        if score is None:
            return shared
        try:
            drivers, unexplained = drivers_of(obj), ""
        except DomainError as error:
            drivers, unexplained = [], error.detail
        known = versions()
        makers = emails_of({obj.created_by_id} - {None})
        return {
            **shared,
            "score": score,
            "pd": percent(score.pd),
            "low": percent(score.low),
            "high": percent(score.high),
            "level": wording.level(score.risk_level),
            "level_variant": wording.LEVEL_LABELS.get(wording.level(score.risk_level), ""),
            "members": _members(score),
            "confidence": round(100 * score.confidence),
            "reasons": [wording.reason(code) for code in score.confidence_reasons],
            "drivers": _bars(drivers),
            "unexplained": unexplained,
            "grade": score.grade,
            "years": _years(score),
            **_bridge(obj),
            "shape": wording.SHAPES.get(score.shape, wording.named(score.shape)),
            "model": known.get(score.model_version_id, "unknown"),
            "inputs": _inputs(score),
            "warnings": score.warnings,
            "made_by": makers.get(obj.created_by_id, ""),
            "scores": [
                {
                    "at": row.created_at,
                    "pd": percent(row.pd),
                    "level": wording.level(row.risk_level),
                    "grade": row.grade,
                    "variant": wording.LEVEL_LABELS.get(wording.level(row.risk_level), ""),
                    "model": known.get(row.model_version_id, ""),
                    "current": row.pk == score.pk,
                }
                for row in obj.scores.order_by("-id")[:SHOWN_SCORES]
            ],
        }


def _members(score: Score) -> list[dict[str, Any]]:
    """The members' PDs with the length of their bars, the longest being full."""
    most = max([*(v for v in score.members.values() if v is not None), score.pd, 1e-9])
    return [
        {
            "name": wording.MEMBERS.get(name, wording.named(name)),
            "pd": percent(value),
            "width": 0 if value is None else max(round(100 * value / most), 1),
        }
        for name, value in score.members.items()
    ]


def _bars(drivers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    most = max((abs(d["contribution"]) for d in drivers), default=0) or 1
    return [
        {
            "text": d["text"],
            "label": d["label"],
            "raises": d["direction"] == "raises",
            "width": max(round(100 * abs(d["contribution"]) / most), 2),
        }
        for d in drivers
    ]


def _years(score: Score) -> list[dict[str, Any]]:
    """PDs within one to five years."""
    return [
        {
            "years": row["years"],
            **{key: percent(row[key]) for key in ("cumulative", "marginal", "annualised")},
        }
        for row in term_structure(score)
    ]


def _bridge(prediction: Prediction) -> dict[str, Any]:
    """What moved the PD from the score before, or why that cannot be said."""
    try:
        found = bridge(prediction)
    except DomainError as error:
        return {"moved": [], "moved_text": error.detail}
    parts = found.change.components
    most = max((abs(part.effect) for part in parts), default=0) or 1
    old = found.old.prediction
    since = f"{found.old.created_at:%Y-%m-%d}" if old.pk == prediction.pk else f"the score of {old}"
    return {
        "moved_text": f"{found.change.text} since {since}.",
        "moved": [
            {
                "text": part.text,
                "raises": part.effect > 0,
                "width": max(round(100 * abs(part.effect) / most), 2),
            }
            for part in parts[:SHOWN_PARTS]
        ],
        "moved_more": max(len(parts) - SHOWN_PARTS, 0),
    }


def _inputs(score: Score) -> list[dict[str, Any]]:
    """What was scored, in groups."""
    groups = (("Ratios", "ratios"), ("Line items (USD m)", "statement"))
    return [
        {
            "title": title,
            "rows": [
                (wording.named(k), wording.amount(v)) for k, v in score.inputs[key].items() if v is not None
            ],
        }
        for title, key in groups
        if score.inputs.get(key)
    ]
