"""Shapes of organizations."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from organizations.models import Organization


class OrganizationOut(serializers.ModelSerializer[Organization]):
    class Meta:
        model = Organization
        fields = (
            "id",
            "name",
            "slug",
            "description",
            "state",
            "is_default",
            "max_users",
            "default_role",
            "allow_global_data_access",
            "created_at",
        )


class OrganizationIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200)
    description = serializers.CharField(required=False, allow_blank=True)
