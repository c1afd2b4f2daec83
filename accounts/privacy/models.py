"""Exports of somebody's data, in the public schema."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.models import User
from tenants.kernel.owned import Identified


class ExportState(models.TextChoices):
    PENDING = "pending", "Pending"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"
    EXPIRED = "expired", "Expired"


class DataExport(Identified):
    """One zip file with everything that is kept of a user, for a few days."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="data_exports")
    state = models.CharField(max_length=10, choices=ExportState.choices, default=ExportState.PENDING)
    created_at = models.DateTimeField(default=timezone.now)
    ready_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    path = models.CharField(max_length=200, blank=True)
    size = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return str(self.id)
