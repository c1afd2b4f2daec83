"""Tokens that were mailed, in the public schema. Only their hashes are kept."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.models import User
from tenants.kernel.owned import Identified


class Purpose(models.TextChoices):
    VERIFY = "verify", "Prove an address"
    RESET = "reset", "Set a new password"


class MailedToken(Identified):
    """One link in one letter: good for one thing, once, for a time."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="mailed_tokens")
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the token.")
    email = models.EmailField(help_text="Where it was sent: what it proves.")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["user", "purpose"], name="mailed_of_user")]

    def __str__(self) -> str:
        return f"{self.purpose} {self.id}"


class PendingInstitution(Identified):
    """What somebody who registered wants to open, kept until his address is proved."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="pending_institution")
    name = models.CharField(max_length=200)
    organization_name = models.CharField(max_length=200, blank=True)
    schema_name = models.CharField(
        max_length=63, blank=True, help_text="On whose host he registered; empty: on the platform's."
    )
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name
