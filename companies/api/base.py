"""What every action over companies shares."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.response import Response

from companies.api.filters import by_custom
from companies.api.serializers import CompanyOut
from companies.models import Company
from companies.outlook import outlook
from tenants.kernel.errors import Absent, Forbidden
from tenants.kernel.viewsets import OwnedViewSet

# Actions about companies that are put away.
OF_DELETED = frozenset({"deleted", "restore", "purge"})


class CompanyBase(OwnedViewSet):
    """Rows and answers; the actions are in the classes beside."""

    model = Company

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        if self.action in OF_DELETED:
            gone: QuerySet[Any] = Company.all_objects.exclude(deleted_at=None)
            return gone.order_by("-deleted_at", "-id")
        return rows.order_by("-created_at", "-id")

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        rows = super().filter_queryset(queryset)
        return by_custom(rows, self.request.query_params) if self.action == "list" else rows

    def shown(self, company: Company, status: int = 200) -> Response:
        """One company with its outlook and its state's tag."""
        context = {"outlooks": outlook().of([company.id])}
        return self.tagged(CompanyOut(company, context=context).data, company, status=status)

    def listed(
        self, rows: QuerySet[Any], serializer: type[CompanyOut] = CompanyOut, **context: Any
    ) -> Response:
        """A page of companies with what is thought of each."""
        page = list(self.paginate_queryset(rows) or [])
        context["outlooks"] = outlook().of([row.id for row in page])
        return self.get_paginated_response(serializer(page, many=True, context=context).data)

    def another(self, identifier: UUID, permission: str) -> Company:
        """A second company of the same request, under the rule of the first."""
        row: Company | None = Company.objects.filter(id=identifier).first()
        if row is None:
            raise Absent()
        own = self.principal.only_own(permission, row.organization_id)
        if own and row.created_by_id != self.principal.user_id:
            raise Forbidden("You may change only what you created.", code="not_yours")
        return row


__all__ = ["CompanyBase"]
