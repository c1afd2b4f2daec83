"""Keys of programs: whose they are, where they open, what they may."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from accounts.models import User
from tenants.kernel.owned import Identified
from tenants.models import Tenant


class ApiKey(Identified):
    """One key. The secret itself is nowhere: only its SHA-256, and its first letters to know it by."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys", editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+", editable=False)
    organization_id = models.UUIDField(null=True, editable=False, help_text="Empty: the whole institution.")
    name = models.CharField(max_length=100)
    hint = models.CharField(max_length=20, help_text="How the secret begins.")
    secret_hash = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=60))
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    last_used_from = models.GenericIPAddressField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_because = models.CharField(max_length=40, blank=True)
    successor = models.OneToOneField("self", on_delete=models.SET_NULL, null=True, related_name="predecessor")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["tenant", "organization_id"], name="api_key_place"),
            models.Index(fields=["user", "tenant"], name="api_key_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    @property
    def state(self) -> str:
        """active, expired or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        return "active" if self.expires_at > timezone.now() else "expired"
