"""Organizations: their settings, states and owners."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.selectors import emails_of, owners_of
from organizations import selectors, services
from organizations.api import client
from organizations.api.joining_actions import JOINING_MODULES, JOINING_PERMISSIONS, JoiningActions
from organizations.api.member_actions import MEMBER_PERMISSIONS, MemberActions
from organizations.api.serializers import (
    JobTitlesOut,
    OfferIn,
    OfferOut,
    OrganizationChangeIn,
    OrganizationIn,
    OrganizationOut,
    PendingOfferOut,
    PersonBrief,
    ReasonedStepIn,
    StateChangeOut,
    StepIn,
)
from organizations.api.tenant_admin_viewsets import said
from organizations.models import Organization
from organizations.services import founding, lifecycle, ownership, preferences
from tenants import selectors as tenants
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, current_tenant, in_public
from tenants.kernel.errors import Absent
from tenants.kernel.etags import precondition, tag_of
from tenants.kernel.filters import BooleanFilter, narrowed
from tenants.kernel.viewsets import OPERATOR, OwnedViewSet
from tenants.models import OrganizationState

_TAGS = ["organizations"]


class OrganizationFilter(filters.FilterSet):
    """Which organizations: archived ones only where they are asked for."""

    search = filters.CharFilter(method="_search", help_text="Part of the name, slug or domain.")
    state = filters.ChoiceFilter(choices=OrganizationState.choices, method="_state")
    is_active = BooleanFilter(method="_is_active")

    def _search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(Q(name__icontains=value) | Q(slug__icontains=value) | Q(domain__icontains=value))

    def _state(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(state=value)

    def _is_active(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        active = Q(state=OrganizationState.ACTIVE)
        return rows.filter(active if value else ~active)

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.form.cleaned_data.get("state"):
            queryset = queryset.exclude(state=OrganizationState.ARCHIVED)
        rows: QuerySet[Any] = super().filter_queryset(queryset)
        return rows


@extend_schema(tags=_TAGS)
class OrganizationViewSet(MemberActions, JoiningActions, OwnedViewSet):
    """Organizations of the tenant that the caller may see; operators see those of every institution."""

    model = Organization
    serializer_class = OrganizationOut
    list_aliases: ClassVar[dict[str, str]] = {
        "list": "organizations",
        "users": "users",
        "members": "users",
        "admins": "users",
        "whitelist": "whitelist",
    }
    watched: ClassVar[dict[str, str]] = {
        "users": "organizations.members.read",
        "members": "organizations.members.read",
        "whitelist": "organizations.whitelist.read",
    }
    permissions: ClassVar[dict[str, str]] = {
        "list": "organizations.read",
        "retrieve": "organizations.read",
        "create": "organizations.create",
        "update": "organizations.change",
        "partial_update": "organizations.change",
        "destroy": "organizations.govern",
        "suspend": "organizations.govern",
        "lift": "organizations.govern",
        "archive": "organizations.govern",
        "restore": "organizations.govern",
        "history": "members.read",
        "owner": "organizations.read",
        "offer_ownership": "ownership.offer",
        "ownership_on_offer": "organizations.read",
        "cancel_offer": "ownership.offer",
        "accept_ownership": "organizations.read",
        "decline_ownership": "organizations.read",
        "job_titles": "organizations.read",
        **MEMBER_PERMISSIONS,
        **JOINING_PERMISSIONS,
    }
    action_modules: ClassVar[dict[str, str]] = JOINING_MODULES
    step_up: ClassVar[frozenset[str]] = frozenset({"offer_ownership", "accept_ownership"})
    throttles: ClassVar[dict[str, str]] = {"invite": "mail", "add_member": "mail", "import_users": "mail"}
    # Links and their secrets stand in the answers.
    keeps_answers = False

    def elsewhere(self, request: Request) -> TenantRef | None:
        """For operators on the platform's host: the tenant that is named, or that of the organization."""
        named = request.query_params.get("tenant_id")
        if self.action == "create":
            named = named or said(request, "tenant_id")
        with suppress(ValueError):
            if "pk" in self.kwargs:
                return selectors.tenant_of(UUID(str(self.kwargs["pk"])))
            if named:
                return tenants.tenant_by_id(UUID(str(named)))
        return None

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.order_by("-created_at", "-id")

    def _read(self, serializer_class: type[Any]) -> dict[str, Any]:
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        return data

    def _out(self, organization: Organization, status: int = 200) -> Response:
        body = client.organization(organization, self.principal)
        return Response(OrganizationOut(body).data, status=status, headers={"ETag": tag_of(organization)})

    @extend_schema(filters=True, responses=OrganizationOut(many=True), summary="List organizations")
    def list(self, request: Request) -> Response:
        """The newest first; archived ones only with `state=archived`.

        Operators on the platform's host get the organizations of all institutions, or with `tenant_id` those
        of one.
        """
        across = getattr(request._request, "on_platform", False) and self.principal.role == OPERATOR
        if across and "tenant_id" not in request.query_params:
            with in_public():
                page = self.paginate_queryset(
                    narrowed(OrganizationFilter, selectors.entries_of_institutions(), request)
                )
                rows = client.entries(list(page or []))
        else:
            page = self.paginate_queryset(narrowed(OrganizationFilter, self.get_queryset(), request))
            rows = client.organizations(list(page or []), self.principal)
        answer = self.get_paginated_response(OrganizationOut(rows, many=True).data)
        answer.data |= client.list_totals(rows)
        return answer

    @extend_schema(responses=OrganizationOut, summary="One organization")
    def retrieve(self, request: Request, pk: str) -> Response:
        """An organization with its settings; its join token and code are for its admins."""
        return self._out(self.get_object())

    @extend_schema(request=OrganizationIn, responses={201: OrganizationOut}, summary="Create an organization")
    def create(self, request: Request) -> Response:
        """A new organization of this institution.

        An individual gets a small institution with that one organization, of which he is administrator and
        owner. Nothing is made in the platform's own tenants.
        """
        data = self._read(OrganizationIn)
        data.pop("tenant_id", None)
        if current_tenant().is_personal and self.principal.role != OPERATOR:
            opened = founding.small_tenant_open(**data, user_id=self.principal.user_id)
            return Response(OrganizationOut(client.founded(opened)).data, status=201)
        organization = services.organization_create(**data, actor=self.principal.actor)
        # It was made after the request's scope.
        with scope.organizations({organization.id}, reason="show a new organization"):
            return self._out(organization, status=201)

    @extend_schema(request=OrganizationChangeIn, responses=OrganizationOut, summary="Change an organization")
    def update(self, request: Request, pk: str) -> Response:
        """Settings, in whole or in part. `is_active` alone opens or closes the organization for work.

        With `If-Match` the change is made only to the state that the tag names (412 otherwise).
        """
        organization = self.get_object()
        changes, is_active = client.changes(self._read(OrganizationChangeIn), organization)
        changed = preferences.organization_apply(
            organization_id=organization.id,
            changes=changes,
            is_active=is_active,
            expected=precondition(request.headers.get("If-Match")),
            actor=self.principal.actor,
        )
        return self._out(changed)

    @extend_schema(request=OrganizationChangeIn, responses=OrganizationOut, summary="Change some settings")
    def partial_update(self, request: Request, pk: str) -> Response:
        """The same as PUT."""
        return self.update(request, pk)

    @extend_schema(responses={204: None}, summary="Delete an organization")
    def destroy(self, request: Request, pk: str) -> Response:
        """For good: only one without content, or one that has been archived long enough."""
        lifecycle.organization_delete(organization_id=self.get_object().id, actor=self.principal.actor)
        return Response(status=204)

    # -- states -------------------------------------------------------------------------------

    @extend_schema(request=ReasonedStepIn, responses=OrganizationOut, summary="Suspend an organization")
    @action(detail=True, methods=["post"])
    def suspend(self, request: Request, pk: str) -> Response:
        """Its members are kept out, its jobs stop; administrators of the institution read on."""
        organization = self.get_object()
        reason = self._read(ReasonedStepIn)["reason"]
        return self._out(
            lifecycle.organization_suspend(
                organization_id=organization.id, reason=reason, actor=self.principal.actor
            )
        )

    @extend_schema(request=StepIn, responses=OrganizationOut, summary="Lift a suspension")
    @action(detail=True, methods=["post"])
    def lift(self, request: Request, pk: str) -> Response:
        """The organization is active again."""
        organization, reason = self.get_object(), self._read(StepIn)["reason"]
        return self._out(
            lifecycle.organization_lift(
                organization_id=organization.id, reason=reason, actor=self.principal.actor
            )
        )

    @extend_schema(request=ReasonedStepIn, responses=OrganizationOut, summary="Archive an organization")
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, pk: str) -> Response:
        """Out of every list, entered by nobody, until it is restored or deleted."""
        organization, reason = self.get_object(), self._read(ReasonedStepIn)["reason"]
        return self._out(
            lifecycle.organization_archive(
                organization_id=organization.id, reason=reason, actor=self.principal.actor
            )
        )

    @extend_schema(request=StepIn, responses=OrganizationOut, summary="Restore an archived organization")
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        """The organization is active again, with everything it had."""
        organization, reason = self.get_object(), self._read(StepIn)["reason"]
        return self._out(
            lifecycle.organization_restore(
                organization_id=organization.id, reason=reason, actor=self.principal.actor
            )
        )

    @extend_schema(responses=StateChangeOut(many=True), summary="History of an organization's states")
    @action(detail=True, methods=["get"])
    def history(self, request: Request, pk: str) -> Response:
        """Who switched it off or on, suspended, archived or restored it, when and why; the newest first."""
        page = self.paginate_queryset(selectors.state_changes(self.get_object()))
        emails = emails_of({change.by_id for change in page or [] if change.by_id})
        rows = StateChangeOut(page, many=True, context={"emails": emails})
        return self.get_paginated_response(rows.data)

    # -- ownership ----------------------------------------------------------------------------

    @extend_schema(responses=PersonBrief, summary="The owner")
    @action(detail=True, methods=["get"])
    def owner(self, request: Request, pk: str) -> Response:
        """Who owns the organization; 404 while nobody does."""
        organization = self.get_object()
        owner = owners_of([organization.id]).get(organization.id)
        if owner is None:
            raise Absent("Nobody owns this organization yet.")
        return Response(PersonBrief(client.person(owner)).data)

    @extend_schema(request=OfferIn, responses={201: OfferOut}, summary="Offer the ownership")
    @action(detail=True, methods=["post"], url_path="transfer-ownership")
    def offer_ownership(self, request: Request, pk: str) -> Response:
        """To a member, who has to accept it; until then nothing changes."""
        organization = self.get_object()
        offer = ownership.ownership_offer(
            organization_id=organization.id, **self._read(OfferIn), actor=self.principal.actor
        )
        return Response(OfferOut(offer).data, status=201)

    @extend_schema(responses=PendingOfferOut, summary="The pending offer of ownership")
    @offer_ownership.mapping.get
    def ownership_on_offer(self, request: Request, pk: str) -> Response:
        """For whoever runs the organization and for who may take it; null to everybody else."""
        sees_all = self.principal.holds("members.read")
        for_user = None if sees_all else self.principal.user_id
        offer = selectors.pending_offer(self.get_object(), for_user=for_user)
        return Response(PendingOfferOut({"offer": offer}).data)

    @extend_schema(responses={204: None}, summary="Take an offer of ownership back")
    @offer_ownership.mapping.delete
    def cancel_offer(self, request: Request, pk: str) -> Response:
        """The owner's, and those above, while it is pending."""
        ownership.ownership_cancel(organization_id=self.get_object().id, actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(request=None, responses=OrganizationOut, summary="Accept the ownership")
    @action(detail=True, methods=["post"], url_path="transfer-ownership/accept")
    def accept_ownership(self, request: Request, pk: str) -> Response:
        """The caller becomes the owner; the owner until now stays as an admin."""
        organization = self.get_object()
        ownership.ownership_accept(organization_id=organization.id, actor=self.principal.actor)
        return self._out(organization)

    @extend_schema(request=None, responses={204: None}, summary="Decline the ownership")
    @action(detail=True, methods=["post"], url_path="transfer-ownership/decline")
    def decline_ownership(self, request: Request, pk: str) -> Response:
        """The offer ends; nothing else changes."""
        ownership.ownership_decline(organization_id=self.get_object().id, actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(responses=JobTitlesOut, summary="People by job title")
    @action(detail=True, methods=["get"], url_path="job-titles")
    def job_titles(self, request: Request, pk: str) -> Response:
        """How many active members have which job title."""
        rows = selectors.job_titles(self.get_object())
        body = {"total": sum(row["count"] for row in rows), "job_titles": rows}
        return Response(JobTitlesOut(body).data)
