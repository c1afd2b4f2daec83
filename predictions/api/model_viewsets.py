"""Endpoints of the model registry: versions, who decided what, validation reports, the challenger."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from predictions import shadowing
from predictions.api import model_serializers as forms
from predictions.registry import reports, selectors, services
from predictions.registry.models import ModelStatus, ModelVersion, RequestState
from tenants.kernel.context import in_public
from tenants.kernel.errors import Absent
from tenants.kernel.renderers import FileRenderer
from tenants.kernel.viewsets import DeclaredViewSet

READ, MANAGE = "models.read", "models.manage"


class ModelFilter(django_filters.FilterSet):
    status = django_filters.MultipleChoiceFilter(choices=ModelStatus.choices)
    sha256 = django_filters.CharFilter(lookup_expr="startswith")


def as_row(version: ModelVersion) -> dict[str, Any]:
    """A version as it is answered."""
    pending = next((r for r in version.requests.all() if r.state == RequestState.PENDING), None)
    waiting = (
        {"by": pending.requested_by_label, "at": pending.requested_at, "reason": pending.reason}
        if pending
        else None
    )
    names = [str(name) for name in forms.ModelOut().fields]
    values = {name: getattr(version, name) for name in names if name != "pending"}
    return dict(forms.ModelOut({**values, "pending": waiting}).data)


@extend_schema(tags=["models"])
class ModelViewSet(DeclaredViewSet):
    """Versions of the platform's scoring model. The words `champion` and `challenger` stand for an id."""

    serializer_class = forms.ModelOut
    filterset_class = ModelFilter
    module: ClassVar[str | None] = "model_governance"
    permissions: ClassVar[dict[str, str]] = {
        "list": READ,
        "retrieve": READ,
        "card": READ,
        "validation": READ,
        "validation_pdf": READ,
        "partial_update": MANAGE,
        "history": MANAGE,
        "promote": MANAGE,
        "approve": MANAGE,
        "reject": MANAGE,
        "rollback": MANAGE,
        "challenge": MANAGE,
        "retire": MANAGE,
        "comparison": MANAGE,
        "ask_validation": MANAGE,
    }
    step_up: ClassVar[frozenset[str]] = frozenset({"promote", "approve", "rollback"})

    def get_queryset(self) -> QuerySet[ModelVersion]:
        rows = ModelVersion.objects.prefetch_related("requests")
        # Whoever does not run the platform sees the version that scores him.
        manages = getattr(self, "swagger_fake_view", False) or self.principal.holds(MANAGE)
        return rows if manages else rows.filter(status=ModelStatus.CHAMPION)

    def get_object(self) -> ModelVersion:
        found = selectors.version_get(str(self.kwargs["pk"]))
        with in_public():
            row = self.get_queryset().filter(pk=found.pk).first()
        if row is None:
            raise Absent()
        return row

    def _answer(self, version_id: UUID, status: int = 200) -> Response:
        with in_public():
            row = ModelVersion.objects.prefetch_related("requests").get(pk=version_id)
            return Response(as_row(row), status=status)

    def _read(self, form: type[Any]) -> dict[str, Any]:
        serializer = form(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    @extend_schema(summary="Versions of the model")
    def list(self, request: Request) -> Response:
        """All versions for super admins; the champion for everybody else."""
        with in_public():
            page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
            return self.get_paginated_response([as_row(row) for row in page or []])

    @extend_schema(summary="One version")
    def retrieve(self, request: Request, pk: str) -> Response:
        """A version with its figures; `champion` as the id gives the one that scores."""
        return self._answer(self.get_object().pk)

    @extend_schema(request=forms.ModelChangeIn, summary="Say who answers for a version")
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change owner, purpose, materiality or the date of the next review."""
        changes = self._read(forms.ModelChangeIn)
        row = services.model_describe(
            version_id=self.get_object().pk, changes=changes, actor=self.principal.actor
        )
        return self._answer(row.pk)

    @extend_schema(responses=OpenApiTypes.OBJECT, summary="Model card", filters=False)
    @action(detail=True, methods=["get"])
    def card(self, request: Request, pk: str) -> Response:
        """What the model predicts, on what it was developed, how it was measured, and its limits."""
        return Response(reports.card_of(self.get_object()))

    @extend_schema(responses=forms.EventOut(many=True), summary="History of a version", filters=False)
    @action(detail=True, methods=["get"])
    def history(self, request: Request, pk: str) -> Response:
        """Who registered, asked for, approved, promoted or retired it, when and why; the newest first."""
        row = self.get_object()
        with in_public():
            page = self.paginate_queryset(row.events.order_by("-id"))
        return self.get_paginated_response(forms.EventOut(page or [], many=True).data)

    @extend_schema(
        request=forms.PromoteIn,
        responses={200: forms.ModelOut, 202: forms.ModelOut},
        summary="Promote a version",
    )
    @action(detail=True, methods=["post"])
    def promote(self, request: Request, pk: str) -> Response:
        """Let the version score from now on: 200. Where two persons have to agree, 202: another super admin
        approves. Takes a fresh proof."""
        version_id = self.get_object().pk
        done = services.model_promote(
            version_id=version_id, **self._read(forms.PromoteIn), actor=self.principal.actor
        )
        return self._answer(version_id, status=202 if done.request else 200)

    @extend_schema(request=forms.ApproveIn, summary="Approve a promotion")
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """Carry out a promotion that somebody else has asked for. Takes a fresh proof."""
        row = services.promotion_approve(
            version_id=self.get_object().pk, **self._read(forms.ApproveIn), actor=self.principal.actor
        )
        return self._answer(row.pk)

    @extend_schema(request=forms.ReasonIn, summary="Refuse a promotion")
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        """Refuse a promotion that waits, or take one's own wish back."""
        row = services.promotion_reject(
            version_id=self.get_object().pk, **self._read(forms.ReasonIn), actor=self.principal.actor
        )
        return self._answer(row.pk)

    @extend_schema(request=forms.ReasonIn, summary="Go back to the champion before", filters=False)
    @action(detail=False, methods=["post"])
    def rollback(self, request: Request) -> Response:
        """Let the champion before the present one score again, at once. Takes a fresh proof."""
        row = services.model_rollback(**self._read(forms.ReasonIn), actor=self.principal.actor)
        return self._answer(row.pk)

    @extend_schema(request=forms.ReasonIn, summary="Let a version score in the shadow")
    @action(detail=True, methods=["post"])
    def challenge(self, request: Request, pk: str) -> Response:
        """Make the version the challenger: it scores what the champion scores, later, and is compared."""
        row = services.model_challenge(
            version_id=self.get_object().pk, **self._read(forms.ReasonIn), actor=self.principal.actor
        )
        return self._answer(row.pk)

    @extend_schema(request=forms.ReasonIn, summary="Retire a version")
    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        """Take a version out of use; the champion cannot be."""
        row = services.model_retire(
            version_id=self.get_object().pk, **self._read(forms.ReasonIn), actor=self.principal.actor
        )
        return self._answer(row.pk)

    @extend_schema(responses=forms.ComparisonOut, summary="Challenger against champion", filters=False)
    @action(detail=True, methods=["get"])
    def comparison(self, request: Request, pk: str) -> Response:
        """Agreement, rank correlation, migration and mean PD over what both have scored."""
        return Response(forms.ComparisonOut(shadowing.comparison(self.get_object())).data)

    @extend_schema(responses=forms.ReportContentOut, summary="Validation report", filters=False)
    @action(detail=True, methods=["get"])
    def validation(self, request: Request, pk: str) -> Response:
        """The report made last; before the first, one from what the model brought with it."""
        return Response(reports.report_content(self.get_object()))

    @extend_schema(request=forms.ReportIn, responses={202: forms.ReportOut}, summary="Make a report")
    @validation.mapping.post
    def ask_validation(self, request: Request, pk: str) -> Response:
        """Have a validation report made in the background, as data and as PDF."""
        row = reports.report_request(
            version=self.get_object(), **self._read(forms.ReportIn), actor=self.principal.actor
        )
        return Response(forms.ReportOut(row).data, status=202)

    @extend_schema(
        responses={(200, "application/pdf"): OpenApiTypes.BINARY},
        summary="Validation report as PDF",
        filters=False,
    )
    @action(detail=True, methods=["get"], url_path=r"validation\.pdf", renderer_classes=[FileRenderer])
    def validation_pdf(self, request: Request, pk: str) -> HttpResponseBase:
        """The report made last. 409 `report_not_ready` before the first."""
        version = self.get_object()
        answer = HttpResponse(reports.report_pdf(version), content_type="application/pdf")
        answer["Content-Disposition"] = f'attachment; filename="validation-{version.sha256[:12]}.pdf"'
        return answer
