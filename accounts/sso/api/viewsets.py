"""Single sign-on over HTTP: the way of a browser, and the institution's own settings."""

from __future__ import annotations

from typing import Any, ClassVar, cast
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services as accounts
from accounts.api import client
from accounts.api.serializers import TokensOut
from accounts.mfa.errors import MfaRequired
from accounts.signing_in import WAITING_KEY, enter, place_for
from accounts.sso import configuring, services
from accounts.sso.api.serializers import (
    CallbackIn,
    ConnectionIn,
    ConnectionOut,
    EmailDomainIn,
    EmailDomainOut,
    ExchangeIn,
    SsoOut,
    StartIn,
)
from accounts.sso.errors import SsoNoPlace, SsoOff
from accounts.sso.models import Connection, EmailDomain
from tenants.kernel import mail
from tenants.kernel import request as request_info
from tenants.kernel.context import TenantRef
from tenants.kernel.errors import Absent, DomainError, InvalidInput
from tenants.kernel.viewsets import ANYONE, DeclaredViewSet

COOKIE = "drp_sso"
COOKIE_PATH = "/api/"
CALLBACK = "/api/v1/auth/sso/callback"


class _Reading(DeclaredViewSet):
    """What the endpoints here share."""

    pagination_class = None
    filter_backends = ()
    keeps_answers = False

    def _read(self, serializer_class: type[Any], data: Any = None) -> dict[str, Any]:
        serializer = serializer_class(data=self.request.data if data is None else data)
        serializer.is_valid(raise_exception=True)
        found: dict[str, Any] = serializer.validated_data
        return found

    @property
    def _tenant(self) -> TenantRef:
        """The institution whose host this is; raises SsoOff on the platform's own."""
        raw: Any = self.request._request
        if getattr(raw, "on_platform", False) or raw.tenant is None:
            raise SsoOff("Single sign-on begins at your institution's own address.")
        return cast(TenantRef, raw.tenant)


class SsoViewSet(_Reading):
    """Signing in by the institution's identity provider (OpenID Connect, code flow with PKCE)."""

    serializer_class = SsoOut
    permissions: ClassVar[dict[str, str]] = {
        "list": ANYONE,
        "start": ANYONE,
        "callback": ANYONE,
        "exchange": ANYONE,
    }
    throttles: ClassVar[dict[str, str]] = {"start": "login", "callback": "login", "exchange": "secret"}

    @extend_schema(
        responses=forced_singular_serializer(SsoOut), summary="Is there single sign-on here?", tags=["sso"]
    )
    def list(self, request: Request) -> Response:
        """Whether this institution has a provider, and where a browser begins."""
        try:
            tenant = self._tenant
            services.connection_of(tenant.id)
        except SsoOff:
            return Response({"available": False, "institution": None, "start": None, "passwords_taken": True})
        body = {"available": True, "institution": tenant.name, "start": "/api/v1/auth/sso/start"}
        return Response({**body, "passwords_taken": not tenant.settings.sso_only})

    @extend_schema(parameters=[StartIn], responses={302: None}, summary="Go to the provider", tags=["sso"])
    @action(detail=False, methods=["get"])
    def start(self, request: Request) -> HttpResponseBase:
        """Sends the browser to the provider; open it as a page, not by a script.

        A client gives the `challenge` of a verifier of its own. The browser comes back to the client's
        page with `?code=...`, good for one minute and one `exchange`.
        """
        data = self._read(StartIn, request.query_params)
        if not data["console"] and not data.get("challenge"):
            detail = "Give the challenge of a verifier."
            raise InvalidInput(errors=[{"pointer": "/challenge", "code": "required", "detail": detail}])
        departure = services.sign_in_begin(
            tenant=self._tenant,
            redirect_uri=request.build_absolute_uri(CALLBACK),
            challenge=data.get("challenge", ""),
            on_console=data["console"],
            fresh=data["fresh"],
        )
        answer = HttpResponseRedirect(departure.url)
        # Lax: the provider sends the browser back by a link. Host-only, like every cookie here.
        answer.set_cookie(
            COOKIE,
            departure.browser,
            max_age=int(services.ATTEMPT_LIFE.total_seconds()),
            path=COOKIE_PATH,
            secure=request.is_secure(),
            httponly=True,
            samesite="Lax",
        )
        return answer

    @extend_schema(
        parameters=[CallbackIn], responses={302: None}, summary="Come back from the provider", tags=["sso"]
    )
    @action(detail=False, methods=["get"])
    def callback(self, request: Request) -> HttpResponseBase:
        """The provider sends the browser here; nobody else calls it."""
        data = self._read(CallbackIn, request.query_params)
        arrival = services.sign_in_return(
            tenant=self._tenant, browser=request.COOKIES.get(COOKIE, ""), **data
        )
        if arrival.attempt.on_console:
            answer = self._into_console(request._request, arrival)
        else:
            answer = HttpResponseRedirect(mail.link("sso", code=arrival.code))
        answer.delete_cookie(COOKIE, path=COOKIE_PATH, samesite="Lax")
        return answer

    def _into_console(self, raw: HttpRequest, arrival: services.Arrival) -> HttpResponseRedirect:
        try:
            place = place_for(raw, arrival.user)
            if place is None:
                raise SsoNoPlace()
            session, place = services.session_for(
                tenant=self._tenant,
                user=arrival.user,
                proved_at=arrival.proved_at,
                place=place,
                on_console=True,
                device=raw.headers.get("User-Agent", ""),
                address=request_info.current().address,
            )
        except MfaRequired as asked:
            raw.session[WAITING_KEY] = asked.fields["mfa_token"]
            return HttpResponseRedirect(reverse("admin:second_factor"))
        except DomainError as refusal:
            messages.error(raw, refusal.detail)
            return HttpResponseRedirect(reverse("admin:login"))
        enter(raw, arrival.user, place, session)
        return HttpResponseRedirect(reverse("admin:index"))

    @extend_schema(request=ExchangeIn, responses=TokensOut, summary="Fetch the tokens", tags=["sso"])
    @action(detail=False, methods=["post"])
    def exchange(self, request: Request) -> Response:
        """Tokens for the code that the browser came back with, and the verifier of its challenge.

        The session opens this institution only, whatever else the user may enter by his own password.
        """
        session = services.ticket_exchange(
            tenant=self._tenant,
            **self._read(ExchangeIn),
            device=request.headers.get("User-Agent", ""),
            address=request_info.current().address,
        )
        return Response(client.tokens(accounts.issue(session)))


class ConnectionViewSet(_Reading):
    """The institution's identity provider, for its admins."""

    serializer_class = ConnectionOut
    module = "sso"
    permissions: ClassVar[dict[str, str]] = {
        "show": "sso.manage",
        "configure": "sso.manage",
        "remove": "sso.manage",
    }
    step_up: ClassVar[frozenset[str]] = frozenset({"configure", "remove"})

    @extend_schema(
        responses=forced_singular_serializer(ConnectionOut), summary="The identity provider", tags=["sso"]
    )
    @action(detail=False, methods=["get"], url_path="connection")
    def show(self, request: Request) -> Response:
        """How single sign-on is set; an empty issuer where it is not."""
        tenant_id = cast(UUID, self.principal.tenant_id)
        found = Connection.objects.filter(tenant_id=tenant_id).first()
        return Response(ConnectionOut(found or Connection(tenant_id=tenant_id)).data)

    @extend_schema(
        request=ConnectionIn, responses=ConnectionOut, summary="Set the identity provider", tags=["sso"]
    )
    @show.mapping.put
    def configure(self, request: Request) -> Response:
        """Fields that are left out stay as they are. Needs a fresh proof."""
        data = self._read(ConnectionIn)
        secret = data.pop("client_secret", None)
        connection = configuring.connection_set(
            tenant_id=cast(UUID, self.principal.tenant_id),
            values=data,
            client_secret=secret,
            actor=self.principal.actor,
        )
        return Response(ConnectionOut(connection).data)

    @extend_schema(responses={204: None}, summary="Remove the identity provider", tags=["sso"])
    @show.mapping.delete
    def remove(self, request: Request) -> Response:
        """Nobody signs in by it any more; links and members stay. Needs a fresh proof."""
        configuring.connection_remove(
            tenant_id=cast(UUID, self.principal.tenant_id), actor=self.principal.actor
        )
        return Response(status=204)


class DomainViewSet(mixins.ListModelMixin, DeclaredViewSet):
    """Domains of mail addresses for which the institution's provider may speak."""

    serializer_class = EmailDomainOut
    module = "sso"
    permissions: ClassVar[dict[str, str]] = {
        "list": "sso.manage",
        "create": "sso.manage",
        "destroy": "sso.manage",
        "confirm": "platform.change",
    }
    step_up: ClassVar[frozenset[str]] = frozenset({"confirm"})

    def get_queryset(self) -> QuerySet[EmailDomain]:
        if getattr(self, "swagger_fake_view", False):  # the schema generator has no caller
            return EmailDomain.objects.none()
        return EmailDomain.objects.filter(tenant_id=cast(UUID, self.principal.tenant_id))

    @extend_schema(summary="List domains", tags=["sso"])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The institution's domains, confirmed or not."""
        return super().list(request, *args, **kwargs)

    @extend_schema(
        request=EmailDomainIn, responses={201: EmailDomainOut}, summary="Claim a domain", tags=["sso"]
    )
    def create(self, request: Request) -> Response:
        """It counts once an operator of the platform has seen that it is yours."""
        serializer = EmailDomainIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        row = configuring.domain_claim(
            tenant_id=cast(UUID, self.principal.tenant_id),
            domain=serializer.validated_data["domain"],
            actor=self.principal.actor,
        )
        return Response(EmailDomainOut(row).data, status=201)

    @extend_schema(responses={204: None}, summary="Give up a domain", tags=["sso"])
    def destroy(self, request: Request, pk: str) -> Response:
        """The provider links no new addresses of it."""
        configuring.domain_remove(
            tenant_id=cast(UUID, self.principal.tenant_id), domain_id=_uuid(pk), actor=self.principal.actor
        )
        return Response(status=204)

    @extend_schema(
        request=None, responses=EmailDomainOut, summary="Confirm a domain (platform)", tags=["sso"]
    )
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:
        """An operator of the platform has seen that the institution owns the domain."""
        row = configuring.domain_confirm(domain_id=_uuid(pk), actor=self.principal.actor)
        return Response(EmailDomainOut(row).data)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Absent() from None
