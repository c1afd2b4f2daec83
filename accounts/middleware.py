"""The console's session: remembers its tenant, and is anonymous on every other host."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse

from accounts.principals import SessionPrincipal, principal_for
from tenants import selectors
from tenants.kernel.context import in_tenant
from tenants.kernel.request import know_caller

SESSION_KEY = "auth_session"


class ConsoleSessionMiddleware:
    """Put the principal of the console's session on the request, or make the request anonymous.

    On a tenant's host the session must be of that tenant. On the platform's host the API works in the
    tenant of the session; the console there stays in public.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        principal = self._principal(request)
        request.principal = principal  # type: ignore[attr-defined]
        if principal is None:
            request.user = AnonymousUser()
            return self.get_response(request)
        know_caller(principal)
        with ExitStack() as doors:
            on_platform = getattr(request, "on_platform", False)
            is_api = request.path.startswith("/api/")
            if on_platform and is_api and principal.tenant_id and request.tenant is None:  # type: ignore[attr-defined]
                tenant = selectors.tenant_by_id(principal.tenant_id)
                if tenant is not None and tenant.state == "active":
                    request.tenant = tenant  # type: ignore[attr-defined]
                    doors.enter_context(in_tenant(tenant))
            return self.get_response(request)

    def _principal(self, request: HttpRequest) -> SessionPrincipal | None:
        kept = request.session.get(SESSION_KEY)
        if not kept or not request.user.is_authenticated:
            return None
        tenant_id = UUID(kept["tenant"]) if kept["tenant"] else None
        organization_id = UUID(kept["organization"]) if kept["organization"] else None
        tenant = getattr(request, "tenant", None)
        on_platform = getattr(request, "on_platform", False)
        if kept.get("platform", False) != on_platform:
            return None
        if not on_platform and (tenant is None or tenant.id != tenant_id):
            return None
        principal = principal_for(UUID(kept["id"]), tenant_id, organization_id)
        if principal is None or principal.user_id != request.user.pk:
            return None
        return principal
