"""Endpoints of saved portfolios and their runs."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from organizations.selectors import working_organization
from predictions.schedules import services
from predictions.schedules.api.serializers import ScheduledRunOut, ScheduleIn, ScheduleOut
from predictions.schedules.models import Schedule
from tenants.kernel.viewsets import OwnedViewSet


@extend_schema(tags=["schedules"])
class ScheduleViewSet(OwnedViewSet):
    """Portfolios that are scored again daily, weekly or monthly. Not for individuals."""

    model = Schedule
    serializer_class = ScheduleOut
    module = "bulk_scoring"
    permissions: ClassVar[dict[str, str]] = {
        "list": "schedules.read",
        "retrieve": "schedules.read",
        "runs": "schedules.read",
        "create": "schedules.create",
        "partial_update": "schedules.change",
        "destroy": "schedules.change",
        "pause": "schedules.change",
        "resume": "schedules.change",
        "run": "schedules.change",
    }
    throttles: ClassVar[dict[str, str]] = {"run": "upload"}

    @extend_schema(summary="List saved portfolios", filters=False)
    def list(self, request: Request) -> Response:
        """By name, with when each is scored next."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(ScheduleOut(page or [], many=True).data)

    @extend_schema(summary="Show a saved portfolio")
    def retrieve(self, request: Request, pk: str) -> Response:
        """What is scored, when, and who is told."""
        return Response(ScheduleOut(self.get_object()).data)

    @extend_schema(request=ScheduleIn, responses={201: ScheduleOut}, summary="Save a portfolio")
    def create(self, request: Request) -> Response:
        """From the last uploaded file of a name, or from a list of companies."""
        serializer = ScheduleIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        schedule = services.schedule_create(
            organization_id=working_organization(self.principal),
            data=serializer.validated_data,
            now=timezone.now(),
            actor=self.principal.actor,
        )
        return Response(ScheduleOut(schedule).data, status=201)

    @extend_schema(request=ScheduleIn(partial=True), responses=ScheduleOut, summary="Change a portfolio")
    def partial_update(self, request: Request, pk: str) -> Response:
        """What is left out stays; the next run is counted anew."""
        schedule = self.get_object()
        serializer = ScheduleIn(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        # A default is no change.
        data: dict[str, Any] = {k: v for k, v in serializer.validated_data.items() if k in request.data}
        changed = services.schedule_update(
            schedule=schedule, data=data, now=timezone.now(), actor=self.principal.actor
        )
        return Response(ScheduleOut(changed).data)

    @extend_schema(responses={204: None}, summary="Remove a portfolio")
    def destroy(self, request: Request, pk: str) -> Response:
        """Its jobs and their scores stay."""
        services.schedule_delete(schedule=self.get_object(), actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(request=None, responses=ScheduleOut, summary="Pause a portfolio")
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """Until it is resumed it is not scored by the clock; `run` still works."""
        return self._clock(paused=True)

    @extend_schema(request=None, responses=ScheduleOut, summary="Resume a portfolio")
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """What was due meanwhile is not made up for."""
        return self._clock(paused=False)

    def _clock(self, *, paused: bool) -> Response:
        schedule = services.schedule_pause(
            schedule=self.get_object(), paused=paused, now=timezone.now(), actor=self.principal.actor
        )
        return Response(ScheduleOut(schedule).data)

    @extend_schema(request=None, responses={202: ScheduledRunOut}, summary="Score a portfolio now")
    @action(detail=True, methods=["post"])
    def run(self, request: Request, pk: str) -> Response:
        """At once, beside the clock. 409 `run_going_on` while the last run has not ended."""
        found = services.run_now(schedule=self.get_object(), now=timezone.now(), actor=self.principal.actor)
        return Response(ScheduledRunOut(found).data, status=202)

    @extend_schema(responses=ScheduledRunOut(many=True), summary="Runs of a portfolio", filters=False)
    @action(detail=True, methods=["get"])
    def runs(self, request: Request, pk: str) -> Response:
        """The newest first, each with its job, whose report names the changes."""
        page = self.paginate_queryset(self.get_object().runs.select_related("job"))
        return self.get_paginated_response(ScheduledRunOut(page or [], many=True).data)
