"""What happens before a view: the request's identity, health, and the tenant.

The tenant comes from the host where the host is a tenant's (and a token must then belong to it), and
from the token's verified claims on the platform's hosts. The connection always leaves on public.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import caches
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import split_domain_port
from django.utils.module_loading import import_string

from tenants import selectors
from tenants.kernel import problem
from tenants.kernel.context import RESERVED, TenantRef, in_public, in_tenant
from tenants.kernel.errors import DomainError
from tenants.kernel.ids import uuid7
from tenants.kernel.request import RequestInfo, remember

GetResponse = Callable[[HttpRequest], HttpResponse]
GIVEN_ID = re.compile(r"^[A-Za-z0-9._-]{8,64}$")
logger = structlog.get_logger(__name__)


class RequestContextMiddleware:
    """Give every request an id: the caller's if it is a decent one, else a new one."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if GIVEN_ID.match(given) else str(uuid7())
        via = "api" if request.path.startswith("/api/") else "console"
        remember(RequestInfo(request_id, request.META.get("REMOTE_ADDR"), via))
        try:
            response = self.get_response(request)
        finally:
            remember(None)
        response["X-Request-ID"] = request_id
        return response


class HealthMiddleware:
    """Answer health checks on any host, before a tenant is looked for."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path.rstrip("/")
        if path == "/health/live":
            return JsonResponse({"status": "live"})
        if path == "/health/ready":
            checks = {"database": self._database(), "redis": self._redis()}
            ready = all(state == "ok" for state in checks.values())
            status = "ready" if ready else "not ready"
            return JsonResponse({"status": status, **checks}, status=200 if ready else 503)
        return self.get_response(request)

    def _database(self) -> str:
        try:
            return "ok" if selectors.public_is_migrated() else "migrations are pending"
        except DatabaseError:
            return "unreachable"

    def _redis(self) -> str:
        try:
            caches["directory"].get("health")
        except Exception:  # noqa: BLE001 - whatever the client raises, the answer is the same
            logger.warning("redis is unreachable")
            return "unreachable"
        return "ok"


class TenantMiddleware:
    """Enter the tenant of the request and leave it again, whatever happens."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    @cached_property
    def read_bearer(self) -> Callable[[HttpRequest], Any]:
        reader: Callable[[HttpRequest], Any] = import_string(settings.TENANT_TOKEN_READER)
        return reader

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with in_public():
            return self._respond(request)

    def _respond(self, request: HttpRequest) -> HttpResponse:
        host = split_domain_port(request.META.get("HTTP_HOST", ""))[0] or "localhost"
        on_platform = host in settings.PLATFORM_HOSTS
        tenant: TenantRef | None = None
        request.urlconf = settings.PUBLIC_SCHEMA_URLCONF if on_platform else settings.ROOT_URLCONF  # type: ignore[attr-defined]
        request.on_platform = on_platform  # type: ignore[attr-defined]
        try:
            claims = self.read_bearer(request)
            if on_platform:
                if claims is not None and claims.tenant_id is not None:
                    tenant = selectors.tenant_by_id(claims.tenant_id)
            else:
                tenant = selectors.tenant_by_host(host)
                if tenant is None or tenant.schema_name in RESERVED:
                    return problem.response(
                        request, 404, "unknown_host", "No institution lives at this address."
                    )
                if claims is not None and claims.tenant_id != tenant.id:
                    return problem.response(
                        request, 403, "wrong_tenant", "This token belongs to another institution."
                    )
        except DomainError as error:
            # A broken token: let the view's authentication answer, so that public views still work.
            request.token_error = error  # type: ignore[attr-defined]
            if not on_platform:
                tenant = selectors.tenant_by_host(host)
        request.tenant = tenant  # type: ignore[attr-defined]
        if tenant is None:
            return self.get_response(request)
        if tenant.state != "active":
            return problem.response(request, 403, "tenant_suspended", "This institution is suspended.")
        with in_tenant(tenant):
            return self.get_response(request)
