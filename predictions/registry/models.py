"""Versions of the platform's scoring model. A score names the version and its hash."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from tenants.kernel.owned import Identified


class ModelStatus(models.TextChoices):
    CANDIDATE = "candidate", "Candidate"
    CHAMPION = "champion", "Champion"
    RETIRED = "retired", "Retired"


class ModelVersion(Identified):
    """A trained ensemble: where its folder lies, its hash and how it was measured."""

    name = models.CharField(max_length=100)
    version = models.CharField(max_length=50)
    sha256 = models.CharField(max_length=64, unique=True)
    path = models.CharField(max_length=500)
    status = models.CharField(max_length=20, choices=ModelStatus.choices, default=ModelStatus.CANDIDATE)
    card = models.JSONField(default=dict, help_text="The model card as the training wrote it.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["status"], condition=models.Q(status="champion"), name="one_champion"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"
