"""Endpoints of scenarios: kept ones, one company under one, what would help, and portfolios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from decimal import Decimal
from typing import Any, ClassVar

import django_filters
from django.db.models import Q
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from ml.scenario import (
    KINDS,
    MOST_LEVERS,
    Alternative,
    Assumptions,
    Lever,
    Shock,
    Shocked,
    ShockError,
    checked,
)
from organizations.selectors import working_organization
from predictions.models import PredictionKind, RiskLevel
from predictions.registry.selectors import champion
from predictions.scenarios import services, whatif
from predictions.scenarios.api.serializers import (
    ApplyIn,
    CatalogueOut,
    ReachIn,
    ReachOut,
    ResultOut,
    RunIn,
    RunOut,
    ScenarioIn,
    ScenarioOut,
    ShippedOut,
    ShockedOut,
)
from predictions.scenarios.definitions import Definition, definition_read, rules_read, shipped
from predictions.scenarios.models import RunState, Scenario, ScenarioRun
from predictions.services.scoring import ScoreDraft
from tenants.kernel.errors import Absent, InvalidInput
from tenants.kernel.filters import BooleanFilter, one_of
from tenants.kernel.principal import Principal
from tenants.kernel.viewsets import OwnedViewSet


def _visible(rows: Any, principal: Principal) -> Any:
    """Scenarios that are shared, and one's own."""
    return rows.filter(Q(shared=True) | Q(created_by_id=principal.user_id))


def _chosen(given: Mapping[str, Any], principal: Principal) -> tuple[Definition, str, Scenario | None]:
    """The scenario of a request with its name: saved, shipped, or of its own. Exactly one may be named."""
    named = [key for key in ("scenario_id", "shipped", "shocks") if given.get(key)]
    if len(named) != 1:
        raise InvalidInput(
            "Give a scenario, a shipped one, or shocks: exactly one of them.", code="one_scenario"
        )
    if named[0] == "shipped":
        found = shipped().get(given["shipped"])
        if found is None:
            fault = {"pointer": "/shipped", "code": "unknown_scenario", "detail": "There is no such one."}
            raise InvalidInput(errors=[fault])
        return found.definition, found.name, None
    if named[0] == "shocks":
        return definition_read(given), str(given.get("name") or "Own shocks"), None
    row = _visible(Scenario.objects.all(), principal).filter(id=given["scenario_id"]).first()
    if row is None:
        raise Absent()
    content = {name: getattr(row, name) for name in ("shocks", "assumptions", "sector_factors")}
    return definition_read(content), row.name, row


def _shock(shock: Shock) -> dict[str, Any]:
    return {"kind": shock.kind, "mode": shock.mode, "value": float(shock.value)}


def _side(draft: ScoreDraft) -> dict[str, Any]:
    return {
        "probability": draft.pd,
        "risk_level": draft.risk_level,
        "grade": draft.grade,
        "input_shape": draft.shape,
        "confidence": draft.confidence,
    }


class ScenarioFilter(django_filters.FilterSet):
    search = django_filters.CharFilter(field_name="name", lookup_expr="icontains")
    shared = BooleanFilter()


@extend_schema(tags=["scenarios"])
class ScenarioViewSet(mixins.ListModelMixin, OwnedViewSet):
    """Scenarios that the organization keeps, and what they say of one company."""

    model = Scenario
    serializer_class = ScenarioOut
    filterset_class = ScenarioFilter
    module = "scenarios"
    versioned: ClassVar[frozenset[str]] = frozenset({"partial_update"})
    permissions: ClassVar[dict[str, str]] = {
        "list": "scenarios.read",
        "retrieve": "scenarios.read",
        "shipped": "scenarios.read",
        "shocks": "scenarios.read",
        "create": "scenarios.create",
        "partial_update": "scenarios.change",
        "destroy": "scenarios.change",
        "apply": "scenarios.create",
        "reach": "scenarios.create",
    }

    def narrow(self, rows: Any) -> Any:
        return _visible(rows, self.principal).order_by("name", "id")

    @extend_schema(responses=ScenarioOut, summary="Read a scenario")
    def retrieve(self, request: Request, pk: str) -> Response:
        """With its shocks, rules and factors by sector."""
        row = self.get_object()
        return self.tagged(ScenarioOut(row).data, row)

    @extend_schema(request=ScenarioIn, responses={201: ScenarioOut}, summary="Keep a scenario")
    def create(self, request: Request) -> Response:
        """409 `duplicate_scenario` where the organization has one of that name."""
        given = ScenarioIn(data=request.data)
        given.is_valid(raise_exception=True)
        row = services.scenario_create(
            organization_id=working_organization(self.principal),
            given=given.validated_data,
            actor=self.principal.actor,
        )
        return self.tagged(ScenarioOut(row).data, row, status=201)

    @extend_schema(request=ScenarioIn, responses=ScenarioOut, summary="Change a scenario")
    def partial_update(self, request: Request, pk: str) -> Response:
        """What is left out stays; runs keep what they ran."""
        given = ScenarioIn(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        row = services.scenario_update(
            scenario=self.get_object(),
            given=given.validated_data,
            expected=self.expected,
            actor=self.principal.actor,
        )
        return self.tagged(ScenarioOut(row).data, row)

    @extend_schema(responses={204: None}, summary="Remove a scenario")
    def destroy(self, request: Request, pk: str) -> Response:
        """What ran under it stays."""
        services.scenario_delete(scenario=self.get_object(), actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(responses=ShippedOut(many=True), summary="Macro scenarios of the platform", filters=False)
    @action(detail=False, methods=["get"], filterset_class=None, pagination_class=None, url_path="shipped")
    def shipped(self, request: Request) -> Response:
        """Six of them, with their assumptions."""
        rows = [
            {"key": s.key, "name": s.name, "description": s.description, **s.definition.as_json()}
            for s in shipped().values()
        ]
        return Response(ShippedOut(rows, many=True).data)

    @extend_schema(responses=CatalogueOut, summary="What can be shocked", filters=False)
    @action(detail=False, methods=["get"], filterset_class=None, pagination_class=None)
    def shocks(self, request: Request) -> Response:
        """The kinds of shock with their units and rules, and the usual assumptions."""
        usual = Assumptions()
        rules = [{"name": f.name, "usual": float(getattr(usual, f.name))} for f in fields(Assumptions)]
        kinds = [asdict(kind) for kind in KINDS.values()]
        return Response(CatalogueOut({"shocks": kinds, "assumptions": rules}).data)

    @extend_schema(
        request=ApplyIn, responses=ShockedOut, summary="One company under a scenario", filters=False
    )
    @action(detail=False, methods=["post"], filterset_class=None)
    def apply(self, request: Request) -> Response:
        """Beside its base, with every line, and what moved the PD. Nothing is stored.

        409 `not_scored` or `ratios_only` where there is no statement to shock.
        """
        given = ApplyIn(data=request.data)
        given.is_valid(raise_exception=True)
        definition, name, _ = _chosen(given.validated_data, self.principal)
        company = whatif.company_get(given.validated_data["company_id"])
        base = whatif.base_for(company, given.validated_data["kind"])
        found = whatif.whatif(base, definition)
        head, change = base.prediction, found.change
        body = {
            "company_id": company.id,
            "company_symbol": company.symbol,
            "company_name": company.name,
            "reporting_year": str(head.fiscal_year),
            "reporting_quarter": head.quarter_text,
            "score_id": head.current_id,
            "model_version": champion().version,
            "scenario": name,
            "shocks": [_shock(s) for s in definition.for_sector(company.sector)],
            "base": _side(found.before),
            "shocked": _side(found.after),
            "probability_change": change.new_pd - change.old_pd if change else None,
            "summary": change.text if change else "One of the two has no PD.",
            "drivers": [asdict(part) for part in change.components] if change else [],
            "lines": whatif.lines(found.shocked, base),
            "ratios": whatif.ratio_rows(base.amounts, found.shocked.amounts),
            "imbalance": whatif.balanced(found.shocked),
            "notes": found.shocked.notes,
        }
        return Response(ShockedOut(body).data)

    @extend_schema(
        request=ReachIn, responses=ReachOut, summary="What a better category would take", filters=False
    )
    @action(detail=False, methods=["post"], filterset_class=None)
    def reach(self, request: Request) -> Response:
        """The smallest balanced changes within bounds, each scored once more; or how near it gets.

        409 `already_there` where the company is in that category.
        """
        given = ReachIn(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        company = whatif.company_get(data["company_id"])
        way = whatif.way_to(
            whatif.base_for(company, data["kind"]),
            level=data.get("target"),
            levers=_levers(data.get("levers")),
            assumptions=rules_read(data.get("assumptions") or {}),
        )
        return Response(ReachOut(_way_body(way)).data)


def _levers(given: list[dict[str, Any]] | None) -> tuple[Lever, ...]:
    if not given:
        return whatif.USUAL_LEVERS
    faults: list[dict[str, str]] = []
    levers: list[Lever] = []
    for place, row in enumerate(given):
        lever = Lever(row["kind"], row["mode"], Decimal(repr(row["limit"])), row["weight"])
        try:
            checked(lever.at(Decimal(1)))
        except ShockError as error:
            faults.append({"pointer": f"/levers/{place}", "code": "impossible_shock", "detail": str(error)})
        if any(other.kind == lever.kind for other in levers):
            text = "Each lever is taken once."
            faults.append({"pointer": f"/levers/{place}", "code": "repeated", "detail": text})
        levers.append(lever)
    if len(levers) > MOST_LEVERS:
        text = f"Up to {MOST_LEVERS} levers are taken."
        faults.append({"pointer": "/levers", "code": "too_many", "detail": text})
    if faults:
        raise InvalidInput(errors=faults)
    return tuple(levers)


def _way_body(way: whatif.Way) -> dict[str, Any]:
    company = way.base.prediction.company
    reached = bool(way.verified)
    best = way.nearest.pd or 0.0
    text = (
        f"{len(way.verified)} ways lead to {way.wanted.lower()} risk within these bounds."
        if reached
        else f"Not within these bounds: the lowest PD is {100 * best:.2f} %, "
        f"{100 * (best - way.found.target):.2f} points too much."
    )
    return {
        "company_id": company.id,
        "company_symbol": company.symbol,
        "base": _side(way.before),
        "target": way.wanted,
        "target_probability": way.found.target,
        "reached": reached,
        "text": text,
        "alternatives": [_alternative(found, draft, way.base) for found, draft in way.verified],
        "nearest": _alternative(way.found.nearest, way.nearest, way.base),
        "tried": way.found.tried,
    }


def _alternative(found: Alternative, draft: ScoreDraft, base: whatif.Base) -> dict[str, Any]:
    shocked: Shocked = found.shocked
    return {
        "shocks": [_shock(shock) for shock in found.shocks],
        "shares": found.shares,
        "cost": found.cost,
        "result": _side(draft),
        "lines": [line for line in whatif.lines(shocked, base) if line["moved"]],
        "imbalance": whatif.balanced(shocked),
        "notes": shocked.notes,
    }


class RunFilter(django_filters.FilterSet):
    state = django_filters.MultipleChoiceFilter(choices=RunState.choices, distinct=False)
    kind = django_filters.ChoiceFilter(choices=PredictionKind.choices)
    scenario = django_filters.UUIDFilter(field_name="scenario_id")


@extend_schema(tags=["scenarios"])
class ScenarioRunViewSet(mixins.ListModelMixin, OwnedViewSet):
    """Scenarios over many companies."""

    model = ScenarioRun
    serializer_class = RunOut
    filterset_class = RunFilter
    module = "scenarios"
    permissions: ClassVar[dict[str, str]] = {
        "list": "scenarios.read",
        "retrieve": "scenarios.read",
        "results": "scenarios.read",
        "create": "scenarios.create",
        "destroy": "scenarios.change",
    }

    def narrow(self, rows: Any) -> Any:
        return rows.order_by("-created_at", "-id")

    @extend_schema(responses=RunOut, summary="Read a run")
    def retrieve(self, request: Request, pk: str) -> Response:
        """Its state and, once it is done, its summary."""
        return Response(RunOut(self.get_object()).data)

    @extend_schema(
        request=RunIn, responses={201: RunOut, 202: RunOut}, summary="Run a scenario over a portfolio"
    )
    def create(self, request: Request) -> Response:
        """201 with the summary for up to 500 companies; 202 for more, which run in the background."""
        given = RunIn(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        definition, name, scenario = _chosen(data, self.principal)
        run = services.run_create(
            organization_id=working_organization(self.principal),
            name=data.get("name") or name,
            definition=definition,
            scenario=scenario,
            kind=data["kind"],
            selection={key: data.get(key) for key in ("company_ids", "sector", "risk_level")},
            lgd=data["lgd"],
            actor=self.principal.actor,
        )
        return Response(RunOut(run).data, status=202 if run.state == RunState.RUNNING else 201)

    @extend_schema(responses={204: None}, summary="Remove a run")
    def destroy(self, request: Request, pk: str) -> Response:
        """With its results; a run that goes on ends with it."""
        services.run_delete(run=self.get_object(), actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(
        parameters=[OpenApiParameter("risk_level", enum=RiskLevel.values)],
        responses=ResultOut(many=True),
        summary="Companies of a run",
        filters=False,
    )
    @action(detail=True, methods=["get"], filterset_class=None)
    def results(self, request: Request, pk: str) -> Response:
        """Those whose PD rises most first; `?risk_level=` keeps one category after the shock."""
        rows = self.get_object().results.select_related("company")
        if level := one_of(request, "risk_level", RiskLevel.values):
            rows = rows.filter(level=level)
        page = self.paginate_queryset(rows.order_by("-change", "id"))
        shown: Any = ResultOut(page or [], many=True)  # type: ignore[arg-type]
        return self.get_paginated_response(shown.data)
