"""How much a tenant holds, written to the directory."""

from __future__ import annotations

from django.utils import timezone

from accounts.models import Membership
from companies.models import Company
from organizations.models import Organization
from organizations.tenancy import active_users
from predictions.models import Prediction, Score
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, in_public, in_tenant
from tenants.metering import storage_bytes
from tenants.models import Usage, UsageDay


def count(tenant: TenantRef) -> int:
    """Count a tenant's rows and keep the figures in ``tenants.Usage``; 1 for the tenant counted."""
    with in_tenant(tenant), scope.every_organization(reason="usage figures"):
        figures = {
            "organizations": Organization.objects.count(),
            "companies": Company.objects.count(),
            "predictions": Prediction.objects.count(),
            "scores": Score.objects.filter(prediction__company_deleted_at=None).count(),
        }
    figures["storage_bytes"] = storage_bytes(tenant)
    with in_public():
        figures["active_users"] = active_users(tenant.id)
        figures["users"] = Membership.objects.filter(tenant_id=tenant.id).values("user").distinct().count()
        now = timezone.now()
        Usage.objects.update_or_create(tenant_id=tenant.id, defaults={**figures, "counted_at": now})
        # The day's row keeps the last count of the day.
        UsageDay.objects.update_or_create(tenant_id=tenant.id, day=now.date(), defaults=figures)
    return 1
