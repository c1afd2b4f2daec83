"""The directory of tenants, for super admins."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from rest_framework import mixins

from tenants.api.serializers import TenantOut
from tenants.kernel.errors import Absent
from tenants.kernel.viewsets import DeclaredViewSet
from tenants.models import Tenant


class TenantViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, DeclaredViewSet):
    """Institutions and the reserved tenants."""

    serializer_class = TenantOut
    list_aliases: ClassVar[dict[str, str]] = {"list": "tenants"}
    permissions: ClassVar[dict[str, str]] = {"list": "platform.read", "retrieve": "platform.read"}

    def get_queryset(self) -> QuerySet[Any]:
        return Tenant.objects.prefetch_related("domains").order_by("-created_at", "-id")

    def get_object(self) -> Tenant:
        try:
            key = UUID(str(self.kwargs["pk"]))
        except ValueError:
            raise Absent() from None
        tenant = self.get_queryset().filter(pk=key).first()
        if tenant is None:
            raise Absent()
        found: Tenant = tenant
        return found
