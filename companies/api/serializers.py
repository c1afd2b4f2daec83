"""Shapes of companies."""

from __future__ import annotations

from rest_framework import serializers

from companies.models import Company


class CompanyOut(serializers.ModelSerializer[Company]):
    market_cap = serializers.FloatField(allow_null=True, help_text="Millions of the company's currency.")

    class Meta:
        model = Company
        fields = (
            "id",
            "symbol",
            "name",
            "sector",
            "currency",
            "market_cap",
            "organization_id",
            "created_at",
            "updated_at",
        )
