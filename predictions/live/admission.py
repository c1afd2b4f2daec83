"""Who may follow which jobs: the API's own rule, for a process without its views.

Tenant, token, session, membership, the state of organizations and the permission are asked with the same
functions that the API asks; nothing is decided here anew.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings
from django.contrib.auth import get_user
from django.db import connections
from django.http import HttpRequest
from django.http.request import split_domain_port

from accounts.api_keys.principals import principal_for_key
from accounts.middleware import ConsoleSessionMiddleware
from accounts.principals import SessionPrincipal, principal_for
from accounts.tokens import Claims, bearer_of, read_bearer
from predictions.live.measuring import progress_of
from predictions.models import UNFINISHED, ScoringJob
from tenants import modules, selectors
from tenants.kernel import request as request_info
from tenants.kernel import scope
from tenants.kernel.context import RESERVED, TenantRef, in_public, in_tenant, leave_all
from tenants.kernel.errors import Absent, BadToken, DomainError, Forbidden, NotSignedIn
from tenants.kernel.ids import uuid7
from tenants.kernel.middleware import CLOSED
from tenants.kernel.request import RequestInfo

PERMISSION = "jobs.read"
MODULE = "bulk_scoring"
# Jobs that somebody is told of when he begins to follow.
MOST_JOBS = 100


@dataclass(frozen=True, slots=True)
class Caller:
    """Who follows, from where, and for how long at most."""

    user_id: UUID
    tenant_id: UUID
    organizations: frozenset[UUID]
    # Seconds since 1970 at which what he has shown ends; None where only the session ends.
    until: float | None


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request has shown of itself: enough to ask again while its stream is open."""

    host: str
    authorization: str
    cookie: str

    def caller(self) -> Caller:
        """Who it is and what he may follow; raises a DomainError. Asks the database: for a thread."""
        found: Caller = _in_thread(self._caller)
        return found

    def snapshot(self, job_id: UUID | None) -> tuple[Caller, list[dict[str, Any]]]:
        """The same, with the running jobs (or the one that is named) as they stand.

        Raises Absent for a job that is not the caller's to see.
        """
        found: tuple[Caller, list[dict[str, Any]]] = _in_thread(lambda: self._snapshot(job_id))
        return found

    def _caller(self) -> Caller:
        with ExitStack() as doors:
            caller, tenant = self._admit(doors)
            del tenant
            return caller

    def _snapshot(self, job_id: UUID | None) -> tuple[Caller, list[dict[str, Any]]]:
        with ExitStack() as doors:
            caller, tenant = self._admit(doors)
            doors.enter_context(scope.organizations(caller.organizations, reason="following jobs"))
            rows = ScoringJob.objects.all()
            rows = rows.filter(id=job_id) if job_id else rows.filter(state__in=UNFINISHED)
            found = [progress_of(job) for job in rows.order_by("-id")[:MOST_JOBS]]
            if job_id is not None and not found:
                raise Absent()
            return caller, found

    def _admit(self, doors: ExitStack) -> tuple[Caller, TenantRef]:
        """The caller, inside his tenant."""
        request = self._request()
        host = split_domain_port(self.host)[0] or "localhost"
        on_platform = host in settings.PLATFORM_HOSTS
        request.on_platform = on_platform  # type: ignore[attr-defined]
        tenant = None if on_platform else selectors.tenant_by_host(host)
        if not on_platform and (tenant is None or tenant.schema_name in RESERVED):
            raise Absent("No institution lives at this address.")
        claims = read_bearer(request)
        if claims is not None:
            if on_platform:
                tenant = selectors.tenant_by_id(claims.tenant_id) if claims.tenant_id else None
            elif tenant is None or claims.tenant_id != tenant.id:
                raise Forbidden("This token belongs to another institution.", code="wrong_tenant")
        request.tenant = tenant  # type: ignore[attr-defined]
        principal = _by_claims(claims, tenant, doors) if claims else self._by_session(request, doors)
        tenant = request.tenant  # type: ignore[attr-defined]
        if principal is None:
            raise BadToken() if claims else NotSignedIn()
        if tenant is None:
            raise Absent()
        modules.require(MODULE)
        principal.assert_admitted()
        if not principal.holds(PERMISSION):
            raise Forbidden()
        until = _end_of(request, claims)
        allowed = principal.organizations_with(PERMISSION)
        return Caller(principal.user_id, tenant.id, allowed, until), tenant

    def _by_session(self, request: HttpRequest, doors: ExitStack) -> SessionPrincipal | None:
        """The principal of the console's cookie, as the console's own middleware finds it."""
        key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        if not key:
            return None
        store = import_module(settings.SESSION_ENGINE)
        request.session = store.SessionStore(key)
        request.user = get_user(request)  # type: ignore[assignment]
        principal = ConsoleSessionMiddleware(_no_view)._principal(request)
        if principal is None:
            return None
        tenant = request.tenant  # type: ignore[attr-defined]
        if tenant is None and principal.tenant_id is not None:
            tenant = selectors.tenant_by_id(principal.tenant_id)
            request.tenant = tenant  # type: ignore[attr-defined]
        if tenant is not None:
            _enter(tenant, doors)
        return principal

    def _request(self) -> HttpRequest:
        request = HttpRequest()
        request.path, request.method = "/stream/jobs", "GET"
        request.META = {"HTTP_HOST": self.host, "HTTP_COOKIE": self.cookie}
        if self.authorization:
            request.META["HTTP_AUTHORIZATION"] = self.authorization
        try:
            request.COOKIES = {name: part.value for name, part in SimpleCookie(self.cookie).items()}
        except CookieError:
            request.COOKIES = {}
        return request


def _no_view(request: HttpRequest) -> Any:
    raise LookupError("only the principal is asked for")


def _enter(tenant: TenantRef, doors: ExitStack) -> None:
    if tenant.state != "active":
        code, words = CLOSED[tenant.state]
        raise Forbidden(words, code=code)
    doors.enter_context(in_tenant(tenant))


def _by_claims(claims: Claims, tenant: TenantRef | None, doors: ExitStack) -> SessionPrincipal | None:
    if tenant is not None:
        _enter(tenant, doors)
    principal = (
        principal_for_key(claims.key)
        if claims.key is not None
        else principal_for(claims.session_id, claims.tenant_id, claims.organization_id)
    )
    return principal if principal is not None and principal.user_id == claims.user_id else None


def _end_of(request: HttpRequest, claims: Claims | None) -> float | None:
    """When a token or key ends; a console's session is asked for again and again instead."""
    if claims is None:
        return None
    if claims.key is not None:
        return claims.key.expires_at.timestamp()
    # Verified already: only the end is read.
    payload = jwt.decode(str(bearer_of(request)), options={"verify_signature": False})
    return float(payload["exp"])


def _in_thread(work: Any) -> Any:
    """Run in public, as a request of its own, and leave neither a schema nor a connection behind."""
    request_info.remember(RequestInfo(str(uuid7()), None, "stream"))
    try:
        with in_public():
            return work()
    finally:
        leave_all()
        request_info.remember(None)
        connections.close_all()


def is_over(caller: Caller) -> bool:
    """Whether what the caller has shown has ended."""
    return caller.until is not None and time.time() >= caller.until


def ends_at(caller: Caller) -> str | None:
    """The same as a time, for the client."""
    return None if caller.until is None else datetime.fromtimestamp(caller.until, UTC).isoformat()


__all__ = ["Caller", "DomainError", "Shown", "ends_at", "is_over"]
