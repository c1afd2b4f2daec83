"""Shapes of tenants."""

from __future__ import annotations

from rest_framework import serializers

from tenants.models import Tenant


class TenantOut(serializers.ModelSerializer[Tenant]):
    is_active = serializers.SerializerMethodField()
    domain = serializers.SerializerMethodField()

    class Meta:
        model = Tenant
        fields = ("id", "name", "slug", "description", "kind", "state", "is_active", "domain", "created_at")

    def get_is_active(self, tenant: Tenant) -> bool:
        return tenant.state == "active"

    def get_domain(self, tenant: Tenant) -> str | None:
        return next((d.domain for d in tenant.domains.all() if d.is_primary), None)
