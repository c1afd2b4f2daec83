"""Shapes of exports."""

from __future__ import annotations

from typing import Any

from accounts.privacy.models import DataExport
from accounts.recovery.api.serializers import password_field
from tenants.kernel import serializers


class PersonalExportOut(serializers.ModelSerializer[DataExport]):
    class Meta:
        model = DataExport
        fields = ("id", "state", "created_at", "ready_at", "expires_at", "size")


class CloseIn(serializers.Serializer[Any]):
    current_password = password_field()


class PersonalExportsOut(serializers.Serializer[Any]):
    items = PersonalExportOut(many=True)
    total = serializers.IntegerField()
