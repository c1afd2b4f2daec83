"""Connectors on the consoles: a tenant's own, and on the platform's those of the reference data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.utils.html import format_html, format_html_join
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.console import platform_site, tenant_site
from companies.admin import chosen_place, place_field
from companies.connectors import circuits, selectors, services
from companies.connectors.local import in_reference_books
from companies.connectors.models import Run, RunState, Source
from companies.connectors.registry import circuit_name
from organizations.models import Organization
from tenants.kernel.console import NOTHING, ConsoleAdmin, ago
from tenants.kernel.console_forms import ConsoleForm

SHOWN_RUNS = 15
CIRCUIT_LABELS = {"Closed": "success", "Open": "danger", "Half open": "warning", "Unknown": "info"}
STATE_LABELS = {"Queued": "info", "Running": "info", "Done": "success", "Failed": "danger"}


class SourceForm(ConsoleForm):
    """A source as its connector is told of it."""

    error_fields: ClassVar[dict[str, str]] = {"name_taken": "name"}
    console_request: HttpRequest
    adding = False

    class Meta:
        model = Source
        fields = ("kind", "name", "options", "every_minutes", "enabled")
        widgets: ClassVar[dict[str, Any]] = {
            "name": UnfoldAdminTextInputWidget(),
            "kind": UnfoldAdminSelectWidget(),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.adding:
            return
        there = [(row["kind"], row["name"]) for row in selectors.kinds() if row["available"]]
        self.fields["kind"] = forms.ChoiceField(choices=there, widget=UnfoldAdminSelectWidget())
        place_field(self, self.console_request)


class SourcePage(ConsoleAdmin):
    """Sources with the state of their circuits, their last runs, and a way to run them now."""

    form = SourceForm
    list_display = ("name", "kind", "circuit_state", "pace", "last_state", "last_brought", "organization")
    list_filter = ("kind", "enabled", "organization")
    list_select_related = ("organization",)
    search_fields = ("name",)
    ordering = ("name",)
    readonly_fields = ("kind", "circuit_state", "circuit_text", "next_run_at", "runs_table", "created_at")
    actions_detail = ("run_now", "close_circuit")

    def get_queryset(self, request: HttpRequest) -> Any:
        return selectors.with_last_run(super().get_queryset(request))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj is not None else ()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            place = ("place",) if len(self.reach(request)) > 1 else ()
            return ((None, {"fields": (*SourceForm.Meta.fields, *place)}),)
        return (
            (None, {"fields": (("name", "kind"), "options", ("every_minutes", "enabled"))}),
            ("Circuit", {"fields": (("circuit_state", "circuit_text"),)}),
            ("Runs", {"fields": ("next_run_at", "runs_table")}),
            ("Kept", {"fields": ("created_at",)}),
        )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change=change, **kwargs)
        kwargs["fields"] = SourceForm.Meta.fields
        made = super().get_form(request, obj, change=change, **kwargs)
        return type("SourceAddForm", (made,), {"console_request": request, "adding": True})

    def place(self, request: HttpRequest, form: Any) -> UUID:
        """The organization of a new source."""
        chosen: UUID = chosen_place(form, request)
        return chosen

    def create(self, request: HttpRequest, form: Any) -> Model:
        given = {name: form.cleaned_data[name] for name in SourceForm.Meta.fields}
        given["options"] = given["options"] or {}
        return services.source_create(
            **given, organization_id=self.place(request, form), actor=self.actor(request)
        )

    def update(self, request: HttpRequest, obj: Any, form: Any) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        services.source_update(
            source=Source.objects.get(pk=obj.pk), changes=changes, actor=self.actor(request)
        )

    def remove(self, request: HttpRequest, obj: Any) -> None:
        services.source_delete(source=obj, actor=self.actor(request))

    # -- what is shown --------------------------------------------------------------------------

    @display(description="Circuit", label=CIRCUIT_LABELS)
    def circuit_state(self, source: Source) -> str:
        return circuits.view(circuit_name(source)).state.replace("_", " ").capitalize()

    @display(description="What that means")
    def circuit_text(self, source: Source) -> str:
        view = circuits.view(circuit_name(source))
        if view.retry_at is not None:
            return f"Nothing is asked of the source until {view.retry_at:%Y-%m-%d %H:%M:%S} UTC."
        return f"{view.failures} failures in a row." if view.failures else "Calls go through."

    @display(description="Runs", ordering="every_minutes")
    def pace(self, source: Source) -> str:
        if not source.enabled:
            return "not enabled"
        return f"every {source.every_minutes} min" if source.every_minutes else "by hand"

    def _last(self, source: Any) -> Run | None:
        if "last_run" not in source.__dict__:
            rows = Run.objects.defer("refusals")
            source.last_run = rows.filter(id=source.last_run_id).first() if source.last_run_id else None
        run: Run | None = source.last_run
        return run

    @display(description="Last run", label=STATE_LABELS)
    def last_state(self, source: Any) -> str:
        run = self._last(source)
        return run.get_state_display() if run else NOTHING

    @display(description="It brought")
    def last_brought(self, source: Any) -> str:
        run = self._last(source)
        if run is None:
            return NOTHING
        if run.state == RunState.FAILED:
            return run.error
        return f"{run.new:,} new, {run.restated:,} restated, {run.refused:,} refused, {ago(run.queued_at)}"

    @display(description="Latest")
    def runs_table(self, source: Source) -> Any:
        runs = list(Run.objects.filter(source=source)[:SHOWN_RUNS])
        if not runs:
            return "It has not run yet."
        columns = ("documents", "fetched", "new", "restated", "unchanged", "refused")
        head = format_html_join("", "<th>{}</th>", ((name.capitalize(),) for name in columns))
        body = format_html_join(
            "",
            "<tr><td>{}</td><td>{}</td>{}<td>{}</td></tr>",
            (
                (
                    f"{run.queued_at:%Y-%m-%d %H:%M}",
                    run.get_state_display(),
                    format_html_join("", "<td>{}</td>", ((f"{getattr(run, c):,}",) for c in columns)),
                    run.error or _first_refusal(run),
                )
                for run in runs
            ),
        )
        return format_html(
            '<table class="console-grid"><thead><tr><th>Asked for</th><th>State</th>{}<th>Why</th></tr>'
            "</thead><tbody>{}</tbody></table>"
            '<p class="console-note">Every refusal with its reason: GET /api/v1/connectors/runs/ID.</p>',
            head,
            body,
        )

    # -- what can be done -----------------------------------------------------------------------

    @action(description="Run now", url_path="run", icon="sync")
    def run_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then run the source in the background."""
        return self._act(
            request,
            object_id,
            title="Run it now?",
            text="What is new is fetched in the background; what is known already changes nothing.",
            button="Run",
            do=lambda source, actor: services.run_request(source=source, actor=actor),
            done="The source runs. Its report appears below.",
        )

    @action(description="Close circuit", url_path="close-circuit", icon="power")
    def close_circuit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then let calls to the source through again."""
        return self._act(
            request,
            object_id,
            title="Close the circuit?",
            text="The source is asked again at once. If it fails again, the circuit opens again.",
            button="Close",
            do=lambda source, actor: services.circuit_close(source=source, actor=actor),
            done="The circuit is closed.",
        )

    def _act(
        self, request: HttpRequest, object_id: str, *, do: Callable[[Source, Any], object], **words: Any
    ) -> HttpResponse:
        source = self.row_for(request, "change", object_id)
        if source is None:
            return self.gone(request, object_id)
        return self.ask(request, source, do=lambda _: do(source, self.actor(request)), **words)


def _first_refusal(run: Run) -> str:
    return f"{run.refusals[0]['where']}: {run.refusals[0]['reason']}" if run.refusals else ""


@admin.register(Source, site=tenant_site)
class SourceAdmin(SourcePage):
    """A tenant's own connectors."""

    module = "connectors"
    permissions: ClassVar[dict[str, str]] = {
        "view": "connectors.read",
        "add": "connectors.change",
        "change": "connectors.change",
        "delete": "connectors.change",
    }


@admin.register(Source, site=platform_site)
class ReferenceSourceAdmin(SourcePage):
    """The connectors that fill the reference data: each page is made and rendered within its one door."""

    permissions: ClassVar[dict[str, str]] = {
        "view": "platform.read",
        "add": "platform.change",
        "change": "platform.change",
        "delete": "platform.change",
    }

    def reach(self, request: HttpRequest, verb: str = "view") -> frozenset[UUID]:
        return frozenset(Organization.objects.filter(is_default=True).values_list("id", flat=True))

    def place(self, request: HttpRequest, form: Any) -> UUID:
        place: UUID = Organization.objects.get(is_default=True).id
        return place

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return self._there(lambda: super(SourcePage, self).changelist_view(request, extra_context))

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        return self._there(
            lambda: super(SourcePage, self).changeform_view(request, object_id, form_url, extra_context)
        )

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return self._there(lambda: super(SourcePage, self).delete_view(request, object_id, extra_context))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return self._there(lambda: super(SourcePage, self).history_view(request, object_id, extra_context))

    def _act(self, request: HttpRequest, object_id: str, **what: Any) -> HttpResponse:
        return self._there(lambda: super(ReferenceSourceAdmin, self)._act(request, object_id, **what))

    @staticmethod
    def _there(view: Callable[[], HttpResponse]) -> HttpResponse:
        with in_reference_books(reason="connectors on the platform's console"):
            answer = view()
            if isinstance(answer, SimpleTemplateResponse) and not answer.is_rendered:
                answer.render()
        return answer
