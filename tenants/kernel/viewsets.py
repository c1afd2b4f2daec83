"""Base classes of every endpoint: who may enter, and which rows exist for him.

One rule serves tenancy and permission: a request sees the organizations in which its user holds the
permission that the action needs. A viewset only declares ``permissions``; it cannot reach around the
rule, because the methods that carry it are closed to subclasses.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseNotModified
from django.http.response import HttpResponseBase
from rest_framework import viewsets
from rest_framework.exceptions import APIException
from rest_framework.permissions import SAFE_METHODS, AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import modules
from tenants.kernel import audit, etags, idempotency, problem, scope, throttling, watch
from tenants.kernel import request as request_info
from tenants.kernel.context import TenantRef, in_a_tenant, in_tenant
from tenants.kernel.errors import Absent, Conflict, DomainError, Forbidden, NotSignedIn, TooMany
from tenants.kernel.principal import ANYONE, BY_KEY, CONFINED, SIGNED_IN, Principal


def _principal(request: Request) -> Principal | None:
    """What authentication has put on the request."""
    principal: Principal | None = request.auth  # type: ignore[assignment]
    return principal


# The role of those who look after the platform (accounts.permissions is above the kernel).
OPERATOR = "super_admin"
# The code of refusals whose reason is the state of an organization, not the caller's role.
NOT_ACTIVE = "organization_not_active"
# ``amend`` is PATCH on the address of the collection: for what there is one of.
CRUD = ("list", "retrieve", "create", "update", "partial_update", "destroy", "amend")


class DeclaredViewSet(viewsets.GenericViewSet[Any]):
    """An endpoint whose every action declares the permission it needs."""

    permissions: ClassVar[dict[str, str]] = {}
    # By action the name of its rate in settings.THROTTLE_RATES; the others are ``read`` or ``write``.
    throttles: ClassVar[dict[str, str]] = {}
    # By action the audit log's name for it: reads of what is sensitive are written down (``_exported`` and
    # ``_downloaded`` at its end are counted: a burst of them is unusual).
    watched: ClassVar[dict[str, str]] = {}
    # Whether answers are kept for a repeat with the same Idempotency-Key. Not where they hold secrets.
    keeps_answers: ClassVar[bool] = True
    # Writing actions that mind ``If-Match`` (tenants.kernel.etags).
    versioned: ClassVar[frozenset[str]] = frozenset()
    # Whether the tag of a row stands for all that its answer shows, so that ``If-None-Match`` may spare it.
    tag_is_whole: ClassVar[bool] = True
    # The feature module of the whole endpoint, and of single actions (tenants.modules).
    module: ClassVar[str | None] = None
    action_modules: ClassVar[dict[str, str]] = {}
    # Actions that take a fresh proof (second factor or password, see StepUpRequired) beside the permission.
    step_up: ClassVar[frozenset[str]] = frozenset()
    # Actions for everybody signed in (``SIGNED_IN``) are about the account itself. Callers who stand for one
    # place of it (an API key, a session opened by an institution's identity provider) may do those only
    # that are named here, by the caller's ``limit``.
    open_to: ClassVar[dict[str, frozenset[str]]] = {}
    permission_classes = (AllowAny,)  # the rule below decides
    _closed: ClassVar[frozenset[str]] = frozenset(
        {"dispatch", "initial", "permission_classes", "get_permissions", "check_permissions"}
        | {"authentication_classes", "get_authenticators", "perform_authentication"}
    )
    _bases: ClassVar[set[str]] = {"OwnedViewSet"}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__name__ in DeclaredViewSet._bases:
            return
        if touched := cls._closed & cls.__dict__.keys():
            raise TypeError(f"{cls.__name__} may not define {sorted(touched)}")
        offered = {name for name in CRUD if hasattr(cls, name)}
        extra: list[Any] = list(cls.get_extra_actions())
        offered |= {name for action in extra for name in action.mapping.values()}
        if missing := offered - cls.permissions.keys():
            raise TypeError(f"{cls.__name__} declares no permission for {sorted(missing)}")
        if stale := cls.permissions.keys() - offered:
            raise TypeError(f"{cls.__name__} declares permissions for no action: {sorted(stale)}")
        if stale := cls.throttles.keys() - offered:
            raise TypeError(f"{cls.__name__} declares rates for no action: {sorted(stale)}")
        if unknown := set(cls.throttles.values()) - settings.THROTTLE_RATES.keys():
            raise TypeError(f"{cls.__name__} names no rate of the settings: {sorted(unknown)}")
        if stale := set(cls.versioned - offered):
            raise TypeError(f"{cls.__name__} declares versions for no action: {sorted(stale)}")
        if stale := cls.watched.keys() - offered:
            raise TypeError(f"{cls.__name__} watches no action: {sorted(stale)}")
        if stale := cls.action_modules.keys() - offered:
            raise TypeError(f"{cls.__name__} declares modules for no action: {sorted(stale)}")
        if unknown := {*cls.action_modules.values(), *filter(None, [cls.module])} - modules.MODULES.keys():
            raise TypeError(f"{cls.__name__} names unknown modules {sorted(unknown)}")
        if stale := {name for names in cls.open_to.values() for name in names} - offered:
            raise TypeError(f"{cls.__name__} opens no action: {sorted(stale)}")
        if stale := set(cls.step_up - offered):
            raise TypeError(f"{cls.__name__} asks for a proof of no action: {sorted(stale)}")
        if open_to_all := {name for name in cls.step_up if cls.permissions[name] == ANYONE}:
            raise TypeError(f"{cls.__name__} asks nobody for a proof: {sorted(open_to_all)}")

    @classmethod
    def modules_of(cls, action: str | None) -> tuple[str, ...]:
        """The modules that must be on for an action."""
        named = (cls.module, cls.action_modules.get(str(action)))
        return tuple(code for code in named if code is not None)

    # -- the caller ---------------------------------------------------------------------------

    @property
    def principal(self) -> Principal:
        """The signed-in caller; anonymous callers never get as far as a view that asks."""
        principal = _principal(self.request)
        if principal is None:
            raise NotSignedIn()
        return principal

    # -- versions of rows ---------------------------------------------------------------------

    @property
    def expected(self) -> etags.Precondition:
        """The states from which the caller means his change: for the service, which holds the lock."""
        return etags.precondition(self.request.headers.get("If-Match"))

    def tagged(self, body: Any, row: etags.Versioned, status: int = 200) -> Response:
        """An answer that names the state of the row it shows."""
        return Response(body, status=status, headers={"ETag": etags.tag_of(row)})

    # -- the way in and out -------------------------------------------------------------------

    def get_authenticators(self) -> list[Any]:
        """None where anyone may enter: a stale token must not keep its owner from logging in again."""
        # The schema generator builds views without a request.
        method = str(self.request.method).lower() if self.request is not None else ""
        if self.permissions.get(self.action_map.get(method, "")) == ANYONE:
            return []
        return list(super().get_authenticators())

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with ExitStack() as doors:
            self._doors = doors
            self._claim: idempotency.Claim | None = None
            self._row: Model | None = None
            try:
                response = super().dispatch(request, *args, **kwargs)
            except Exception:
                if self._claim is not None:
                    self._claim.free()
                raise
            self._write_down(response)
            if isinstance(response, Response):
                # The browsable API reads rows while it renders: do it before the scope ends.
                as_json = isinstance(getattr(response, "accepted_renderer", None), JSONRenderer)
                if getattr(response, "is_problem", False) and as_json:
                    response.content_type = problem.MEDIA_TYPE
                if not response.is_rendered:
                    response.render()
                if self._claim is not None:
                    self._claim.keep(response)
            spares = self.tag_is_whole and request.method in {"GET", "HEAD"}
            if spares and self._knows(request, response):
                response = HttpResponseNotModified(headers={"ETag": response["ETag"]})
            # What one caller may see is kept by no cache on the way.
            response.headers.setdefault("Cache-Control", "no-store")
            return response

    @staticmethod
    def _knows(request: HttpRequest, response: HttpResponseBase) -> bool:
        """Whether the caller holds this very state already."""
        known, tag = etags.names_in(request.headers.get("If-None-Match")), response.headers.get("ETag")
        return bool(known) and tag is not None and tag.strip('"') in (known or ())

    def _write_down(self, response: HttpResponseBase) -> None:
        """Record a read of what is sensitive, and count refusals."""
        caller = getattr(self.request, "_auth", None)
        if response.status_code == 403:
            watch.refused(caller.actor if caller is not None else None, self.request.path)
        name = self.watched.get(str(getattr(self, "action", None)))
        if name is None or caller is None or response.status_code >= 400:
            return
        # The database holds no text with this character: what was read must be written down all the same.
        named = {key.replace("\0", ""): value for key, value in self.request.query_params.items()}
        asked = {key[:200]: value[:200] for key, value in named.items()}
        audit.record(name, on=self._row, changes={"asked": asked}, access=True, actor=caller.actor)

    def perform_authentication(self, request: Request) -> None:
        try:
            super().perform_authentication(request)
        except (DomainError, APIException):
            # Guessing tokens is counted as well.
            self._throttle(None)
            raise

    def _throttle(self, caller: Principal | None) -> None:
        """Count the request against the rate of its action, and say in the answer what is left."""
        default = "read" if self.request.method in SAFE_METHODS else "write"
        name = self.throttles.get(str(self.action), default)
        if self.request.method == "OPTIONS":
            return
        try:
            verdict = throttling.take(name, caller)
        except TooMany as error:
            self.headers |= throttling.headers_when_full(str(error.fields["limit"]))
            raise
        if verdict is not None:
            self.headers |= throttling.headers(verdict)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if (caller := _principal(request)) is not None:
            request_info.know_caller(caller)
        self._throttle(caller)
        if self.action in (None, "metadata"):  # 405 and OPTIONS
            return
        needed = self.permissions[self.action]
        principal = self._go_elsewhere(request, self.principal) if needed != ANYONE else None
        for code in self.modules_of(self.action):
            modules.require(code)
        if principal is not None and needed == SIGNED_IN:
            self._keep_from_account(principal)
        elif principal is not None:
            principal.assert_admitted()
            self._enter_scope(principal, needed)
        if principal is not None and self.action in self.step_up:
            principal.assert_proved()
        if not self.keeps_answers:
            return
        name = str(caller.user_id) if caller else str(request_info.current().address)
        outcome = idempotency.claim(request, caller=name, route=f"{type(self).__name__}.{self.action}")
        if isinstance(outcome, Response):
            # DRF calls the handler next: answer with what was kept instead.
            self.__dict__[self.request.method.lower()] = lambda *a, **k: outcome  # type: ignore[union-attr]
        else:
            self._claim = outcome

    def _keep_from_account(self, principal: Principal) -> None:
        if principal.limit is None or self.action in self.open_to.get(principal.limit, ()):
            return
        if principal.limit == BY_KEY:
            raise Forbidden("An API key may not do this; sign in.", code="not_by_key")
        raise Forbidden("Sign in with your own password for this.", code="session_confined")

    def elsewhere(self, request: Request) -> TenantRef | None:
        """In which other tenant an operator's request on the platform's host runs; a hook for subclasses."""
        return None

    def _go_elsewhere(self, request: Request, principal: Principal) -> Principal:
        """Move a super admin's request on the platform's host into the tenant that it is about."""
        on_platform = getattr(request._request, "on_platform", False)
        if principal.role != OPERATOR or principal.limit is not None or not on_platform:
            return principal
        tenant = self.elsewhere(request)
        if tenant is None:
            return principal
        self._doors.enter_context(in_tenant(tenant))
        moved: Principal = replace(principal, tenant_id=tenant.id, organization_id=None)  # type: ignore[type-var]
        request.auth = moved  # type: ignore[assignment]
        return moved

    def _enter_scope(self, principal: Principal, permission: str) -> None:
        if not principal.holds(permission):
            raise Forbidden()
        if in_a_tenant():
            allowed = principal.organizations_with(permission)
            if not allowed and not principal.reaches_tenant and principal.organization_id is not None:
                # He holds the permission, but his organization is in a state that allows reading only.
                raise Forbidden("Your organization is not active; it can only be read.", code=NOT_ACTIVE)
            reason = f"{type(self).__name__}.{self.action} for {principal.user_id}"
            self._doors.enter_context(scope.organizations(allowed, reason=reason))


class OwnedViewSet(DeclaredViewSet):
    """An endpoint over organization-owned rows.

    A subclass states ``model``, ``permissions`` and, if it likes, how to ``narrow`` the rows.
    """

    model: type[Model]
    _closed: ClassVar[frozenset[str]] = DeclaredViewSet._closed | {"queryset", "get_queryset", "get_object"}

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The rows this endpoint is about; a hook for select_related, annotations and fixed filters."""
        return rows

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):  # the schema generator has no tenant
            return self.model._default_manager.none()
        if not in_a_tenant():
            raise Absent()
        return self.narrow(self.model._default_manager.all())

    def get_object(self) -> Any:
        """The row of the address, or 404 for a foreign and an absent one alike."""
        try:
            key = UUID(str(self.kwargs["pk"]))
        except ValueError:
            raise Absent() from None
        row = self.get_queryset().filter(pk=key).first()
        if row is None:
            raise self._absent_or_closed(key)
        self._row = row
        needed = self.permissions[str(self.action)]
        owner = getattr(row, "created_by_id", None)
        if self.principal.only_own(needed, row.organization_id) and owner != self.principal.user_id:
            raise Forbidden("You may change only what you created.", code="not_yours")
        return row

    def _absent_or_closed(self, key: UUID) -> DomainError:
        """Why a row is not found: to a caller who reads it in an organization that is not active, say so."""
        reading = self.permissions.get("retrieve")
        if reading and self.principal.reaches_tenant and self.principal.holds(reading):
            readable = self.principal.organizations_with(reading)
            with scope.organizations(readable, reason="why a row cannot be changed"):
                if self.get_queryset().filter(pk=key).exists():
                    return Conflict("Its organization is not active.", code=NOT_ACTIVE)
        return Absent()


__all__ = ["ANYONE", "BY_KEY", "CONFINED", "SIGNED_IN", "DeclaredViewSet", "OwnedViewSet"]
