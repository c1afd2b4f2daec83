"""Reads of connectors: sources with their circuit and last run, in a number of queries that does not grow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from companies.connectors import circuits
from companies.connectors.models import ConnectorKind, Run, Source
from companies.connectors.registry import KINDS, circuit_name
from tenants.kernel.context import current_tenant, in_a_tenant


def with_last_run(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Sources that know the id of their last run."""
    latest = Run.objects.filter(source=OuterRef("pk")).order_by("-queued_at", "-id").values("pk")
    found: QuerySet[Any] = rows.annotate(last_run_id=Subquery(latest[:1]))
    return found


def shown(sources: Iterable[Any]) -> list[Any]:
    """The sources with ``last_run`` and ``circuit``, as answers and pages show them."""
    found: list[Any] = list(sources)
    runs = Run.objects.defer("refusals").in_bulk([s.last_run_id for s in found if s.last_run_id])
    names = {source.pk: circuit_name(source) for source in found}
    standing = circuits.views(names.values())
    for source in found:
        source.last_run = runs.get(source.last_run_id)
        source.circuit = standing[names[source.pk]]
    return found


def source_shown(source: Source) -> Any:
    """One source as it is shown."""
    return shown(with_last_run(Source.objects.filter(id=source.id)))[0]


def kinds() -> list[dict[str, Any]]:
    """The connectors that there are, and whether they can be set up here."""
    in_reference = in_a_tenant() and current_tenant().is_reference
    return [
        {
            "kind": code,
            "name": ConnectorKind(code).label,
            "about": connector.about,
            "available": in_reference or not connector.reference_only,
            "options": [{"name": name, "about": text} for name, text in connector.option_help.items()],
        }
        for code, connector in KINDS.items()
    ]
