"""What the endpoints over institutions share."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework.response import Response

from organizations.api.tenants import client
from organizations.tenancy import tenants_with_counts
from tenants.kernel import serializers
from tenants.kernel.errors import Absent
from tenants.kernel.viewsets import DeclaredViewSet
from tenants.models import Tenant, TenantSettings


class TenantPages(DeclaredViewSet):
    """Answers about one tenant, whichever way it was found."""

    def read(self, shape: type[serializers.Serializer[Any]], *, partial: bool = False) -> dict[str, Any]:
        """The body, checked."""
        serializer = shape(data=self.request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def found(self, tenant_id: UUID | str | None) -> Any:
        """The tenant with its counts, or 404."""
        try:
            key = UUID(str(tenant_id))
        except ValueError:
            raise Absent() from None
        tenant = tenants_with_counts().filter(pk=key).first()
        if tenant is None:
            raise Absent()
        return tenant

    def settings_answer(self, row: TenantSettings) -> Response:
        tenant = Tenant.objects.get(pk=row.tenant_id)
        return self.tagged(client.settings(row, tenant), row)

    def modules_answer(self, row: TenantSettings) -> Response:
        return self.tagged(client.modules(row), row)

    def branding_answer(self, row: TenantSettings) -> Response:
        tenant = Tenant.objects.get(pk=row.tenant_id)
        return self.tagged(client.branding(row, tenant), row)

    def branding_changes(self, data: dict[str, Any]) -> dict[str, Any]:
        names = {"colour": "brand_colour", "accent": "brand_accent"}
        return {names.get(field, field): value for field, value in data.items()}
