"""The history of who was let in and shut out, in the public schema."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.models import User
from tenants.kernel.owned import Identified
from tenants.models import Tenant


class Change(models.TextChoices):
    ACTIVATED = "activated", "Activated"
    DEACTIVATED = "deactivated", "Deactivated"
    SUSPENDED = "suspended", "Suspended"
    LIFTED = "lifted", "Suspension lifted"
    ARCHIVED = "archived", "Archived"
    REMOVED = "removed", "Removed"


class StatusChange(Identified):
    """One change of a user's standing: on the platform, in a tenant, or in one organization of it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="status_changes")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, null=True, related_name="+")
    organization_id = models.UUIDField(null=True)
    change = models.CharField(max_length=20, choices=Change.choices)
    reason = models.CharField(max_length=500, blank=True)
    until = models.DateTimeField(null=True, help_text="When a suspension lifts itself.")
    by_id = models.UUIDField(null=True, help_text="Who did it; empty: the platform itself.")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.change} {self.user_id}"
