"""The directory of institutions, for super admins."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

import django_filters
from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import client as identity
from accounts.entering import session_enter
from organizations import opening, tenancy
from organizations.api.tenants import client
from organizations.api.tenants.base import TenantPages
from organizations.api.tenants.serializers import (
    BrandingIn,
    BrandingOut,
    DeletionIn,
    DeletionOut,
    EnteredOut,
    EnterIn,
    LogoIn,
    ModulesIn,
    ModulesOut,
    OptionalReasonIn,
    ScheduledOut,
    SettingsIn,
    SettingsOut,
    StatsOut,
    SuspensionOut,
    TenantChangeIn,
    TenantIn,
    TenantOut,
    TenantReasonIn,
    TenantWithAdminIn,
    TenantWithAdminOut,
    UsageDayOut,
)
from tenants import services
from tenants.kernel.filters import BooleanFilter
from tenants.kernel.parsers import JSONParser
from tenants.kernel.viewsets import DeclaredViewSet
from tenants.models import Tenant, TenantKind, TenantState
from tenants.selectors import scheduled_deletion

READ, CHANGE = "platform.read", "platform.change"


class TenantFilter(django_filters.FilterSet):
    state = django_filters.MultipleChoiceFilter(choices=TenantState.choices)
    kind = django_filters.ChoiceFilter(choices=TenantKind.choices)
    is_active = BooleanFilter(method="active")
    search = django_filters.CharFilter(method="matching", help_text="In name, short name and hosts.")

    def active(self, rows: QuerySet[Tenant], name: str, value: bool) -> QuerySet[Tenant]:
        wanted = Q(state=TenantState.ACTIVE)
        return rows.filter(wanted if value else ~wanted)

    def matching(self, rows: QuerySet[Tenant], name: str, value: str) -> QuerySet[Tenant]:
        hosts = Q(pk__in=Tenant.objects.filter(domains__domain__icontains=value).values("pk"))
        return rows.filter(Q(name__icontains=value) | Q(slug__icontains=value) | hosts)


@extend_schema(tags=["tenants"])
class TenantViewSet(TenantPages):
    """Institutions and the reserved tenants."""

    filterset_class = TenantFilter
    serializer_class = TenantOut
    list_aliases: ClassVar[dict[str, str]] = {"list": "tenants"}
    parser_classes = (JSONParser, MultiPartParser)
    # What is sent may hold a first password, what is answered may hold tokens.
    keeps_answers = False
    step_up: ClassVar[frozenset[str]] = frozenset({"destroy", "schedule_deletion", "enter"})
    versioned: ClassVar[frozenset[str]] = frozenset(
        {"update", "partial_update", "change_settings", "switch_modules", "change_branding"}
    )
    permissions: ClassVar[dict[str, str]] = {
        "list": READ,
        "retrieve": READ,
        "create": CHANGE,
        "update": CHANGE,
        "partial_update": CHANGE,
        "destroy": CHANGE,
        "suspend": CHANGE,
        "restore": CHANGE,
        "suspensions": READ,
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
        "deletion": READ,
        "schedule_deletion": CHANGE,
        "cancel_deletion": CHANGE,
        "enter": CHANGE,
    }

    def get_queryset(self) -> QuerySet[Any]:
        return tenancy.tenants_with_counts()

    def list(self, request: Request) -> Response:
        """All tenants with their admins, organizations and counts, newest first."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        people = tenancy.people_of([row.pk for row in page])
        answer = self.get_paginated_response([client.tenant(row, people) for row in page])
        if "total" in answer.data:
            answer.data |= tenancy.totals()
        return answer

    def _answer(self, tenant_id: UUID | str, status: int = 200) -> Response:
        row = self.found(tenant_id)
        return self.tagged(client.tenant(row, tenancy.people_of([row.pk])), row, status)

    @extend_schema(responses=TenantOut, summary="Read a tenant")
    def retrieve(self, request: Request, pk: str) -> Response:
        """One tenant with its admins, organizations and counts."""
        return self._answer(pk)

    @extend_schema(request=TenantIn, responses={201: TenantOut}, summary="Create a tenant")
    def create(self, request: Request) -> Response:
        """A new institution; with `admin_email` also its first admin, in the same transaction.

        Without a password the admin is invited by mail to choose his own.
        """
        opened = opening.tenant_opened(self.read(TenantIn), actor=self.principal.actor)
        return self._answer(opened.id, 201)

    @extend_schema(request=TenantChangeIn, responses=TenantOut, summary="Change a tenant")
    def update(self, request: Request, pk: str) -> Response:
        """Name, short name, description; `is_active` suspends and restores."""
        data = self.read(TenantChangeIn)
        opening.tenant_changed(
            tenant_id=self.found(pk).pk, data=data, expected=self.expected, actor=self.principal.actor
        )
        return self._answer(pk)

    @extend_schema(request=TenantChangeIn, responses=TenantOut, summary="Change a tenant in part")
    def partial_update(self, request: Request, pk: str) -> Response:
        """As PUT: what is left out stays."""
        return self.update(request, pk)

    @extend_schema(request=DeletionIn, responses={202: DeletionOut}, summary="Schedule a tenant's deletion")
    def destroy(self, request: Request, pk: str) -> Response:
        """As POST `deletion`."""
        return self.schedule_deletion(request, pk)

    # -- state --------------------------------------------------------------------------------

    @extend_schema(request=TenantReasonIn, responses=TenantOut, summary="Suspend a tenant")
    @action(detail=True, methods=["post"])
    def suspend(self, request: Request, pk: str) -> Response:
        """Nobody enters it any more, neither by console nor API; its jobs rest. Its data stays."""
        data = self.read(TenantReasonIn)
        services.tenant_suspend(tenant_id=self.found(pk).pk, **data, actor=self.principal.actor)
        return self._answer(pk)

    @extend_schema(request=OptionalReasonIn, responses=TenantOut, summary="Lift a suspension")
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        """Its people can enter again, and its jobs go on."""
        data = self.read(OptionalReasonIn)
        services.tenant_restore(tenant_id=self.found(pk).pk, **data, actor=self.principal.actor)
        return self._answer(pk)

    @extend_schema(responses=SuspensionOut(many=True), summary="History of suspensions", filters=False)
    @action(detail=True, methods=["get"])
    def suspensions(self, request: Request, pk: str) -> Response:
        """When the tenant was suspended, why and by whom, the latest first."""
        rows = self.paginate_queryset(self.found(pk).suspensions.all())
        return self.get_paginated_response(SuspensionOut(rows, many=True).data)

    # -- settings, modules, looks ---------------------------------------------------------------

    @extend_schema(responses=SettingsOut, summary="Read a tenant's settings")
    @action(detail=True, methods=["get"], url_path="settings")
    def configuration(self, request: Request, pk: str) -> Response:
        """Its settings, the cut-offs among them."""
        return self.settings_answer(self.found(pk).settings)

    @extend_schema(request=SettingsIn, responses=SettingsOut, summary="Change a tenant's settings")
    @configuration.mapping.patch
    def change_settings(self, request: Request, pk: str) -> Response:
        """What is left out stays."""
        row = services.settings_update(
            tenant_id=self.found(pk).pk,
            changes=self.read(SettingsIn, partial=True),
            by_platform=True,
            expected=self.expected,
            assert_proved=self.principal.assert_proved,
            actor=self.principal.actor,
        )
        return self.settings_answer(row)

    @extend_schema(responses=ModulesOut, summary="Read a tenant's modules")
    @action(detail=True, methods=["get"])
    def modules(self, request: Request, pk: str) -> Response:
        """Every module and whether it is on."""
        return self.modules_answer(self.found(pk).settings)

    @extend_schema(request=ModulesIn, responses=ModulesOut, summary="Give or deny modules")
    @modules.mapping.patch
    def switch_modules(self, request: Request, pk: str) -> Response:
        """A module that is denied answers 404 `module_off` and is in no menu and no description."""
        row = services.modules_set(
            tenant_id=self.found(pk).pk,
            switches=self.read(ModulesIn)["modules"],
            by_platform=True,
            expected=self.expected,
            actor=self.principal.actor,
        )
        return self.modules_answer(row)

    @extend_schema(responses=BrandingOut, summary="Read how a tenant looks")
    @action(detail=True, methods=["get"])
    def branding(self, request: Request, pk: str) -> Response:
        """Display name, colours and logo."""
        return self.branding_answer(self.found(pk).settings)

    @extend_schema(request=BrandingIn, responses=BrandingOut, summary="Change how a tenant looks")
    @branding.mapping.patch
    def change_branding(self, request: Request, pk: str) -> Response:
        """Display name and colours; the logo has an address of its own."""
        row = services.branding_update(
            tenant_id=self.found(pk).pk,
            changes=self.branding_changes(self.read(BrandingIn)),
            expected=self.expected,
            actor=self.principal.actor,
        )
        return self.branding_answer(row)

    @extend_schema(
        request={"multipart/form-data": LogoIn}, responses=BrandingOut, summary="Upload a tenant's logo"
    )
    @action(detail=True, methods=["put"])
    def logo(self, request: Request, pk: str) -> Response:
        """The picture is decoded and written anew; what is no picture is refused."""
        file = self.read(LogoIn)["file"]
        row = services.logo_set(tenant_id=self.found(pk).pk, file=file, actor=self.principal.actor)
        return self.branding_answer(row)

    @extend_schema(responses={200: BrandingOut}, summary="Remove a tenant's logo")
    @logo.mapping.delete
    def remove_logo(self, request: Request, pk: str) -> Response:
        """The console shows the platform's symbol again."""
        row = services.logo_remove(tenant_id=self.found(pk).pk, actor=self.principal.actor)
        return self.branding_answer(row)

    # -- figures --------------------------------------------------------------------------------

    @extend_schema(responses=StatsOut, summary="Statistics of a tenant")
    @action(detail=True, methods=["get"])
    def stats(self, request: Request, pk: str) -> Response:
        """People, organizations, rows, storage and calls."""
        return Response(tenancy.statistics(self.found(pk)))

    @extend_schema(responses=UsageDayOut(many=True), summary="Usage of a tenant by day", filters=False)
    @action(detail=True, methods=["get"])
    def usage(self, request: Request, pk: str) -> Response:
        """What the tenant held and did, day by day, the latest first."""
        rows = self.paginate_queryset(self.found(pk).usage_days.all())
        return self.get_paginated_response(UsageDayOut(rows, many=True).data)

    # -- the end --------------------------------------------------------------------------------

    @extend_schema(responses=ScheduledOut, summary="The deletion that is scheduled")
    @action(detail=True, methods=["get"])
    def deletion(self, request: Request, pk: str) -> Response:
        """When it is due, and by whose order; null where none is scheduled."""
        order = scheduled_deletion(self.found(pk).pk)
        return Response({"scheduled": DeletionOut(order).data if order else None})

    @extend_schema(request=DeletionIn, responses={202: DeletionOut}, summary="Schedule a tenant's deletion")
    @deletion.mapping.post
    def schedule_deletion(self, request: Request, pk: str) -> Response:
        """Closes the tenant, makes an export, and removes all of it when the grace is over.

        Needs a fresh proof of identity and the tenant's short name, typed.
        """
        order = services.deletion_schedule(
            tenant_id=self.found(pk).pk, **self.read(DeletionIn), actor=self.principal.actor
        )
        return Response(DeletionOut(order).data, status=202)

    @extend_schema(responses=TenantOut, summary="Call a deletion off")
    @deletion.mapping.delete
    def cancel_deletion(self, request: Request, pk: str) -> Response:
        """The tenant is as it was before the order."""
        services.deletion_cancel(tenant_id=self.found(pk).pk, actor=self.principal.actor)
        return self._answer(pk)

    @extend_schema(request=EnterIn, responses=EnteredOut, summary="Enter a tenant")
    @action(detail=True, methods=["post"])
    def enter(self, request: Request, pk: str) -> Response:
        """New tokens that work in the tenant. Its own audit log shows who came and why."""
        place, pair = session_enter(
            session_id=self.principal.session_id,
            user=request.user,  # type: ignore[arg-type]
            tenant_id=self.found(pk).pk,
            **self.read(EnterIn),
            actor=self.principal.actor,
        )
        return Response({**identity.tokens(pair), "tenant_id": place.tenant.id})


@extend_schema(tags=["tenants"])
class TenantAdminViewSet(DeclaredViewSet):
    """Operations under the name that the JSON client calls."""

    keeps_answers = False
    permissions: ClassVar[dict[str, str]] = {"create_tenant_with_admin": CHANGE}

    @extend_schema(
        request=TenantWithAdminIn,
        responses={201: TenantWithAdminOut},
        summary="Create a tenant with its admin",
    )
    @action(detail=False, methods=["post"], url_path="create-tenant-with-admin")
    def create_tenant_with_admin(self, request: Request) -> Response:
        """Tenant, host, default organization and admin in one step."""
        serializer = TenantWithAdminIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        body = opening.tenant_with_admin(serializer.validated_data, actor=self.principal.actor)
        return Response(body, status=201)
