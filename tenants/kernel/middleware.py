"""What happens before a view: the request's identity, health, and the tenant.

The tenant comes from the host where the host is a tenant's (and a token must then belong to it), and
from the token's verified claims on the platform's hosts. The connection always leaves on public.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from ipaddress import ip_address
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
from tenants.kernel.context import RESERVED, in_public, in_tenant
from tenants.kernel.errors import DomainError
from tenants.kernel.ids import uuid7
from tenants.kernel.request import RequestInfo, know, remember

GetResponse = Callable[[HttpRequest], HttpResponse]
# Why nobody enters, by the tenant's state.
CLOSED = {
    "suspended": ("tenant_suspended", "This institution is suspended."),
    "closing": ("tenant_closing", "This institution is about to be deleted."),
}
GIVEN_ID = re.compile(r"^[A-Za-z0-9._-]{8,64}$")
logger = structlog.get_logger(__name__)


def client_address(request: HttpRequest) -> str | None:
    """Where the request came from: the peer, or what the last trusted proxy saw.

    ``X-Forwarded-For`` can be written by anybody; only the entries that TRUSTED_PROXY_COUNT proxies of
    ours have added at its end are believed.
    """
    address: str | None = request.META.get("REMOTE_ADDR")
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    if settings.TRUSTED_PROXY_COUNT and len(hops) >= settings.TRUSTED_PROXY_COUNT:
        address = hops[-settings.TRUSTED_PROXY_COUNT]
    with suppress(ValueError):
        return str(ip_address(address or ""))
    return None


def page_origin(request: HttpRequest) -> str:
    """The origin of the page that asks: this host's, or a front end's that CORS lists; nobody else's.

    Browsers leave the usual port out of an origin.
    """
    said = request.headers.get("Origin", "")
    if said and said in settings.CORS_ALLOWED_ORIGINS:
        return said
    scheme = str(request.scheme)
    host = request.META.get("HTTP_HOST", "").lower().removesuffix(":443" if scheme == "https" else ":80")
    return f"{scheme}://{host}"


class RequestContextMiddleware:
    """Give every request an id: the caller's if it is a decent one, else a new one."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if GIVEN_ID.match(given) else str(uuid7())
        via = "api" if request.path.startswith("/api/") else "console"
        device = request.headers.get("User-Agent", "").replace("\0", "")[:200]
        remember(RequestInfo(request_id, client_address(request), via, device, page_origin(request)))
        try:
            if request.headers.get("Transfer-Encoding") and not request.META.get("CONTENT_LENGTH"):
                # WSGI gives no body without a length: say so instead of reading nothing.
                response = problem.response(
                    request, 411, "length_required", "Send the body with a Content-Length."
                )
            else:
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
            caches["directory"].ping()  # type: ignore[attr-defined]
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

    @cached_property
    def count_call(self) -> Callable[[Any], None]:
        """Loaded with the first request: models are not there when middleware is imported."""
        counter: Callable[[Any], None] = import_string("tenants.metering.count_call")
        return counter

    @cached_property
    def count_answer(self) -> Callable[[float, int], None]:
        counter: Callable[[float, int], None] = import_string("tenants.metering.count_answer")
        return counter

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = time.perf_counter()
        with in_public():
            response = self._respond(request)
        if request.path.startswith("/api/"):
            self.count_answer(time.perf_counter() - begun, response.status_code)
        return response

    def _respond(self, request: HttpRequest) -> HttpResponse:
        host = split_domain_port(request.META.get("HTTP_HOST", ""))[0] or "localhost"
        on_platform = host in settings.PLATFORM_HOSTS
        tenant = None if on_platform else selectors.tenant_by_host(host)
        request.urlconf = settings.PUBLIC_SCHEMA_URLCONF if on_platform else settings.ROOT_URLCONF  # type: ignore[attr-defined]
        request.on_platform = on_platform  # type: ignore[attr-defined]
        if not on_platform and (tenant is None or tenant.schema_name in RESERVED):
            return problem.response(request, 404, "unknown_host", "No institution lives at this address.")
        try:
            claims = self.read_bearer(request)
        except DomainError as error:
            # A broken token: the view's authentication answers, where the view needs one at all.
            request.token_error = error  # type: ignore[attr-defined]
            claims = None
        if claims is not None:
            if on_platform:
                tenant = selectors.tenant_by_id(claims.tenant_id) if claims.tenant_id else None
            elif tenant is None or claims.tenant_id != tenant.id:
                return problem.response(
                    request, 403, "wrong_tenant", "This token belongs to another institution."
                )
        request.tenant = tenant  # type: ignore[attr-defined]
        if request.path.startswith("/api/"):
            self.count_call(tenant.id if tenant else None)
        if tenant is None:
            return self.get_response(request)
        if tenant.state != "active":
            code, words = CLOSED[tenant.state]
            return problem.response(request, 403, code, words)
        if not on_platform:
            # What happens on the platform's hosts is no matter of the institution that a token names.
            know(tenant=tenant)
        with in_tenant(tenant):
            return self.get_response(request)
