"""The model registry on the platform's console: versions, figures with charts, decisions, reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import path
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.console import platform_site
from predictions.admin import registry_figures as figures
from predictions.registry import reports, selectors, services
from predictions.registry.models import Materiality, ModelStatus, ModelVersion
from tenants.kernel.console import NOTHING, ConsoleAdmin, percent
from tenants.kernel.console_forms import ReasonForm

STATUS_LABELS = {"Champion": "success", "Challenger": "info", "Candidate": "info", "Retired": "warning"}
SHOWN_EVENTS = 20


class DescribeForm(forms.Form):
    """What may be said of a version."""

    owner = forms.CharField(max_length=200, required=False, widget=UnfoldAdminTextInputWidget())
    purpose = forms.CharField(max_length=300, required=False, widget=UnfoldAdminTextInputWidget())
    materiality = forms.ChoiceField(
        choices=Materiality.choices, required=False, widget=UnfoldAdminSelectWidget()
    )
    next_review_on = forms.DateField(label="Next review", required=False, widget=UnfoldAdminDateWidget())


@admin.register(ModelVersion, site=platform_site)
class ModelVersionAdmin(ConsoleAdmin):
    """Versions of the scoring model, how they were measured, and who decided what."""

    permissions: ClassVar[dict[str, str]] = {
        "view": "models.manage",
        "promote": "models.manage",
        "approve": "models.manage",
        "reject": "models.manage",
        "rollback": "models.manage",
        "challenge": "models.manage",
        "retire": "models.manage",
        "describe": "models.manage",
        "report": "models.manage",
    }
    step_up: ClassVar[frozenset[str]] = frozenset({"promote", "approve", "rollback"})
    list_display = (
        "name",
        "version",
        "standing",
        "auc",
        "owner",
        "next_review_on",
        "fingerprint",
        "created_at",
    )
    list_filter = ("status", "materiality")
    search_fields = ("name", "version", "sha256", "owner")
    ordering = ("-created_at",)
    detail_template = "console/model.html"
    actions_detail = (
        "promote",
        "approve",
        "reject",
        "rollback",
        "challenge",
        "retire",
        "describe",
        "report",
    )

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.report_pdf)
        pdf = path("<path:object_id>/validation.pdf", view, name="registry_modelversion_pdf")
        return [pdf, *super().get_urls()]

    @display(description="Status", ordering="status", label=STATUS_LABELS)
    def standing(self, version: ModelVersion) -> str:
        return version.get_status_display()

    @display(description="AUC with market value")
    def auc(self, version: ModelVersion) -> str:
        value = version.metrics.get("statement_market", {}).get("auc")
        return NOTHING if value is None else f"{value:.3f}"

    @display(description="SHA-256")
    def fingerprint(self, version: ModelVersion) -> str:
        return version.sha256[:12]

    # -- one version ----------------------------------------------------------------------------

    def details(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        newest = reports.report_newest(obj)
        content = reports.report_content(obj)
        return {
            "version": obj,
            "status": obj.get_status_display(),
            "status_variant": STATUS_LABELS.get(obj.get_status_display(), ""),
            "sample": obj.card.get("data", {}),
            "years": [str(year) for year in obj.card.get("protocol", {}).get("report_years", ())],
            "cutoffs": [(name.capitalize(), percent(value, 0)) for name, value in figures.cutoffs(obj.card)],
            "figures": [label for _, label, _ in figures.FIGURES],
            "shapes": figures.measured(obj.card),
            "pending": selectors.pending_request(obj),
            "events": obj.events.order_by("-id")[:SHOWN_EVENTS],
            "report": newest,
            "pdf_url": self.address("pdf", obj.pk) if reports.report_latest(obj) else "",
            "verdicts": figures.verdicts(content),
            "verdict_shapes": [content["card"]["shapes"][name]["label"] for name in figures.shapes(content)],
            "charts": figures.charts(content),
            "comparison": figures.compared(obj),
        }

    def report_pdf(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The newest validation report as a file."""
        version = self.row_for(request, "view", object_id)
        if version is None or reports.report_latest(version) is None:
            return self.gone(request, object_id)
        answer = HttpResponse(reports.report_pdf(version), content_type="application/pdf")
        answer["Content-Disposition"] = f'attachment; filename="validation-{version.sha256[:12]}.pdf"'
        return answer

    # -- decisions ------------------------------------------------------------------------------

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        version = self.get_object(request, str(object_id))
        if version is None:
            return []
        offered = _offered(version)
        buttons: list[Any] = super().get_actions_detail(request, object_id)
        return [
            b
            for b in buttons
            if (name := b.action_name.rpartition("_")[2]) in offered and self.may(request, name, version)
        ]

    def _decide(
        self,
        request: HttpRequest,
        object_id: str,
        verb: str,
        words: tuple[str, str, str],
        do: Callable[..., object],
        *,
        form_class: type[forms.Form] = ReasonForm,
        danger: bool = False,
    ) -> HttpResponse:
        """Ask for what a decision needs, carry it out, and come back to the version."""
        version = self.row_for(request, verb, object_id)
        if version is None:
            return self.gone(request, object_id)
        title, text, done = words
        return self.ask(
            request,
            version,
            title=title.format(version),
            text=text,
            button=title.partition(" {}")[0].rstrip("?"),
            do=lambda data: do(version, data),
            done=done,
            form_class=form_class,
            danger=danger,
        )

    @action(description="Promote", url_path="promote", icon="upgrade")
    def promote(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the version score, or ask a second person."""
        text = "It scores from the next request on; running jobs end on the version they began with."
        if services.two_persons_needed():
            text = "Another super admin has to approve it. Until then the present champion scores."
        return self._decide(
            request,
            object_id,
            "promote",
            ("Promote {}?", text, "Noted."),
            lambda v, data: services.model_promote(
                version_id=v.id, reason=data["reason"], actor=self.actor(request)
            ),
        )

    @action(description="Approve", url_path="approve", icon="check")
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Carry out what somebody else has asked for."""
        return self._decide(
            request,
            object_id,
            "approve",
            (
                "Approve {}?",
                "You are the second person: it scores from the next request on.",
                "It scores now.",
            ),
            lambda v, data: services.promotion_approve(
                version_id=v.id, reason=data["reason"], actor=self.actor(request)
            ),
        )

    @action(description="Refuse", url_path="reject", icon="block")
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Refuse a promotion that waits."""
        return self._decide(
            request,
            object_id,
            "reject",
            ("Refuse {}?", "The promotion that waits is refused; the version stays as it is.", "Refused."),
            lambda v, data: services.promotion_reject(
                version_id=v.id, reason=data["reason"], actor=self.actor(request)
            ),
        )

    @action(description="Roll back", url_path="rollback", icon="undo")
    def rollback(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the champion before score again."""
        return self._decide(
            request,
            object_id,
            "rollback",
            (
                "Roll back {}?",
                "The champion before it scores again, from the next request on.",
                "Rolled back.",
            ),
            lambda _, data: services.model_rollback(reason=data["reason"], actor=self.actor(request)),
            danger=True,
        )

    @action(description="Challenge", url_path="challenge", icon="sports_score")
    def challenge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the version score in the champion's shadow."""
        text = "It scores what the champion scores, later and unseen, and the two are compared."
        return self._decide(
            request,
            object_id,
            "challenge",
            ("Challenge with {}?", text, "It is the challenger now."),
            lambda v, data: services.model_challenge(
                version_id=v.id, reason=data["reason"], actor=self.actor(request)
            ),
        )

    @action(description="Retire", url_path="retire", icon="archive")
    def retire(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take the version out of use."""
        return self._decide(
            request,
            object_id,
            "retire",
            ("Retire {}?", "It is offered no more. What it has scored keeps its name.", "Retired."),
            lambda v, data: services.model_retire(
                version_id=v.id, reason=data["reason"], actor=self.actor(request)
            ),
            danger=True,
        )

    @action(description="Describe", url_path="describe", icon="edit")
    def describe(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say who answers for it and when it is reviewed."""
        found = self.row_for(request, "describe", object_id)
        names = ("owner", "purpose", "materiality", "next_review_on")
        first = {name: getattr(found, name, None) for name in names}

        class Form(DescribeForm):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **{**kwargs, "initial": first})

        return self._decide(
            request,
            object_id,
            "describe",
            ("Describe {}", "Every change is written down.", "Changed."),
            lambda v, data: services.model_describe(
                version_id=v.id,
                changes={name: value for name, value in data.items() if value != "" or name != "materiality"},
                actor=self.actor(request),
            ),
            form_class=Form,
        )

    @action(description="Make a report", url_path="report", icon="description")
    def report(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Have a validation report made."""
        return self._decide(
            request,
            object_id,
            "report",
            ("Report on {}?", "It is made in the background, in a minute or so.", "It is being made."),
            lambda v, _: reports.report_request(version=v, actor=self.actor(request)),
            form_class=forms.Form,
        )


def _offered(version: ModelVersion) -> set[str]:
    """Decisions that make sense for a version as it stands."""
    offered = {"describe", "report"}
    waits = selectors.pending_request(version) is not None
    if version.status == ModelStatus.CHAMPION:
        return offered | {"rollback"}
    offered |= {"approve", "reject"} if waits else {"promote"}
    if version.status != ModelStatus.CHALLENGER:
        offered.add("challenge")
    if version.status != ModelStatus.RETIRED:
        offered.add("retire")
    return offered
