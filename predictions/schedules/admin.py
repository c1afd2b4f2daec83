"""Saved portfolios on a tenant's console: what is scored when, its runs, and a button to score now."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from accounts.console import tenant_site
from companies.admin import chosen_place, place_field
from predictions.schedules import services
from predictions.schedules.models import Schedule
from tenants.kernel.console import ConsoleAdmin
from tenants.kernel.console_forms import ConsoleForm

STATES = {
    "Waiting": "success",
    "Paused": "warning",
}
RUN_LABELS = {
    "completed": "success",
    "running": "primary",
    "failed": "danger",
    "refused": "danger",
    "cancelled": "warning",
    "gone": "default",
}
SHOWN_RUNS = 20


class ScheduleForm(ConsoleForm):
    """What is scored, and when."""

    error_fields: ClassVar[dict[str, str]] = {}
    console_request: HttpRequest
    symbols = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="For a list of companies: their symbols, with commas, spaces or lines between.",
    )

    class Meta:
        model = Schedule
        fields = (
            "name", "kind", "source", "file_name", "symbols", "frequency", "at", "weekday", "day",
            "time_zone",
        )  # fmt: skip
        widgets: ClassVar[dict[str, Any]] = {
            "name": UnfoldAdminTextInputWidget(),
            "file_name": UnfoldAdminTextInputWidget(),
            "time_zone": UnfoldAdminTextInputWidget(attrs={"placeholder": "Europe/Zurich"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        place_field(self, self.console_request)
        if not self.instance._state.adding:
            self.initial["symbols"] = ", ".join(self.instance.symbols)

    def clean_symbols(self) -> list[str]:
        return str(self.cleaned_data.get("symbols") or "").replace(",", " ").replace(";", " ").split()


@admin.register(Schedule, site=tenant_site)
class ScheduleAdmin(ConsoleAdmin):
    """Portfolios that are scored again by the clock."""

    module = "bulk_scoring"
    permissions: ClassVar[dict[str, str]] = {
        "view": "schedules.read",
        "add": "schedules.create",
        "change": "schedules.change",
        "delete": "schedules.change",
        "pause": "schedules.change",
        "run": "schedules.change",
    }
    form = ScheduleForm
    list_display = ("name", "what", "rhythm", "next_run_at", "standing", "last", "organization")
    list_filter = ("frequency", "kind", "organization")
    list_select_related = ("organization",)
    search_fields = ("name", "file_name")
    ordering = ("name",)
    change_form_after_template = "console/schedule_runs.html"
    actions_detail = ("run", "pause")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        place = ("place",) if obj is None and len(self.reach(request, "add")) > 1 else ()
        what = ("name", "kind", "source", "file_name", "symbols", *place)
        clock = ("frequency", "at", "weekday", "day", "time_zone")
        return (("What is scored", {"fields": what}), ("When", {"fields": clock}))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs["fields"] = ScheduleForm.Meta.fields
        made = super().get_form(request, obj, change=change, **kwargs)
        return type("ScheduleForm", (made,), {"console_request": request})

    def create(self, request: HttpRequest, form: Any) -> Model:
        return services.schedule_create(
            organization_id=chosen_place(form, request),
            data=form.cleaned_data,
            now=timezone.now(),
            actor=self.actor(request),
        )

    def update(self, request: HttpRequest, obj: Any, form: Any) -> None:
        stored = Schedule.objects.get(pk=obj.pk)
        services.schedule_update(
            schedule=stored, data=form.cleaned_data, now=timezone.now(), actor=self.actor(request)
        )

    def remove(self, request: HttpRequest, obj: Any) -> None:
        services.schedule_delete(schedule=obj, actor=self.actor(request))

    @display(description="Scored")
    def what(self, row: Schedule) -> str:
        return row.file_name or f"{len(row.symbols)} companies"

    @display(description="Rhythm")
    def rhythm(self, row: Schedule) -> str:
        words = {"daily": "Daily", "weekly": row.get_weekday_display(), "monthly": f"Day {row.day}"}
        return f"{words[row.frequency]}, {row.at:%H:%M} {row.time_zone}"

    @display(description="Clock", label=STATES)
    def standing(self, row: Schedule) -> str:
        return "Paused" if row.paused_at else "Waiting"

    @display(description="Last run")
    def last(self, row: Schedule) -> str:
        run = row.runs.select_related("job").first()
        return f"{run.begun_at:%Y-%m-%d %H:%M}, {run.state}" if run else self.empty_value_display

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        schedule = self.get_object(request, str(object_id)) if object_id else None
        runs = schedule.runs.select_related("job")[:SHOWN_RUNS] if schedule is not None else []
        shown = [{"run": run, "variant": RUN_LABELS[run.state]} for run in runs]
        context = {"runs": shown, "schedule": schedule}
        return super().changeform_view(request, object_id, form_url, {**context, **(extra_context or {})})

    @action(description="Score now", url_path="run", icon="play_arrow")
    def run(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then score the portfolio at once."""
        row = self.row_for(request, "run", object_id)
        if row is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            row,
            title=f"Score {row} now?",
            text="It is scored once, beside its clock. Its subscribers are told when it has ended.",
            button="Score now",
            do=lambda _: services.run_now(schedule=row, now=timezone.now(), actor=self.actor(request)),
            done="The portfolio is being scored.",
        )

    @action(description="Pause or resume", url_path="pause", icon="pause")
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then stop the clock or let it go on."""
        row = self.row_for(request, "pause", object_id)
        if row is None:
            return self.gone(request, object_id)
        pausing = row.paused_at is None
        return self.ask(
            request,
            row,
            title=f"{'Pause' if pausing else 'Resume'} {row}?",
            text="It can still be scored by hand." if pausing else "What was due meanwhile is not done.",
            button="Pause" if pausing else "Resume",
            do=lambda _: services.schedule_pause(
                schedule=row, paused=pausing, now=timezone.now(), actor=self.actor(request)
            ),
            done="The portfolio is paused." if pausing else "The portfolio is scored by its clock again.",
        )
