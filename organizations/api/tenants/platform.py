"""The platform as a whole, and what hangs on tenants: hosts and exports."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

import django_filters
from django.core.files.storage import default_storage
from django.db.models import QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from organizations import tenancy
from organizations.api.tenants.base import TenantPages
from organizations.api.tenants.serializers import (
    DomainIn,
    DomainOut,
    ExportIn,
    ExportOut,
    PlatformOverviewOut,
    PlatformSettingsIn,
    PlatformSettingsOut,
)
from tenants import services
from tenants.kernel.context import in_public
from tenants.kernel.errors import Absent
from tenants.kernel.renderers import FileRenderer
from tenants.models import Domain, ExportState, PlatformAuditEvent, PlatformSettings, Tenant, TenantExport

RECENT = 20


@extend_schema(tags=["platform"])
class PlatformViewSet(TenantPages):
    """The platform as its operators see it."""

    versioned: ClassVar[frozenset[str]] = frozenset({"change_settings"})
    permissions: ClassVar[dict[str, str]] = {
        "overview": "platform.read",
        "configuration": "platform.read",
        "change_settings": "platform.change",
    }

    @extend_schema(responses=PlatformOverviewOut, summary="Figures of the platform")
    @action(detail=False, methods=["get"])
    def overview(self, request: Request) -> Response:
        """People, tenants, rows, calls, uptime, running jobs and what happened last."""
        with in_public():
            recent = [
                {
                    "at": event.at,
                    "action": event.action,
                    "actor": event.actor_name,
                    "object_type": event.object_type,
                    "object": event.object_name,
                }
                for event in PlatformAuditEvent.objects.named()[:RECENT]
            ]
        return Response(PlatformOverviewOut({**tenancy.platform_overview(), "recent_activity": recent}).data)

    @extend_schema(responses=PlatformSettingsOut, summary="Read the platform's settings")
    @action(detail=False, methods=["get"], url_path="settings")
    def configuration(self, request: Request) -> Response:
        """Registration, small tenants, days of grace, limits of new institutions."""
        row = PlatformSettings.objects.get(pk=PlatformSettings.ONLY)
        return self.tagged(PlatformSettingsOut(row).data, row)

    @extend_schema(
        request=PlatformSettingsIn, responses=PlatformSettingsOut, summary="Change the platform's settings"
    )
    @configuration.mapping.patch
    def change_settings(self, request: Request) -> Response:
        """What is left out stays. Holds everywhere at once."""
        row = services.platform_settings_update(
            changes=self.read(PlatformSettingsIn, partial=True),
            expected=self.expected,
            assert_proved=self.principal.assert_proved,
            actor=self.principal.actor,
        )
        return self.tagged(PlatformSettingsOut(row).data, row)


class DomainFilter(django_filters.FilterSet):
    tenant_id = django_filters.UUIDFilter(field_name="tenant_id")


@extend_schema(tags=["tenants"])
class TenantDomainViewSet(mixins.ListModelMixin, TenantPages):
    """Hosts on which tenants answer."""

    serializer_class = DomainOut
    filterset_class = DomainFilter
    permissions: ClassVar[dict[str, str]] = {
        "list": "platform.read",
        "create": "platform.change",
        "destroy": "platform.change",
        "primary": "platform.change",
    }

    def get_queryset(self) -> QuerySet[Any]:
        hosts: QuerySet[Any] = Domain.objects.order_by("domain")
        return hosts

    def _key(self) -> int:
        try:
            return int(str(self.kwargs["pk"]))
        except ValueError:
            raise Absent() from None

    @extend_schema(request=DomainIn, responses={201: DomainOut}, summary="Add a host")
    def create(self, request: Request) -> Response:
        """409 `duplicate_domain` for a host that somebody has; the platform's own hosts are refused."""
        data = self.read(DomainIn)
        tenant = Tenant.objects.filter(pk=data["tenant_id"]).first()
        if tenant is None:
            raise Absent()
        row = services.domain_add(tenant=tenant, domain=data["domain"], actor=self.principal.actor)
        return Response(DomainOut(row).data, status=201)

    @extend_schema(responses={204: None}, summary="Remove a host")
    def destroy(self, request: Request, pk: str) -> Response:
        """409 `last_domain` for the last one; where the primary goes, the next takes its place."""
        services.domain_remove(domain_id=self._key(), actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(request=None, responses=DomainOut, summary="Make a host the primary")
    @action(detail=True, methods=["post"])
    def primary(self, request: Request, pk: str) -> Response:
        """The host that links and mails name."""
        row = services.domain_make_primary(domain_id=self._key(), actor=self.principal.actor)
        return Response(DomainOut(row).data)


class ExportFilter(django_filters.FilterSet):
    tenant_id = django_filters.UUIDFilter(field_name="tenant_id")
    state = django_filters.MultipleChoiceFilter(choices=ExportState.choices)


@extend_schema(tags=["tenant"])
class TenantExportViewSet(mixins.ListModelMixin, TenantPages):
    """All data of a tenant, as an archive in open formats."""

    serializer_class = ExportOut
    filterset_class = ExportFilter
    step_up: ClassVar[frozenset[str]] = frozenset({"create", "download"})
    permissions: ClassVar[dict[str, str]] = {
        "list": "tenant.change",
        "retrieve": "tenant.change",
        "create": "tenant.change",
        "download": "tenant.change",
    }

    def get_queryset(self) -> QuerySet[Any]:
        rows = TenantExport.objects.order_by("-id")
        if getattr(self, "swagger_fake_view", False):  # the schema generator is nobody
            return rows.none()
        if self.principal.holds("platform.change"):
            return rows
        own = self.principal.tenant_id
        return rows.filter(tenant_id=own) if own else rows.none()

    def get_object(self) -> TenantExport:
        try:
            key = UUID(str(self.kwargs["pk"]))
        except ValueError:
            raise Absent() from None
        export: TenantExport | None = self.get_queryset().filter(pk=key).first()
        if export is None:
            raise Absent()
        return export

    @extend_schema(responses=ExportOut, summary="Read an export")
    def retrieve(self, request: Request, pk: str) -> Response:
        """Its state, and with `ready` its size, SHA-256 and rows by table."""
        return Response(ExportOut(self.get_object()).data)

    @extend_schema(request=ExportIn, responses={202: ExportOut}, summary="Ask for an export")
    def create(self, request: Request) -> Response:
        """Made in the background; needs a fresh proof of identity. One at a time."""
        wanted = self.read(ExportIn).get("tenant_id") or self.principal.tenant_id
        if wanted != self.principal.tenant_id and not self.principal.holds("platform.change"):
            raise Absent()
        if wanted is None:
            raise Absent()
        export = services.export_request(tenant_id=wanted, actor=self.principal.actor)
        return Response(ExportOut(export).data, status=202)

    @extend_schema(
        responses={(200, "application/zip"): OpenApiTypes.BINARY}, summary="Fetch an export's archive"
    )
    @action(detail=True, methods=["get"], renderer_classes=[FileRenderer])
    def download(self, request: Request, pk: str) -> FileResponse:
        """The archive, while it is kept; needs a fresh proof of identity, and is written down."""
        export = self.get_object()
        services.export_fetched(export=export, actor=self.principal.actor)
        return FileResponse(
            default_storage.open(export.path),
            as_attachment=True,
            filename=f"tenant-{export.tenant_id}-{export.created_at:%Y%m%d}.zip",
            content_type="application/zip",
        )
