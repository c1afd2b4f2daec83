"""An institution looks after itself: its settings, modules, looks, figures."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from organizations import tenancy
from organizations.api.tenants import client
from organizations.api.tenants.base import TenantPages
from organizations.api.tenants.serializers import (
    BrandingIn,
    BrandingOut,
    LogoIn,
    ModulesIn,
    ModulesOut,
    OwnTenantIn,
    SettingsIn,
    SettingsOut,
    StatsOut,
    TenantOut,
    UsageDayOut,
)
from tenants import services
from tenants.kernel.context import current_tenant, in_a_tenant
from tenants.kernel.errors import Absent
from tenants.kernel.parsers import JSONParser
from tenants.kernel.schema import ONE_PAGE
from tenants.kernel.viewsets import ANYONE

READ, CHANGE = "tenant.read", "tenant.change"


@extend_schema(tags=["tenant"])
class OwnTenantViewSet(TenantPages):
    """The institution in which the caller works."""

    parser_classes = (JSONParser, MultiPartParser)
    versioned: ClassVar[frozenset[str]] = frozenset(
        {"amend", "change_settings", "switch_modules", "change_branding"}
    )
    permissions: ClassVar[dict[str, str]] = {
        "list": READ,
        "amend": CHANGE,
        "configuration": READ,
        "change_settings": CHANGE,
        "modules": READ,
        "switch_modules": CHANGE,
        "branding": READ,
        "change_branding": CHANGE,
        "logo": CHANGE,
        "remove_logo": CHANGE,
        "stats": READ,
        "usage": READ,
    }

    def _mine(self) -> Any:
        if not in_a_tenant():
            raise Absent()
        return self.found(current_tenant().id)

    @extend_schema(
        parameters=ONE_PAGE,
        responses=forced_singular_serializer(TenantOut),
        summary="Read the own tenant",
        filters=False,
    )
    def list(self, request: Request) -> Response:
        """The institution with its admins, organizations and counts."""
        row = self._mine()
        return self.tagged(client.tenant(row, tenancy.people_of([row.pk])), row)

    @extend_schema(request=OwnTenantIn, responses=TenantOut, summary="Change the own tenant")
    def amend(self, request: Request) -> Response:
        """Its description. Name, short name and state are the platform's to change."""
        services.tenant_update(
            tenant_id=self._mine().pk,
            changes=self.read(OwnTenantIn),
            expected=self.expected,
            actor=self.principal.actor,
        )
        return self.list(request)

    @extend_schema(responses=SettingsOut, summary="Read the own settings")
    @action(detail=False, methods=["get"], url_path="settings")
    def configuration(self, request: Request) -> Response:
        """Settings, the cut-offs among them."""
        return self.settings_answer(self._mine().settings)

    @extend_schema(request=SettingsIn, responses=SettingsOut, summary="Change the own settings")
    @configuration.mapping.patch
    def change_settings(self, request: Request) -> Response:
        """What is left out stays. Limits are the platform's to set."""
        row = services.settings_update(
            tenant_id=self._mine().pk,
            changes=self.read(SettingsIn, partial=True),
            by_platform=False,
            expected=self.expected,
            assert_proved=self.principal.assert_proved,
            actor=self.principal.actor,
        )
        return self.settings_answer(row)

    @extend_schema(responses=ModulesOut, summary="Read the own modules", filters=False)
    @action(detail=False, methods=["get"])
    def modules(self, request: Request) -> Response:
        """Every module, whether it is on, and whether the institution may switch it."""
        return self.modules_answer(self._mine().settings)

    @extend_schema(request=ModulesIn, responses=ModulesOut, summary="Switch the own modules", filters=False)
    @modules.mapping.patch
    def switch_modules(self, request: Request) -> Response:
        """Off: addresses answer 404 `module_off`, and it is in no menu and no description."""
        row = services.modules_set(
            tenant_id=self._mine().pk,
            switches=self.read(ModulesIn)["modules"],
            by_platform=False,
            expected=self.expected,
            actor=self.principal.actor,
        )
        return self.modules_answer(row)

    @extend_schema(responses=BrandingOut, summary="Read the own looks")
    @action(detail=False, methods=["get"])
    def branding(self, request: Request) -> Response:
        """Display name, colours and logo."""
        return self.branding_answer(self._mine().settings)

    @extend_schema(request=BrandingIn, responses=BrandingOut, summary="Change the own looks")
    @branding.mapping.patch
    def change_branding(self, request: Request) -> Response:
        """Display name and colours of console and mails."""
        row = services.branding_update(
            tenant_id=self._mine().pk,
            changes=self.branding_changes(self.read(BrandingIn)),
            expected=self.expected,
            actor=self.principal.actor,
        )
        return self.branding_answer(row)

    @extend_schema(
        request={"multipart/form-data": LogoIn}, responses=BrandingOut, summary="Upload the own logo"
    )
    @action(detail=False, methods=["put"])
    def logo(self, request: Request) -> Response:
        """The picture is decoded and written anew; what is no picture is refused."""
        file = self.read(LogoIn)["file"]
        row = services.logo_set(tenant_id=self._mine().pk, file=file, actor=self.principal.actor)
        return self.branding_answer(row)

    @extend_schema(responses={200: BrandingOut}, summary="Remove the own logo")
    @logo.mapping.delete
    def remove_logo(self, request: Request) -> Response:
        """The console shows the platform's symbol again."""
        row = services.logo_remove(tenant_id=self._mine().pk, actor=self.principal.actor)
        return self.branding_answer(row)

    @extend_schema(responses=StatsOut, summary="Statistics of the own tenant")
    @action(detail=False, methods=["get"])
    def stats(self, request: Request) -> Response:
        """People, organizations, rows, storage and calls."""
        return Response(tenancy.statistics(self._mine()))

    @extend_schema(responses=UsageDayOut(many=True), summary="Usage of the own tenant by day", filters=False)
    @action(detail=False, methods=["get"])
    def usage(self, request: Request) -> Response:
        """What the institution held and did, day by day, the latest first."""
        rows = self.paginate_queryset(self._mine().usage_days.all())
        return self.get_paginated_response(UsageDayOut(rows, many=True).data)


@extend_schema(tags=["tenant"])
class BrandingViewSet(TenantPages):
    """How the institution of this host looks, before anybody has signed in."""

    pagination_class = None
    permissions: ClassVar[dict[str, str]] = {"list": ANYONE}

    @extend_schema(
        responses=forced_singular_serializer(BrandingOut),
        summary="Looks of the institution of this host",
        filters=False,
    )
    def list(self, request: Request) -> Response:
        """Empty on the platform's own hosts."""
        # Not of the token's tenant: an address looks the same to everybody.
        host: Any = request._request
        tenant = host.tenant if not host.on_platform else None
        return Response(client.public_branding(tenant), headers={"Cache-Control": "public, max-age=60"})
