"""Imports on a tenant's console: upload, what the columns are read as, check, take in, faulty rows, undo."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.console import tenant_site
from companies.admin import chosen_place, place_field
from companies.imports import selectors, services
from companies.imports.models import BUSY, OPEN, UNDOABLE, UNFINISHED, Import, IssueLevel
from tenants.kernel.console import ConsoleAdmin
from tenants.kernel.console_forms import ConsoleForm
from tenants.kernel.errors import DomainError

SHOWN_ISSUES = 50
API = "/api/v1/imports"
LABELS = {
    "Draft": "info", "Pending": "info", "Processing": "primary", "Checked": "info", "Completed": "success",
    "Failed": "danger", "Cancelled": "warning", "Being undone": "primary", "Undone": "warning",
}  # fmt: skip
WORDS = {
    "companies_created": "companies are new",
    "companies_changed": "companies changed",
    "companies_unchanged": "companies as they were",
    "statements_created": "statements are new",
    "statements_restated": "statements restated",
    "statements_unchanged": "statements as they were",
    "undone_statements_withdrawn": "statements withdrawn",
    "undone_statements_brought_back": "earlier statements hold again",
    "undone_statements_kept": "statements kept: restated since",
    "undone_companies_removed": "companies removed",
    "undone_companies_kept": "companies kept: used since",
}


class ImportForm(ConsoleForm):
    """A file of companies or statements."""

    error_fields: ClassVar[dict[str, str]] = {}
    console_request: HttpRequest
    file = forms.FileField(
        label="CSV or XLSX file",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.xlsx,.gz,.parquet"}),
        help_text="Companies, or statements with a row a period. Nothing is written yet: the next page "
        "shows how the columns are read.",
    )
    unit = forms.ChoiceField(
        label="Amounts are in",
        choices=(("units", "units"), ("thousands", "thousands"), ("millions", "millions")),
        widget=UnfoldAdminSelectWidget(),
        help_text="Where the file itself does not say.",
    )
    currency = forms.RegexField(
        r"^[A-Za-z]{3}$",
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "USD", "maxlength": 3}),
        help_text="Where the file itself does not say. Three letters.",
    )

    class Meta:
        model = Import
        fields = ("unit", "currency")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        place_field(self, self.console_request)

    def _post_clean(self) -> None:
        super()._post_clean()
        if self.refusal is not None and "__all__" in self.errors:
            self.errors["file"] = self.errors.pop("__all__")


@admin.register(Import, site=tenant_site)
class ImportAdmin(ConsoleAdmin):
    """Files of companies and statements."""

    module = "imports"
    permissions: ClassVar[dict[str, str]] = {
        "view": "companies.read",
        "add": "companies.create",
        "run": "companies.change",
        "delete": "companies.change",
    }
    form = ImportForm
    list_display = ("file", "standing", "taken", "faulty", "organization", "created_by_label", "created_at")
    list_filter = ("state", "layout", "organization")
    list_select_related = ("organization",)
    search_fields = ("original_filename", "created_by_label")
    ordering = ("-created_at", "-id")
    date_hierarchy = "created_at"
    detail_template = "console/import.html"
    actions_detail = ("try_dry", "start", "cancel", "undo")

    class Media:
        js = ("console/progress.js",)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.progress)
        return [
            path("<path:object_id>/progress/", view, name="imports_import_progress"),
            *super().get_urls(),
        ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        place = ("place",) if len(self.reach(request)) > 1 else ()
        return ((None, {"fields": ("file", ("unit", "currency"), *place)}),)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs["fields"] = ImportForm.Meta.fields
        made = super().get_form(request, obj, change=change, **kwargs)
        return type("ImportForm", (made,), {"console_request": request})

    def create(self, request: HttpRequest, form: Any) -> Model:
        data, place = form.cleaned_data, chosen_place(form, request)
        return services.import_create(
            upload=data["file"],
            unit=data["unit"],
            currency=data["currency"],
            organization_id=place,
            only_own=self.only_own(request, "companies.change", place),
            actor=self.actor(request),
        )

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        return HttpResponseRedirect(self.address("change", obj.pk))

    def remove(self, request: HttpRequest, obj: Any) -> None:
        services.import_delete(row=obj, actor=self.actor(request))

    @display(description="File", ordering="original_filename")
    def file(self, row: Import) -> str:
        return row.original_filename

    @display(description="State", ordering="state", label=LABELS)
    def standing(self, row: Import) -> str:
        return str(row.get_state_display())

    @display(description="Taken", ordering="ok_rows")
    def taken(self, row: Import) -> str:
        return f"{row.ok_rows:,}"

    @display(description="Left out", ordering="faulty_rows")
    def faulty(self, row: Import) -> str:
        return f"{row.faulty_rows:,}"

    # -- one import ---------------------------------------------------------------------------------

    def details(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        ended = obj.state not in BUSY
        may_delete = ended and self.has_delete_permission(request, obj)
        return {
            "title": obj.original_filename,
            "delete_url": self.address("delete", obj.pk) if may_delete else "",
            **self.standing_of(obj),
            **self.columns_of(obj),
        }

    def columns_of(self, row: Import) -> dict[str, Any]:
        """How the columns are read, while that can still be changed."""
        if row.state not in OPEN:
            return {}
        try:
            seen = selectors.preview(row)
        except DomainError as error:
            return {"problems": [error.detail]}
        return {"columns": seen["columns"], "problems": seen["problems"], "layout": row.get_layout_display()}

    def standing_of(self, row: Import) -> dict[str, Any]:
        """How an import stands: everything that changes while it runs."""
        issues = row.issues.order_by("row_number", "id")
        counted = row.counts or row.forecast
        said = [(f"{counted[name]:,}", words) for name, words in WORDS.items() if counted.get(name)]
        return {
            "row": row,
            "running": row.state in BUSY,
            "progress_url": self.address("progress", row.pk),
            "state": row.get_state_display(),
            "state_variant": LABELS[str(row.get_state_display())],
            "processed": f"{row.processed_rows:,} of {row.total_rows:,} rows",
            "said": said,
            "dry": not row.counts and bool(row.forecast),
            "faults": sorted(row.fault_counts.items(), key=lambda pair: -pair[1]),
            "issues": issues[:SHOWN_ISSUES],
            "more_issues": max(issues.count() - SHOWN_ISSUES, 0),
            "faulty_url": f"{API}/{row.pk}/faulty-rows"
            if issues.filter(level=IssueLevel.ERROR).exists()
            else "",
        }

    def progress(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The part of an import's page that changes while it runs."""
        row = self.row_for(request, "view", object_id)
        if row is None:
            return HttpResponse(status=404)
        return TemplateResponse(request, "console/import_standing.html", self.standing_of(row))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        row = self.get_object(request, str(object_id))
        if row is None or not self.may(request, "run", row):
            return []
        fits = {
            "check": row.state in OPEN,
            "start": row.state in OPEN,
            "cancel": row.state in UNFINISHED,
            "undo": row.state in UNDOABLE and not row.dry,
        }
        buttons: list[Any] = super().get_actions_detail(request, object_id)
        return [b for b in buttons if any(fits[name] and b.path.endswith(name) for name in fits)]

    def _asked(self, request: HttpRequest, object_id: str, **words: Any) -> HttpResponse:
        row = self.row_for(request, "run", object_id)
        if row is None:
            return self.gone(request, object_id)
        do = words.pop("do")
        return self.ask(request, row, do=lambda _: do(row), **words)

    @action(description="Check", url_path="check", icon="rule")
    def try_dry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Try every row and keep nothing."""
        return self._asked(
            request,
            object_id,
            title="Check the whole file?",
            text="Every row is tried and nothing is kept; what would come of it is shown after.",
            button="Check",
            do=lambda row: services.import_start(row=row, dry=True, actor=self.actor(request)),
            done="The file is being checked.",
        )

    @action(description="Take in", url_path="start", icon="download_done")
    def start(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Write the rows."""
        return self._asked(
            request,
            object_id,
            title="Take the file in?",
            text="Faulty rows are left out and come back as a sheet. The import can be undone.",
            button="Take in",
            do=lambda row: services.import_start(row=row, dry=False, actor=self.actor(request)),
            done="The file is being taken in.",
        )

    @action(description="Cancel", url_path="cancel", icon="cancel")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Stop at the next chunk's border."""
        return self._asked(
            request,
            object_id,
            title="Cancel the import?",
            text="It stops after the rows that are being written now. What is written stays.",
            button="Cancel the import",
            do=lambda row: services.import_cancel(row=row, actor=self.actor(request)),
            done="The import is cancelled.",
            danger=True,
        )

    @action(description="Undo", url_path="undo", icon="undo")
    def undo(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take back what it brought."""
        return self._asked(
            request,
            object_id,
            title="Undo the import?",
            text="Its statements give way to those before; its companies go, unless used since.",
            button="Undo the import",
            do=lambda row: services.import_undo(row=row, actor=self.actor(request)),
            done="The import is being undone, or is already.",
            danger=True,
        )
