"""Reads over institutions for those who look after them: figures of many tenants in few queries."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import AuthSession, Membership, User
from accounts.permissions import Role
from tenants import metering
from tenants.kernel.context import in_public
from tenants.models import (
    JobTicket,
    OrganizationEntry,
    OrganizationState,
    Tenant,
    TenantState,
    Usage,
    UsageDay,
)

# An active user is one who has been signed in within this time.
ACTIVE_WITHIN = timedelta(days=30)
UNFINISHED = ("pending", "processing")


def tenants_with_counts() -> QuerySet[Any]:
    """Tenants with what a list shows (people, organizations, hosts, usage), in two queries."""
    people = Membership.objects.filter(tenant=OuterRef("pk")).order_by().values("tenant")
    users = people.annotate(n=Count("user", distinct=True)).values("n")
    active = people.filter(user__is_active=True).annotate(n=Count("user", distinct=True)).values("n")
    admins = people.filter(role=Role.TENANT_ADMIN).annotate(n=Count("*")).values("n")
    entries = OrganizationEntry.objects.filter(tenant=OuterRef("pk")).order_by().values("tenant")
    working = entries.filter(state=OrganizationState.ACTIVE)
    return (
        Tenant.objects.select_related("settings", "usage")
        .prefetch_related("domains")
        .annotate(
            users_now=Coalesce(Subquery(users), 0),
            users_active=Coalesce(Subquery(active), 0),
            admins_now=Coalesce(Subquery(admins), 0),
            organizations_now=Coalesce(Subquery(entries.annotate(n=Count("*")).values("n")), 0),
            organizations_active=Coalesce(Subquery(working.annotate(n=Count("*")).values("n")), 0),
        )
        .order_by("-created_at", "-id")
    )


@dataclass(slots=True)
class People:
    """Admins and organizations of a page of tenants."""

    admins: dict[UUID, list[User]] = field(default_factory=lambda: defaultdict(list))
    organizations: dict[UUID, list[OrganizationEntry]] = field(default_factory=lambda: defaultdict(list))
    runs: dict[UUID, User] = field(default_factory=dict)
    members: dict[UUID, int] = field(default_factory=dict)


def people_of(tenant_ids: list[UUID]) -> People:
    """Who administers these tenants, their organizations and who runs those: three queries for any number."""
    found = People()
    with in_public():
        admins = Membership.objects.filter(tenant_id__in=tenant_ids, role=Role.TENANT_ADMIN)
        for row in admins.select_related("user__profile").order_by("id"):
            found.admins[row.tenant_id].append(row.user)
        entries = OrganizationEntry.objects.filter(tenant_id__in=tenant_ids)
        for entry in entries.order_by("name"):
            found.organizations[entry.tenant_id].append(entry)
        runners = Membership.objects.filter(
            tenant_id__in=tenant_ids, role__in=(Role.OWNER, Role.ADMIN), organization_id__isnull=False
        )
        for row in runners.select_related("user__profile").order_by("-role", "id"):
            # The owner goes before the admins: "owner" is the later word.
            found.runs.setdefault(row.organization_id, row.user)  # type: ignore[arg-type]
        counted = Membership.objects.filter(tenant_id__in=tenant_ids, organization_id__isnull=False)
        found.members = dict(
            counted.order_by().values_list("organization_id").annotate(n=Count("user", distinct=True))
        )
    return found


def totals() -> dict[str, int]:
    """Over all institutions: admins, organizations, people."""
    with in_public():
        held = Membership.objects.filter(tenant__in=Tenant.objects.institutions())
        return {
            "total_tenant_admins": held.filter(role=Role.TENANT_ADMIN).count(),
            "total_organizations": OrganizationEntry.objects.filter(
                tenant__in=Tenant.objects.institutions()
            ).count(),
            "total_users": held.values("user").distinct().count(),
        }


def active_users(tenant_id: UUID) -> int:
    """People who have worked in the tenant lately."""
    since = timezone.now() - ACTIVE_WITHIN
    with in_public():
        sessions = AuthSession.objects.filter(tenant_id=tenant_id, last_used_at__gte=since)
        return sessions.values("user").distinct().count()


def statistics(tenant: Any) -> dict[str, Any]:
    """What a tenant holds and does: people and organizations as of now, rows as of the last count."""
    with in_public():
        usage: Usage = tenant.usage
        running = JobTicket.objects.filter(tenant=tenant, state__in=UNFINISHED).count()
        month = UsageDay.objects.filter(tenant=tenant, day__gte=(timezone.now() - timedelta(days=30)).date())
        calls_before = month.exclude(day=timezone.now().date()).aggregate(n=Sum("calls"))["n"] or 0
    today = metering.calls_today(tenant.pk)
    return {
        "tenant_id": tenant.pk,
        "tenant_name": tenant.name,
        "total_organizations": tenant.organizations_now,
        "active_organizations": tenant.organizations_active,
        "total_users": tenant.users_now,
        # The JSON client's name for accounts that may sign in.
        "active_users": tenant.users_active,
        "users_seen_lately": active_users(tenant.pk),
        "companies": usage.companies,
        "predictions": usage.predictions,
        "scores": usage.scores,
        "storage_bytes": usage.storage_bytes,
        "running_jobs": running,
        "calls_today": today,
        "calls_30_days": calls_before + today,
        "counted_at": usage.counted_at,
        "created_at": tenant.created_at,
    }


def platform_overview() -> dict[str, Any]:
    """The figures of the whole platform."""
    now = timezone.now()
    with in_public():
        institutions = Tenant.objects.institutions()
        states = institutions.aggregate(
            all=Count("id"),
            active=Count("id", filter=Q(state=TenantState.ACTIVE)),
            suspended=Count("id", filter=Q(state=TenantState.SUSPENDED)),
            closing=Count("id", filter=Q(state=TenantState.CLOSING)),
        )
        users = User.objects.aggregate(all=Count("id"), active=Count("id", filter=Q(is_active=True)))
        seen = AuthSession.objects.filter(last_used_at__gte=now - ACTIVE_WITHIN)
        held = Usage.objects.aggregate(
            companies=Coalesce(Sum("companies"), 0),
            predictions=Coalesce(Sum("predictions"), 0),
            scores=Coalesce(Sum("scores"), 0),
            storage_bytes=Coalesce(Sum("storage_bytes"), 0),
        )
        jobs = JobTicket.objects.filter(state__in=UNFINISHED).count()
        month = UsageDay.objects.filter(day__gte=(now - timedelta(days=30)).date()).exclude(day=now.date())
        calls_before = month.aggregate(n=Sum("calls"))["n"] or 0
        organizations = OrganizationEntry.objects.filter(tenant__in=institutions).count()
        users_seen = seen.values("user").distinct().count()
    today = metering.calls_today()
    return {
        "total_users": users["all"],
        "active_users": users["active"],
        "users_seen_lately": users_seen,
        "total_tenants": states["all"],
        "active_tenants": states["active"],
        "suspended_tenants": states["suspended"],
        "closing_tenants": states["closing"],
        "total_organizations": organizations,
        **held,
        "running_jobs": jobs,
        "api_calls_today": today,
        "api_calls_30_days": calls_before + today,
        "uptime": metering.uptime(),
    }
