"""The platform's console: jobs of all tenants without a name in them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.utils import timezone
from unfold.decorators import display

from accounts.console import platform_site
from predictions import wording
from predictions.admin.jobs import bar
from predictions.dashboards import is_stuck
from tenants.kernel.console import ConsoleAdmin, ago
from tenants.models import JobTicket


@admin.register(JobTicket, site=platform_site)
class JobTicketAdmin(ConsoleAdmin):
    """How the jobs of all tenants do."""

    permissions: ClassVar[dict[str, str]] = {"view": "platform.read"}
    list_display = ("short", "tenant", "kind_text", "standing", "done", "age", "heard")
    list_filter = ("state", "kind", "tenant")
    list_select_related = ("tenant",)
    search_fields = ("tenant__name",)
    ordering = ("-created_at",)
    date_hierarchy = "created_at"
    fields = ("short", "tenant", "kind_text", "standing", "done", "age", "heard", "created_at", "heartbeat")
    readonly_fields = fields

    @display(description="Job", ordering="id")
    def short(self, ticket: JobTicket) -> str:
        return str(ticket.pk)

    @display(description="Kind", ordering="kind")
    def kind_text(self, ticket: JobTicket) -> str:
        return ticket.kind.capitalize()

    @display(description="State", ordering="state", label={**wording.STATE_LABELS, "Stuck": "danger"})
    def standing(self, ticket: JobTicket) -> str:
        return "Stuck" if is_stuck(ticket, timezone.now()) else wording.state(ticket.state)

    @display(description="Progress")
    def done(self, ticket: JobTicket) -> str:
        share = 100 * ticket.rows_done // ticket.rows if ticket.rows else 0
        return bar(share, f"{ticket.rows_done:,}\xa0of\xa0{ticket.rows:,}", ticket.state)

    @display(description="Started", ordering="created_at")
    def age(self, ticket: JobTicket) -> str:
        return ago(ticket.created_at)

    @display(description="Last heard of", ordering="heartbeat")
    def heard(self, ticket: JobTicket) -> str:
        return ago(ticket.heartbeat)
