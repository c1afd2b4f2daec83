"""The platform's console: hosts, and what happened outside any tenant."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action

from accounts.console import platform_site
from organizations.admin.log import AuditAdmin
from tenants import services
from tenants.kernel.console import ConsoleAdmin
from tenants.kernel.console_forms import ConsoleForm
from tenants.models import Domain, PlatformAuditEvent, Tenant


class DomainForm(ConsoleForm):
    """One more host for an institution."""

    error_fields: ClassVar[dict[str, str]] = {"duplicate_domain": "domain"}

    class Meta:
        model = Domain
        fields = ("tenant", "domain")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "tenant" in self.fields:  # a page that only shows has no fields
            self.fields["tenant"].queryset = Tenant.objects.institutions()  # type: ignore[attr-defined]


@admin.register(Domain, site=platform_site)
class DomainAdmin(ConsoleAdmin):
    """Hosts and whose they are."""

    permissions: ClassVar[dict[str, str]] = {
        "view": "platform.read",
        "add": "platform.change",
        "delete": "platform.change",
    }
    actions_detail = ("make_primary",)
    form = DomainForm
    fields = ("tenant", "domain")
    list_display = ("domain", "tenant", "is_primary")
    list_select_related = ("tenant",)
    search_fields = ("domain", "tenant__name")
    ordering = ("domain",)

    def create(self, request: HttpRequest, form: Any) -> Model:
        data = form.cleaned_data
        return services.domain_add(tenant=data["tenant"], domain=data["domain"], actor=self.actor(request))

    def remove(self, request: HttpRequest, obj: Any) -> None:
        services.domain_remove(domain_id=obj.pk, actor=self.actor(request))

    @action(description="Make primary", url_path="primary", icon="star")
    def make_primary(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then let links and mails name this host."""
        row = self.row_for(request, "delete", object_id)
        if row is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            row,
            title=f"Let {row} be the primary host?",
            text="Links and mails name the primary host. The others answer as before.",
            button="Make primary",
            do=lambda _: services.domain_make_primary(domain_id=row.pk, actor=self.actor(request)),
            done=f"{row} is the primary host.",
        )


@admin.register(PlatformAuditEvent, site=platform_site)
class PlatformAuditAdmin(AuditAdmin):
    """What happened on the platform outside any tenant."""

    permissions: ClassVar[dict[str, str]] = {"view": "platform.read"}
