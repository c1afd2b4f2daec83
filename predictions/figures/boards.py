"""One dashboard a role: which figures it shows. Fewer than ten queries each, the caller's own included."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts.permissions import Role
from organizations import tenancy
from predictions.figures import parts
from predictions.selectors import in_reference
from tenants import metering
from tenants.kernel.context import current_tenant, in_public
from tenants.kernel.principal import Principal
from tenants.models import OrganizationEntry, PlatformAuditEvent, Tenant

RECENT = 20
LISTED = 100


def _lately() -> datetime:
    return timezone.now() - parts.LATELY


def _kind(held: dict[str, Any], kind: str | None) -> str:
    return kind or parts.main_kind(held)


def platform() -> dict[str, Any]:
    """For super admins: people, tenants, calls and how they were answered, uptime, what happened."""
    figures = tenancy.platform_overview()
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
    return {
        **figures,
        "api_performance": metering.performance(),
        "recent_activity": recent,
    }


def tenant() -> dict[str, Any]:
    """For tenant admins: every organization with its people, state and risk, and what was done there."""
    ref = current_tenant()
    with in_public():
        entries = list(OrganizationEntry.objects.filter(tenant_id=ref.id).order_by("name")[:LISTED])
    ids = [entry.id for entry in entries]
    held, counted = parts.holdings(), parts.by_organization()
    people, done = parts.team(ids), parts.actions(ids, since=_lately())
    empty = parts.nothing()
    return {
        "organizations": [
            {
                "organization_id": entry.id,
                "name": entry.name,
                "state": entry.state,
                "is_default": entry.is_default,
                "created_at": entry.created_at,
                "users": sum(people.get(entry.id, {}).values()),
                "users_by_role": people.get(entry.id, {}),
                "actions_30_days": done[entry.id],
                **counted.get(entry.id, empty),
            }
            for entry in entries
        ],
        "total_organizations": len(entries),
        "active_organizations": sum(entry.state == "active" for entry in entries),
        "total_users": sum(sum(roles.values()) for roles in people.values()),
        "actions_30_days": sum(done.values()),
        "holdings": held,
        "jobs": parts.jobs(),
        "recent_activity": parts.activity(),
    }


def organization(organization_ids: frozenset[UUID], kind: str | None) -> dict[str, Any]:
    """For organization admins: what is tracked and how risky it is, the team and what it did."""
    held = parts.holdings()
    chosen = _kind(held, kind)
    standing, people = held["standing"][chosen], parts.team(organization_ids)
    by_role: dict[str, int] = {}
    for roles in people.values():
        for role, number in roles.items():
            by_role[role] = by_role.get(role, 0) + number
    return {
        "kind": chosen,
        "companies_tracked": held["companies"],
        "companies_followed": held["followed"],
        "companies_rated": standing["names"],
        "high_risk": standing["high_risk"],
        "mean_pd": standing["mean_pd"],
        "stale": standing["stale"],
        "levels": standing["levels"],
        "predictions": held["predictions"],
        "team": {
            "members": sum(by_role.values()),
            "by_role": by_role,
            "pending_invitations": parts.pending_invitations(),
            "actions_30_days": sum(parts.actions(organization_ids, since=_lately()).values()),
            "analysts": parts.analysts(since=_midnight(_lately())),
        },
        "recent_analyses": parts.recent(),
        "jobs": parts.jobs(),
    }


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def analyst(kind: str | None) -> dict[str, Any]:
    """For analysts: the portfolio over time, who stands worst, and what was scored last."""
    held = parts.holdings()
    chosen = _kind(held, kind)
    standing = held["standing"][chosen]
    return {
        "kind": chosen,
        "companies": held["companies"],
        "companies_rated": standing["names"],
        "predictions": held["predictions"],
        "high_risk": standing["high_risk"],
        "mean_pd": standing["mean_pd"],
        "stale": standing["stale"],
        "levels": standing["levels"],
        "trend": parts.trend(chosen),
        "worst": parts.worst(chosen),
        "recent_analyses": parts.recent(),
        "jobs": parts.jobs(),
        "last_updated": held["last_updated"],
    }


def personal(*, reference: bool, kind: str | None) -> dict[str, Any]:
    """For individuals: one's own figures beside the platform's reference data."""
    held = parts.holdings()
    chosen = _kind(held, kind)
    found = {
        "kind": chosen,
        "own": {**_short(held, chosen), "sectors": parts.sectors_covered()},
        "worst": parts.worst(chosen),
        "recent_analyses": parts.recent(),
        "reference": None,
    }
    if reference and not current_tenant().is_reference:
        with in_reference(reason="dashboard of an individual"):
            theirs = parts.holdings()
            found["reference"] = {
                **_short(theirs, parts.main_kind(theirs)),
                "sectors": parts.sectors_covered(),
            }
    return found


def _short(held: dict[str, Any], kind: str) -> dict[str, Any]:
    standing = held["standing"][kind]
    return {
        "companies": held["companies"],
        "predictions": held["predictions"],
        "annual": held["annual"],
        "quarterly": held["quarterly"],
        "rated": standing["names"],
        "high_risk": standing["high_risk"],
        "mean_pd": standing["mean_pd"],
        "levels": standing["levels"],
        "last_updated": held["last_updated"],
    }


def board_of(principal: Principal) -> str:
    """The dashboard that a caller starts on."""
    if principal.role == Role.SUPER_ADMIN:
        return "platform"
    if principal.role == Role.TENANT_ADMIN:
        return "tenant"
    if principal.role in (Role.OWNER, Role.ADMIN):
        return "organization"
    return "personal" if principal.role == Role.INDIVIDUAL else "analyst"


# -- the JSON client's ----------------------------------------------------------------------------


def client(
    principal: Principal, *, platform_stats: bool, reference: bool, names: dict[str, Any]
) -> dict[str, Any]:
    """The figures of ``POST /predictions/dashboard`` in the client's words.

    Rates are means of what stands now; high risk is HIGH and CRITICAL.
    """
    held = parts.holdings()
    scope = _client_scope(principal)
    figures = _client_figures(held)
    updated = {"user_last_updated": held["last_updated"], "system_last_updated": None}
    answer: dict[str, Any] = {"scope": scope}
    system: dict[str, Any] | None = None
    if platform_stats:
        # The client always has this tab: whoever is not entitled finds it empty.
        system = _system(scope, held, figures) if reference else _nothing_of_the_platform(figures)
        updated["system_last_updated"] = system["last_updated_times"]["system_last_updated"]
    answer["user_dashboard"] = {
        "scope": scope,
        **names,
        "data_scope": _SCOPES[scope],
        **figures,
        "last_updated_times": updated,
    }
    if system is not None:
        answer["platform_statistics"] = system
    if scope == "tenant":
        answer["organizations_breakdown"] = _organizations()
    if scope == "system":
        answer["tenants_breakdown"] = _tenants()
    answer["last_updated_times"] = updated
    return answer


_SCOPES = {
    "personal": "Your own data",
    "organization": "Data of your organization",
    "tenant": "Data of every organization of your institution",
    "system": "Data of the platform",
}


def _client_scope(principal: Principal) -> str:
    if principal.role == Role.SUPER_ADMIN:
        return "system"
    if principal.role == Role.TENANT_ADMIN:
        return "tenant"
    return "personal" if principal.role == Role.INDIVIDUAL else "organization"


def _client_figures(held: dict[str, Any]) -> dict[str, Any]:
    standing = held["standing"].values()
    names = sum(place["names"] for place in standing)
    total = sum(place["names"] * (place["mean_pd"] or 0.0) for place in standing)
    return {
        "total_companies": held["companies"],
        "total_predictions": held["predictions"],
        "annual_predictions": held["annual"],
        "quarterly_predictions": held["quarterly"],
        "average_default_rate": round(total / names, 6) if names else 0.0,
        "high_risk_companies": _high_risk(held),
        "sectors_covered": parts.sectors_covered(),
    }


def _high_risk(held: dict[str, Any]) -> int:
    """By the kind that shares are told of: nobody is counted twice."""
    return int(held["standing"][parts.main_kind(held)]["high_risk"])


def _nothing_of_the_platform(figures: dict[str, Any]) -> dict[str, Any]:
    return {**dict.fromkeys(figures, 0), "last_updated_times": {"system_last_updated": None}}


def _system(scope: str, held: dict[str, Any], figures: dict[str, Any]) -> dict[str, Any]:
    if not (scope == "system" and current_tenant().is_reference):
        with in_reference(reason="platform statistics of a dashboard"):
            held = parts.holdings()
            figures = _client_figures(held)
    found = {**figures, "last_updated_times": {"system_last_updated": held["last_updated"]}}
    if scope == "system":
        # Only operators learn how many there are.
        counted = tenancy.totals()
        with in_public():
            tenants = Tenant.objects.institutions().count()
        found |= {
            "total_users": counted["total_users"],
            "total_organizations": counted["total_organizations"],
            "total_tenants": tenants,
        }
    return found


def _organizations() -> list[dict[str, Any]]:
    counted, ref = parts.by_organization(), current_tenant()
    with in_public():
        entries = OrganizationEntry.objects.filter(tenant_id=ref.id).order_by("name")
        names = list(entries.values_list("id", "name"))
    empty = parts.nothing()
    return [
        {
            "organization_id": organization_id,
            "org_name": name,
            "companies": row["companies"],
            "predictions": row["predictions"],
            "avg_default_rate": row["mean_pd"] or 0.0,
            "high_risk_companies": row["high_risk"],
            "sectors_covered": row["sectors"],
        }
        for organization_id, name in names
        for row in [counted.get(organization_id, empty)]
    ]


def _tenants() -> list[dict[str, Any]]:
    with in_public():
        rows = Tenant.objects.institutions().select_related("usage").order_by("name")[:LISTED]
        return [
            {
                "tenant_id": row.id,
                "tenant_name": row.name,
                "companies": row.usage.companies,
                "predictions": row.usage.predictions,
                "organizations_count": row.usage.organizations,
            }
            for row in rows
        ]
