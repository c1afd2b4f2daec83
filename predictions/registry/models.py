"""Versions of the platform's scoring model: which scores, which runs beside it, and who decided so."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone

from tenants.kernel.errors import OutOfScope
from tenants.kernel.owned import Identified


class ModelStatus(models.TextChoices):
    CANDIDATE = "candidate", "Candidate"
    CHAMPION = "champion", "Champion"
    CHALLENGER = "challenger", "Challenger"
    RETIRED = "retired", "Retired"


class Materiality(models.TextChoices):
    """How much hangs on the model: exposure times purpose (SR 26-2 tiers models by it)."""

    HIGH = "high", "High"
    MEDIUM = "medium", "Medium"
    LOW = "low", "Low"


# Months until a version must be reviewed again.
REVIEW_MONTHS = {Materiality.HIGH: 12, Materiality.MEDIUM: 18, Materiality.LOW: 24}


class RegisteredModel(Identified):
    """What a registry knows of a version, whoever's model it is. A table has one champion and one challenger.

    The platform's versions are in public; a tenant's own models take the same base in its schema, so that
    their constraints hold apart.
    """

    name = models.CharField(max_length=100)
    version = models.CharField(max_length=50)
    sha256 = models.CharField(
        max_length=64, unique=True, help_text="Of the manifest, which holds the hash of every file."
    )
    status = models.CharField(max_length=20, choices=ModelStatus.choices, default=ModelStatus.CANDIDATE)
    materiality = models.CharField(max_length=10, choices=Materiality.choices, default=Materiality.HIGH)
    owner = models.CharField(max_length=200, blank=True, help_text="Who answers for the model.")
    purpose = models.CharField(max_length=300, blank=True, help_text="What it may be used for.")
    next_review_on = models.DateField(null=True, blank=True)
    metrics = models.JSONField(default=dict, help_text="Measured figures by input shape.")
    card = models.JSONField(default=dict, help_text="The model card as the training wrote it.")
    created_at = models.DateTimeField(default=timezone.now)
    created_by_label = models.CharField(max_length=254, blank=True)

    class Meta:
        abstract = True
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["status"],
                condition=models.Q(status="champion"),
                name="%(app_label)s_%(class)s_champion",
            ),
            models.UniqueConstraint(
                fields=["status"],
                condition=models.Q(status="challenger"),
                name="%(app_label)s_%(class)s_challenger",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class ModelVersion(RegisteredModel):
    """A version of the platform's model. Its files lie in the storage, under its hash."""

    path = models.CharField(
        max_length=500, blank=True, help_text="Where it was shipped with the code; empty otherwise."
    )

    class Meta(RegisteredModel.Meta):
        pass


class ModelEvent(Identified):
    """One step in the life of a version: who, when, why. Rows are only ever added."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="events")
    verb = models.CharField(max_length=20)
    before = models.CharField(max_length=20, blank=True, help_text="Status before.")
    after = models.CharField(max_length=20, blank=True, help_text="Status after.")
    reason = models.CharField(max_length=500, blank=True)
    actor_id = models.UUIDField(null=True)
    actor_label = models.CharField(max_length=254)
    second_label = models.CharField(max_length=254, blank=True, help_text="Who asked, where two decided.")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.verb} by {self.actor_label}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise OutOfScope("the history of a model is never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise OutOfScope("the history of a model is never deleted")


class RequestState(models.TextChoices):
    PENDING = "pending", "Waiting for a second person"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"


class PromotionRequest(Identified):
    """A promotion that waits for a second person."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="requests")
    replaces = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=RequestState.choices, default=RequestState.PENDING)
    reason = models.CharField(max_length=500)
    requested_by_id = models.UUIDField(null=True)
    requested_by_label = models.CharField(max_length=254)
    requested_at = models.DateTimeField(default=timezone.now)
    decided_by_id = models.UUIDField(null=True)
    decided_by_label = models.CharField(max_length=254, blank=True)
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["version"], condition=models.Q(state="pending"), name="one_pending_promotion"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="approved") | ~models.Q(decided_by_id=models.F("requested_by_id")),
                name="promotion_by_two",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version}: {self.get_state_display()}"


class ReportState(models.TextChoices):
    PENDING = "pending", "Waiting"
    RUNNING = "running", "Being made"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


UNFINISHED_REPORTS = (ReportState.PENDING, ReportState.RUNNING)


class ValidationReport(Identified):
    """A validation report of a version: as data here, as a PDF in the storage."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="reports")
    state = models.CharField(max_length=10, choices=ReportState.choices, default=ReportState.PENDING)
    recomputed = models.BooleanField(
        default=False, help_text="Counted anew from the development data; else from what the model brought."
    )
    content = models.JSONField(default=dict)
    path = models.CharField(max_length=300, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of the PDF.")
    error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by_label = models.CharField(max_length=254, blank=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["version"],
                condition=models.Q(state__in=["pending", "running"]),
                name="one_report_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"validation of {self.version_id}"


class ShadowComparison(Identified):
    """How a challenger and a champion agree in one tenant: counts only, no row and no name."""

    challenger = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="comparisons")
    champion = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    tenant_id = models.UUIDField()
    scores = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["challenger", "champion", "tenant_id"], name="comparison_once")
        ]

    def __str__(self) -> str:
        return f"{self.scores} scores"
