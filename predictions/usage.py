"""How much a tenant holds, written to the directory."""

from __future__ import annotations

from django.utils import timezone

from accounts.models import Membership
from companies.models import Company
from organizations.models import Organization
from predictions.models import Prediction, Score
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, in_public, in_tenant
from tenants.models import Usage


def count(tenant: TenantRef) -> int:
    """Count a tenant's rows and keep the figures in ``tenants.Usage``; 1 for the tenant counted."""
    with in_tenant(tenant), scope.every_organization(reason="usage figures"):
        figures = {
            "organizations": Organization.objects.count(),
            "companies": Company.objects.count(),
            "predictions": Prediction.objects.count(),
            "scores": Score.objects.count(),
        }
    with in_public():
        figures["users"] = Membership.objects.filter(tenant_id=tenant.id).values("user").distinct().count()
        now = timezone.now()
        Usage.objects.update_or_create(tenant_id=tenant.id, defaults={**figures, "counted_at": now})
    return 1
