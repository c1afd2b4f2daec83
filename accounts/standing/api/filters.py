"""Filters of the list of users."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from django.db.models import Q, QuerySet

from accounts.models import Membership, User, UserState
from accounts.permissions import Role
from tenants.kernel.filters import BooleanFilter


class UserFilter(django_filters.FilterSet):  # type: ignore[misc]
    search = django_filters.CharFilter(method="by_text", label="Part of the address or the name.")
    is_active = BooleanFilter(field_name="is_active", label="Whether the account is active.")
    state = django_filters.ChoiceFilter(field_name="state", choices=UserState.choices)
    email_verified = BooleanFilter(
        field_name="email_verified_at",
        lookup_expr="isnull",
        exclude=True,
        label="Whether the address is proved.",
    )
    role = django_filters.ChoiceFilter(
        method="by_role",
        choices=[(r.value, r.value) for r in Role],
        label="A role of a membership, or super_admin.",
    )
    organization_id = django_filters.UUIDFilter(method="by_organization", label="Members of an organization.")
    tenant_id = django_filters.UUIDFilter(method="by_tenant", label="Members of a tenant.")
    ordering = django_filters.OrderingFilter(
        fields={"email": "email", "created_at": "created_at", "last_login": "last_login"}
    )

    class Meta:
        model = User
        fields: ClassVar[list[str]] = []

    def by_text(self, users: QuerySet[User], name: str, value: str) -> QuerySet[User]:
        return users.filter(Q(email__icontains=value) | Q(profile__full_name__icontains=value))

    def by_role(self, users: QuerySet[User], name: str, value: str) -> QuerySet[User]:
        if value == Role.SUPER_ADMIN:
            return users.filter(is_super_admin=True)
        return self._members(users, role=value)

    def by_organization(self, users: QuerySet[User], name: str, value: Any) -> QuerySet[User]:
        return self._members(users, organization_id=value)

    def by_tenant(self, users: QuerySet[User], name: str, value: Any) -> QuerySet[User]:
        return self._members(users, tenant_id=value)

    def _members(self, users: QuerySet[User], **wanted: Any) -> QuerySet[User]:
        # Within the caller's reach: where else somebody is a member is no business of his.
        reach = getattr(self.request, "users_reach", {})
        held = Membership.objects.filter(**wanted).filter(**reach)
        return users.filter(id__in=held.values("user_id"))
