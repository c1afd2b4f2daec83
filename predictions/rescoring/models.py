"""A run that scores companies again, cut into parts that are each done once."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from tenants.kernel.owned import OrganizationOwned


class RunState(models.TextChoices):
    PROCESSING = "processing", "Processing"
    COMPLETED = "completed", "Completed"
    STALLED = "stalled", "Stalled"


class RescoreRun(OrganizationOwned):
    """Companies of one organization on one version of the model. While it is unfinished, asking for the same
    again leads to it."""

    model_version_id = models.UUIDField()
    model_sha256 = models.CharField(max_length=64)
    # What was asked for, so that asking twice is one run: "all", or a hash of the companies.
    subject = models.CharField(max_length=64)
    about = models.CharField(max_length=200, help_text="What is scored again, in words.")
    companies = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by_id = models.UUIDField(null=True, editable=False)
    created_by_label = models.CharField(max_length=254, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "model_sha256", "subject"],
                condition=models.Q(finished_at=None),
                name="rescore_running_once",
            )
        ]
        indexes = [models.Index(fields=["organization", "-created_at", "-id"], name="rescore_newest")]

    def __str__(self) -> str:
        return self.about


class RescorePart(OrganizationOwned):
    """Some companies of a run; its scores and its done-mark are written in one transaction."""

    run = models.ForeignKey(RescoreRun, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    company_ids = ArrayField(models.UUIDField())
    scored = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    failed = models.BooleanField(default=False, help_text="Given up after several attempts.")
    done_at = models.DateTimeField(null=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="rescore_part_once")]

    def __str__(self) -> str:
        return f"{self.run_id} #{self.number}"
