"""An organization's own model, and what it thinks of the organization's predictions."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from predictions.models import Prediction
from tenants.kernel.owned import OrganizationOwned


class TrainingState(models.TextChoices):
    PENDING = "pending", "Waiting"
    TRAINING = "training", "Training"
    READY = "ready", "Ready"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Failed"


UNTRAINED = (TrainingState.PENDING, TrainingState.TRAINING)


class OwnModel(OrganizationOwned):
    """A labelled file and the model that was learnt from it, with its validation report."""

    name = models.CharField(max_length=100)
    state = models.CharField(max_length=10, choices=TrainingState.choices, default=TrainingState.PENDING)
    target_column = models.CharField(max_length=200)
    date_column = models.CharField(max_length=200, blank=True)
    entity_column = models.CharField(max_length=200, blank=True)
    original_filename = models.CharField(max_length=255)
    path = models.CharField(max_length=300, editable=False)
    file_sha256 = models.CharField(max_length=64, editable=False)
    rows = models.PositiveIntegerField(default=0)
    columns = models.JSONField(default=list, help_text="What the model learnt from, in its order.")
    report = models.JSONField(null=True, help_text="The validation report.")
    model_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.CharField(max_length=300, blank=True)
    compared_at = models.DateTimeField(null=True, help_text="When it last scored beside the champion.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by_id = models.UUIDField(null=True, editable=False)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="own_model_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class OwnScore(OrganizationOwned):
    """A PD by an own model, beside the champion's of the same prediction."""

    own_model = models.ForeignKey(OwnModel, on_delete=models.CASCADE, related_name="scores", db_index=False)
    prediction = models.ForeignKey(Prediction, on_delete=models.CASCADE, related_name="+")
    pd = models.FloatField()
    champion_pd = models.FloatField()
    missing = models.FloatField(help_text="Share of the model's columns that the prediction lacks.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(OrganizationOwned.Meta):
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["own_model", "prediction"], name="own_score_once"),
        ]

    def __str__(self) -> str:
        return f"{self.pd:.4f}"
