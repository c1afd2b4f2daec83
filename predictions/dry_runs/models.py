"""A portfolio file that is read to its last cell and not scored: what it holds, and what is wrong with it."""

from __future__ import annotations

from django.db import models

from companies.models import UploadedSheet
from predictions.models import PredictionKind, ScoringJob


class DryRunState(models.TextChoices):
    PENDING = "pending", "Pending"
    CHECKING = "checking", "Checking"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"


UNFINISHED = (DryRunState.PENDING, DryRunState.CHECKING)


class DryRun(UploadedSheet):
    """One file, looked through. The job that scores its good rows has the same id and stored file."""

    kind = models.CharField(max_length=10, choices=PredictionKind.choices)
    state = models.CharField(max_length=8, choices=DryRunState.choices, default=DryRunState.PENDING)
    format = models.CharField(max_length=10, help_text="csv, csv.gz, xlsx or parquet.")
    sheet = models.CharField(max_length=255, blank=True)
    unit = models.CharField(max_length=10, default="units")
    currency = models.CharField(max_length=3, blank=True)
    priority = models.CharField(max_length=10, blank=True, help_text="Of the job, where one was asked for.")
    only_own = models.BooleanField(default=False)
    total_rows = models.PositiveIntegerField(default=0, help_text="A guess until the file is read.")
    read_rows = models.PositiveIntegerField(default=0)
    scorable_rows = models.PositiveIntegerField(default=0)
    refused_rows = models.PositiveIntegerField(default=0)
    refused_counts = models.JSONField(default=dict, help_text="Refused rows by the first reason of each.")
    error_counts = models.JSONField(default=dict, help_text="Findings that refuse their row, by code.")
    warning_counts = models.JSONField(
        default=dict, help_text="Other findings, by code: their rows are scored."
    )
    columns = models.JSONField(default=list, help_text="The file's columns in their order, with statistics.")
    missing_columns = models.JSONField(default=list, help_text="Without these no row can be scored.")
    absent_inputs = models.JSONField(default=list, help_text="Inputs that no column of the file holds.")
    suspicions = models.JSONField(default=list)
    findings = models.JSONField(default=list, help_text="The first findings; the file has all.")
    findings_count = models.PositiveIntegerField(default=0)
    findings_path = models.CharField(max_length=300, blank=True, editable=False)
    blocked_code = models.CharField(max_length=40, blank=True)
    blocked_detail = models.CharField(max_length=200, blank=True)
    # Of the same id; gone with it.
    job = models.OneToOneField(ScoringJob, on_delete=models.CASCADE, null=True, related_name="dry_run")
    completed_at = models.DateTimeField(null=True)

    class Meta(UploadedSheet.Meta):
        indexes = [models.Index(fields=["organization", "-created_at", "-id"], name="dry_run_newest")]

    @property
    def can_proceed(self) -> bool:
        """Whether its good rows may be scored now."""
        return (
            self.state == DryRunState.READY
            and self.job_id is None
            and not self.blocked_code
            and self.scorable_rows > 0
        )

    @property
    def progress(self) -> int:
        """Whole percent of rows that are read."""
        if self.state == DryRunState.READY:
            return 100
        return min(99, 100 * self.read_rows // self.total_rows) if self.total_rows else 0
