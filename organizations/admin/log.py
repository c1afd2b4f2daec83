"""The audit log as a page: the same for the platform and for a tenant."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest
from unfold.decorators import display

from tenants.kernel.audit import AuditRecord
from tenants.kernel.console import NOTHING, ConsoleAdmin


def said(value: Any) -> str:
    """A value of a change in words."""
    if value in (None, ""):
        return NOTHING
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def changes_of(event: AuditRecord) -> list[dict[str, str]]:
    """What changed, field by field; ``before`` is empty where only the new value is known."""
    rows = []
    for field, value in event.changes.items():
        pair = isinstance(value, list) and len(value) == 2
        before, after = value if pair else ("", value)
        rows.append(
            {
                "field": field.replace("_", " "),
                "before": said(before) if pair else "",
                "after": said(after),
            }
        )
    return rows


class AuditAdmin(ConsoleAdmin):
    """Who did what, read-only."""

    list_display = ("at", "who", "action", "category", "what", "through", "address")
    list_filter = ("category", "via", "action")
    search_fields = ("actor_name", "object_name", "action", "object_id", "request_id")
    date_hierarchy = "at"
    ordering = ("-id",)
    detail_template = "console/event.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        rows: Any = super().get_queryset(request)
        return rows.named()

    @display(description="Who", ordering="actor_name")
    def who(self, event: Any) -> str:
        name: str = event.actor_name
        return name

    @display(description="Through", ordering="via")
    def through(self, event: AuditRecord) -> str:
        return event.via

    @display(description="Object", ordering="object_type")
    def what(self, event: Any) -> str:
        kind = event.object_type.rpartition(".")[2]
        return f"{kind} {event.object_name}".strip() or NOTHING

    def details(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {"event": obj, "what": self.what(obj), "changes": changes_of(obj)}
