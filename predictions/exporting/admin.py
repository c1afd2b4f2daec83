"""Exports on a tenant's console: what was asked for, and one's own files."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.decorators import action, display

from accounts.console import tenant_site
from predictions.exporting import services
from predictions.exporting.lists import LISTS
from predictions.exporting.models import Export, ExportState
from tenants.kernel.console import ConsoleAdmin

LABELS = {"Pending": "info", "Ready": "success", "Failed": "danger", "Expired": "warning"}


@admin.register(Export, site=tenant_site)
class ExportAdmin(ConsoleAdmin):
    """Lists that were asked for as files."""

    module = "exports"
    permissions: ClassVar[dict[str, str]] = {
        "view": "exports.read",
        "fetch": "exports.change",
        "delete": "exports.change",
    }
    list_display = ("what", "type", "standing", "rows", "organization", "created_by_label", "created_at")
    list_filter = ("state", "list_code", "organization")
    list_select_related = ("organization",)
    search_fields = ("filename", "created_by_label")
    ordering = ("-created_at", "-id")
    fields = ("what", "type", "filters", "standing", "error_message", "rows", "file_size", "sha256",
              "created_by_label", "created_at", "completed_at", "expires_at", "fetched_at")  # fmt: skip
    readonly_fields = fields
    actions_detail = ("fetch",)

    @display(description="List", ordering="list_code")
    def what(self, row: Export) -> str:
        table = LISTS.get(row.list_code)
        return table.title if table is not None else row.list_code

    @display(description="State", ordering="state", label=LABELS)
    def standing(self, row: Export) -> str:
        return str(row.get_state_display())

    def remove(self, request: HttpRequest, obj: Any) -> None:
        services.export_delete(row=obj, actor=self.actor(request))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        row = self.get_object(request, str(object_id))
        if row is None or row.state != ExportState.READY or not self.may(request, "fetch", row):
            return []
        buttons: list[Any] = super().get_actions_detail(request, object_id)
        return buttons

    @action(description="Download", url_path="fetch", icon="download")
    def fetch(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The file itself: the API writes the download down."""
        return HttpResponseRedirect(f"/api/v1/exports/{object_id}/file")
