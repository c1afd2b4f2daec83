"""Own models on a tenant's console: how they were trained, how good they are, how they compare."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import mark_safe
from unfold.decorators import action, display

from accounts.console import tenant_site
from predictions import wording
from predictions.own_models import selectors, services
from predictions.own_models.models import OwnModel, TrainingState
from tenants.kernel.console import NOTHING, ConsoleAdmin, percent

STATE_LABELS = {
    "Waiting": "info", "Training": "info", "Ready": "success", "Refused": "warning", "Failed": "danger",
}  # fmt: skip
PROTOCOLS = {"out_of_time": "Later years", "grouped": "By company", "stratified": "Stratified"}


@admin.register(OwnModel, site=tenant_site)
class OwnModelAdmin(ConsoleAdmin):
    """Models trained on the organization's own outcomes; made through the API."""

    module = "own_models"
    permissions: ClassVar[dict[str, str]] = {
        "view": "own_models.read",
        "compare": "own_models.change",
        "delete": "own_models.change",
    }
    list_display = ("name", "standing", "rows", "protocol", "auc", "organization", "created_at")
    list_filter = ("state", "organization")
    list_select_related = ("organization",)
    search_fields = ("name", "original_filename")
    detail_template = "console/own_model.html"
    actions_detail = ("compare",)

    @display(description="State", ordering="state", label=STATE_LABELS)
    def standing(self, model: OwnModel) -> str:
        return model.get_state_display()

    @display(description="Validated on")
    def protocol(self, model: OwnModel) -> str:
        return PROTOCOLS[model.report["protocol"]["name"]] if model.report else NOTHING

    @display(description="AUC")
    def auc(self, model: OwnModel) -> str:
        return f"{model.report['figures']['ensemble']['auc']:.3f}" if model.report else NOTHING

    def remove(self, request: HttpRequest, obj: Any) -> None:
        services.own_model_delete(model=obj, actor=self.actor(request))

    @action(description="Compare with the champion", url_path="compare", icon="compare_arrows")
    def compare(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let it score the current predictions beside the champion."""
        model = self.row_for(request, "compare", object_id)
        if model is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            model,
            title=f"Compare {model} with the champion?",
            text="It scores the organization's current predictions in the background; none of them changes.",
            button="Compare",
            do=lambda _: services.own_model_compare_request(model=model, actor=self.actor(request)),
            done="The comparison is on its way.",
        )

    def details(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        shared = {
            "title": obj.name,
            "model": obj,
            "state": obj.get_state_display(),
            "variant": STATE_LABELS[obj.get_state_display()],
            "delete_url": ""
            if obj.state == TrainingState.TRAINING or not self.has_delete_permission(request, obj)
            else self.address("delete", obj.pk),
        }
        if obj.report is None:
            return shared
        report = obj.report
        return {
            **shared,
            "sample": report["sample"],
            "default_rate": percent(report["sample"]["default_rate"]),
            "protocol": report["protocol"]["text"],
            "findings": report["findings"],
            "dropped": report["dropped_columns"],
            "figures": [_figures(name, found) for name, found in report["figures"].items()],
            "gain": report["gain_over_logistic"]["ensemble"],
            "folds": report["by_fold"],
            "columns": [
                {**c, "share": percent(c["importance"], 1), "gaps": percent(c["missing"], 1)}
                for c in report["columns"]
            ],
            "picture": _roc(report["roc"]),
            "comparison": selectors.comparison(obj) if obj.compared_at else None,
        }


def _figures(name: str, found: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": wording.MEMBERS.get(name, name.capitalize()),
        "auc": f"{found['auc']:.3f}",
        "bounds": f"{found['auc_low']:.3f} to {found['auc_high']:.3f}",
        "brier": f"{found['brier']:.4f}",
        "recall": percent(found["recall_worst_tenth"], 0),
        "mean_pd": percent(found["mean_pd"]),
        "rate": percent(found["default_rate"]),
        "rejected": found["rejected_deciles"],
    }


def _roc(points: list[list[float]]) -> str:
    from ml.validation import charts  # its drawing library takes half a second to import

    drawing = charts.roc([("Ensemble", points)], width=330, height=220)
    return mark_safe(charts.svg(drawing))  # noqa: S308 - numbers and our own words
