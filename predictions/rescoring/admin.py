"""Runs that score again, on a tenant's console."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.decorators import action, display

from accounts.console import tenant_site
from companies.admin import chosen_place, place_field
from predictions.registry.selectors import versions
from predictions.rescoring import services
from predictions.rescoring.models import RescoreRun, RunState
from predictions.rescoring.selectors import counted, state_of
from tenants.kernel.console import ConsoleAdmin
from tenants.kernel.errors import DomainError

LABELS = {"Processing": "info", "Completed": "success", "Stalled": "danger"}


class BeginForm(forms.Form):
    """Whose companies are scored again."""


@admin.register(RescoreRun, site=tenant_site)
class RescoreRunAdmin(ConsoleAdmin):
    """Companies scored again on the version that scores now; earlier scores stay."""

    permissions: ClassVar[dict[str, str]] = {
        "view": "jobs.read",
        "begin": "jobs.create",
        "resume": "jobs.change",
    }
    list_display = (
        *("about", "standing", "progress", "companies", "made", "version", "organization"),
        *("created_by_label", "created_at"),
    )
    list_filter = ("organization",)
    list_select_related = ("organization",)
    search_fields = ("about", "created_by_label")
    ordering = ("-created_at", "-id")
    date_hierarchy = "created_at"
    fields = (
        ("about", "organization"),
        ("standing", "progress"),
        ("companies", "version"),
        ("made", "not_scored"),
        ("created_at", "finished_at"),
        "created_by_label",
    )
    readonly_fields = (
        *("about", "organization", "standing", "progress", "companies", "made", "not_scored", "version"),
        *("created_by_label", "created_at", "finished_at"),
    )
    actions_list = ("begin",)
    actions_detail = ("resume",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return counted(super().get_queryset(request))

    @display(description="State", label=LABELS)
    def standing(self, run: Any) -> str:
        return str(RunState(state_of(run)).label)

    @display(description="Done")
    def progress(self, run: Any) -> str:
        return f"{100 * run.parts_done // run.parts_all if run.parts_all else 100} %"

    @display(description="Scores made")
    def made(self, run: Any) -> int:
        return int(run.scored or 0)

    @display(description="Periods without a score")
    def not_scored(self, run: Any) -> int:
        return int(run.refused or 0)

    @display(description="Model")
    def version(self, run: RescoreRun) -> str:
        return versions().get(run.model_version_id, run.model_sha256[:12])

    def get_actions_list(self, request: HttpRequest) -> list[Any]:
        found: list[Any] = super().get_actions_list(request)
        return found if self.may(request, "begin") else []

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        row = self.get_object(request, str(object_id))
        if row is None or row.finished_at is not None or not self.may(request, "resume", row):
            return []
        found: list[Any] = super().get_actions_detail(request, object_id)
        return found

    @action(description="Score all companies again", url_path="begin", icon="replay")
    def begin(self, request: HttpRequest) -> HttpResponse:
        """All companies of an organization; a watchlist or single ones through the API."""
        if not self.may(request, "begin"):
            return HttpResponseRedirect(self.address("changelist"))
        form = BeginForm(request.POST if request.method == "POST" else None)
        place_field(form, request)
        if request.method == "POST" and form.is_valid():
            try:
                run = services.run_begin(
                    organization_id=chosen_place(form, request),
                    company_ids=None,
                    about="All companies",
                    actor=self.actor(request),
                )
            except DomainError as refusal:
                messages.error(request, refusal.detail)
                return HttpResponseRedirect(self.address("changelist"))
            messages.success(request, "The companies are being scored again.")
            return HttpResponseRedirect(self.address("change", run.pk))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Score all companies again",
            "text": "Every period is scored by the version that scores now. Earlier scores stay.",
            "button": "Score again",
            "form": form,
            "back": self.address("changelist"),
        }
        return TemplateResponse(request, "console/ask.html", context)

    @action(description="Take up again", url_path="resume", icon="play_arrow")
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Hand out again what is not done."""
        row = self.row_for(request, "resume", object_id)
        if row is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            row,
            title=f"Take up {row} again?",
            text="What is not done is handed out once more; what is done stays.",
            button="Take up again",
            do=lambda _: services.run_resume(run=row, actor=self.actor(request)),
            done="The run goes on.",
        )
