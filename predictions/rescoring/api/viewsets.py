"""Endpoints of runs that score companies again."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from companies.lists.selectors import companies_on, watchlist_of
from organizations.selectors import working_organization
from predictions.registry.selectors import versions
from predictions.rescoring.api.serializers import RescoreIn, RescoreOut, RescoresOut
from predictions.rescoring.models import RescoreRun
from predictions.rescoring.selectors import counted, state_of
from predictions.rescoring.services import run_begin, run_resume
from tenants.kernel import scope
from tenants.kernel.errors import Conflict
from tenants.kernel.viewsets import OwnedViewSet


@extend_schema(tags=["rescoring"])
class RescoringViewSet(OwnedViewSet):
    """Runs that score companies again on the version that scores now; earlier scores stay."""

    model = RescoreRun
    serializer_class = RescoreOut
    permissions: ClassVar[dict[str, str]] = {
        "list": "jobs.read",
        "retrieve": "jobs.read",
        "create": "jobs.create",
        "resume": "jobs.change",
    }
    throttles: ClassVar[dict[str, str]] = {"create": "upload"}

    def narrow(self, rows: Any) -> Any:
        return counted(rows).order_by("-created_at", "-id")

    @extend_schema(summary="Runs that score again", filters=False)
    def list(self, request: Request) -> Response:
        """The newest first."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response([_body(run) for run in page or []])

    @extend_schema(summary="One run with its progress")
    def retrieve(self, request: Request, pk: str) -> Response:
        """State, progress, and what came of it so far."""
        return Response(RescoreOut(_body(self.get_object())).data)

    @extend_schema(request=RescoreIn, responses={202: RescoresOut}, summary="Score companies again")
    def create(self, request: Request) -> Response:
        """Every period is scored by the version that scores now, in the background.

        What bears a score by that version from the same inputs is left alone, so asking twice adds nothing;
        while a run is under way, asking for the same leads to it. 409 `nothing_to_score` without companies.
        """
        serializer = RescoreIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        here = working_organization(self.principal)
        places = {here}
        if asked["every_organization"]:
            reach = scope.current().organization_ids
            places |= set(reach or ())
        ids = asked.get("companies")
        about = f"{len(ids)} companies" if ids is not None else "All companies"
        if "watchlist" in asked:
            chosen = watchlist_of(asked["watchlist"], self.principal.user_id)
            here, about = chosen.organization_id, f"Watchlist {chosen.name}"
            places = {here}
            ids = [row["company_id"] for row in companies_on(chosen.id, self.principal.user_id)]
        begun = []
        for place in sorted(places):
            try:
                begun.append(
                    run_begin(
                        organization_id=place, company_ids=ids, about=about, actor=self.principal.actor
                    ).id
                )
            except Conflict:
                # An organization without companies has nothing to score; alone it is told so.
                if len(places) == 1:
                    raise
        runs = self.get_queryset().filter(id__in=begun)
        return Response(RescoresOut({"items": [_body(run) for run in runs]}).data, status=202)

    @extend_schema(request=None, responses={202: RescoreOut}, summary="Take a run up again", filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def resume(self, request: Request, pk: str) -> Response:
        """Hand out again what is not done. 409 `run_ended` where everything is."""
        run = self.get_object()
        run_resume(run=run, actor=self.principal.actor)
        return Response(RescoreOut(_body(self.get_queryset().get(id=run.id))).data, status=202)


def _body(run: Any) -> dict[str, Any]:
    return {
        "id": run.id,
        "about": run.about,
        "state": state_of(run),
        "progress_percentage": 100 * run.parts_done // run.parts_all if run.parts_all else 100,
        "companies": run.companies,
        "scored": run.scored or 0,
        "refused": run.refused or 0,
        "model_version": versions().get(run.model_version_id, ""),
        "model_sha256": run.model_sha256,
        "organization_id": run.organization_id,
        "created_at": run.created_at,
        "created_by_label": run.created_by_label,
        "finished_at": run.finished_at,
    }
