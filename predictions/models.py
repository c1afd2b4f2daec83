"""Predictions: a head that stays, immutable scores behind it, and the jobs that score files."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from companies.models import (
    FIRST_YEAR,
    LAST_YEAR,
    Company,
    FollowsCompany,
    SheetChunk,
    Statement,
    UploadedSheet,
)
from predictions.periods import quarter_text
from tenants.kernel.errors import OutOfScope
from tenants.kernel.owned import OrganizationOwned


class PredictionKind(models.TextChoices):
    ANNUAL = "annual", "Annual"
    QUARTERLY = "quarterly", "Quarterly"


class RiskLevel(models.TextChoices):
    LOW = "LOW", "Low"
    MEDIUM = "MEDIUM", "Medium"
    HIGH = "HIGH", "High"
    CRITICAL = "CRITICAL", "Critical"


class Prediction(FollowsCompany):
    """What is thought of a company for a period; points to the score that holds now.

    ``pd`` and ``risk_level`` repeat the current score, so that ranking and counting need no join.
    """

    once_by = ("kind", "fiscal_year", "fiscal_quarter")

    # Its own index is the prefix of two others below (decision 0028 argues every index and constraint here).
    # That company and organization are there and agree is seen to in sets (predictions.chain).
    organization = models.ForeignKey(
        "organizations.Organization",
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        db_index=False,
        db_constraint=False,
    )
    # The unique constraint begins with the company.
    company = models.ForeignKey(
        Company, on_delete=models.CASCADE, related_name="predictions", db_index=False, db_constraint=False
    )
    kind = models.CharField(max_length=10, choices=PredictionKind.choices)
    fiscal_year = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(FIRST_YEAR), MaxValueValidator(LAST_YEAR)]
    )
    fiscal_quarter = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(4)]
    )
    quarter_label = models.CharField(
        max_length=2,
        blank=True,
        help_text="A quarter that came with an annual row: kept, but no part of the key.",
    )
    current = models.ForeignKey(
        "predictions.Score",
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        editable=False,
        db_constraint=False,
    )
    pd = models.FloatField(null=True, editable=False, help_text="One-year probability of default, 0 to 1.")
    risk_level = models.CharField(max_length=8, choices=RiskLevel.choices, blank=True, editable=False)
    # Kept by a trigger, whoever writes (predictions.standing).
    latest = models.BooleanField(
        db_default=True, editable=False, help_text="The newest period of its company and kind."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by_id = models.UUIDField(null=True, editable=False)

    class Meta(FollowsCompany.Meta):
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["company", "kind", "fiscal_year", "fiscal_quarter"],
                nulls_distinct=False,
                name="prediction_once",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="annual", fiscal_quarter__isnull=True)
                | models.Q(kind="quarterly", fiscal_quarter__isnull=False),
                name="prediction_quarter_fits",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=~models.Q(company_deleted_at=None), name="prediction_hidden"
            ),
            # Newest first is these two read backwards: new rows go to the end, where a page fills up whole.
            models.Index(fields=["organization", "kind", "created_at", "id"], name="prediction_newest"),
            # Who reaches several organizations reads across them in this order.
            models.Index(fields=["kind", "created_at", "id"], name="prediction_newest_of_all"),
            models.Index(fields=["kind", "-pd", "-id"], name="prediction_worst_of_all"),
            models.Index(
                fields=["kind", "-pd", "id"],
                include=["organization", "risk_level", "company", "fiscal_year"],
                condition=models.Q(latest=True),
                name="prediction_standing",
            ),
        ]

    def __str__(self) -> str:
        quarter = f" Q{self.fiscal_quarter}" if self.fiscal_quarter else ""
        return f"{self.kind} {self.fiscal_year}{quarter}"

    @property
    def version(self) -> str:
        """The score that holds now: each change of a prediction appends one."""
        return str(self.current_id)

    @property
    def quarter_text(self) -> str | None:
        """The quarter as people write it."""
        return quarter_text(self.fiscal_quarter, self.quarter_label)


class Score(OrganizationOwned):
    """One run of one model version on one set of inputs. Never changed."""

    # What its prediction's company says as well, kept beside it for the guard of the scope: PostgreSQL checks
    # the chain score, prediction, company, organization, and not the shortcuts (decision 0028).
    organization = models.ForeignKey(
        "organizations.Organization",
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        db_index=False,
        db_constraint=False,
    )
    prediction = models.ForeignKey(
        Prediction, on_delete=models.CASCADE, related_name="scores", db_constraint=False
    )
    job = models.ForeignKey(
        "predictions.ScoringJob",
        on_delete=models.SET_NULL,
        null=True,
        related_name="scores",
        db_index=False,
        db_constraint=False,
    )
    row_number = models.PositiveIntegerField(
        null=True, help_text="Row of the job's file, the header being 1."
    )
    model_version_id = models.UUIDField()
    model_sha256 = models.CharField(max_length=64)
    input_hash = models.CharField(max_length=64)
    shape = models.CharField(max_length=20, help_text="Which inputs the score rests on.")
    inputs = models.JSONField(
        help_text="What was scored: ratios, line items in USD millions, earlier periods."
    )
    pd = models.FloatField(help_text="After the floor.")
    pd_raw = models.FloatField()
    risk_level = models.CharField(max_length=8, choices=RiskLevel.choices)
    grade = models.CharField(
        max_length=20, blank=True, help_text="On the master scale that held when it was scored."
    )
    members = models.JSONField(help_text="The members' PDs by name.")
    low = models.FloatField(null=True, help_text="Lower end of the 90 % interval.")
    high = models.FloatField(null=True, help_text="Upper end of the 90 % interval.")
    confidence = models.FloatField()
    confidence_level = models.CharField(max_length=10)
    confidence_reasons = models.JSONField(default=list)
    drivers = models.JSONField(
        null=True, help_text="Null where they were not asked for: computed on reading."
    )
    warnings = models.JSONField(default=list)
    # Null for inputs that stand in no statement: a file of ratios, a single request.
    statement = models.ForeignKey(
        Statement,
        on_delete=models.SET_NULL,
        null=True,
        related_name="scores",
        db_index=False,
        help_text="The very version that was scored.",
    )
    history_ids = ArrayField(
        models.UUIDField(),
        null=True,
        help_text="Versions of earlier periods that it looked back at, the nearest first.",
    )
    created_at = models.DateTimeField(default=timezone.now)
    created_by_id = models.UUIDField(null=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["job", "-pd", "id"], name="score_of_job_worst"),
            # Partial: scores of files, which come by the million, have no statement.
            models.Index(
                fields=["statement"],
                condition=models.Q(statement__isnull=False),
                name="score_of_statement",
            ),
        ]
        constraints = [
            # A row of a file is scored once, whoever is handed its chunk how often.
            models.UniqueConstraint(fields=["job", "row_number"], name="score_row_once")
        ]

    def __str__(self) -> str:
        return f"{self.pd:.4f}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise OutOfScope("scores are never changed; append a new one")
        super().save(*args, **kwargs)


class ShadowScore(OrganizationOwned):
    """What the challenger would have said of what the champion scored. Shown to nobody as a PD, and dropped
    after SHADOW_RETENTION_DAYS."""

    score = models.ForeignKey(Score, on_delete=models.CASCADE, related_name="shadows")
    model_version_id = models.UUIDField()
    model_sha256 = models.CharField(max_length=64)
    pd = models.FloatField()
    risk_level = models.CharField(max_length=8, choices=RiskLevel.choices)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["score", "model_version_id"], name="shadow_once")]
        indexes = [models.Index(fields=["model_version_id", "-id"], name="shadow_of_model")]

    def __str__(self) -> str:
        return f"{self.pd:.4f}"


class JobState(models.TextChoices):
    PENDING = "pending", "Pending"
    PROCESSING = "processing", "Processing"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    UNDOING = "undoing", "Being undone"
    UNDONE = "undone", "Undone"
    DELETING = "deleting", "Being deleted"


UNFINISHED = (JobState.PENDING, JobState.PROCESSING)
# What a job brought is being taken away: nobody else may touch it meanwhile.
GOING = (JobState.UNDOING, JobState.DELETING)


class JobPriority(models.TextChoices):
    URGENT = "urgent", "Urgent"
    NORMAL = "normal", "Normal"
    LOW = "low", "Low"


class ScoringJob(UploadedSheet):
    """One uploaded file, scored in chunks. ``scored + refused`` ends at ``total_rows``."""

    kind = models.CharField(max_length=10, choices=PredictionKind.choices)
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.PENDING)
    priority = models.CharField(
        max_length=6, choices=JobPriority.choices, default=JobPriority.NORMAL, db_default=JobPriority.NORMAL
    )
    sheet = models.CharField(max_length=255, blank=True, help_text="Of a workbook, the sheet that is scored.")
    columns = models.JSONField(default=dict, help_text="Our name of a column to the file's.")
    unknown_columns = models.JSONField(default=list)
    # Of the amounts, where the file itself says none.
    unit = models.CharField(max_length=10, default="units")
    currency = models.CharField(max_length=3, blank=True)
    total_rows = models.PositiveIntegerField(default=0)
    total_companies = models.PositiveIntegerField(default=0)
    scored_rows = models.PositiveIntegerField(default=0)
    refused_rows = models.PositiveIntegerField(default=0)
    warning_count = models.PositiveIntegerField(default=0)
    level_counts = models.JSONField(default=dict, help_text="Scored rows by risk level.")
    refused_counts = models.JSONField(default=dict, help_text="Refused rows by reason.")
    undone = models.JSONField(
        default=dict, db_default={}, help_text="What an undo has taken away: scores, predictions, companies."
    )
    # Set when the file is cut: every part is scored by the same version, whatever is promoted meanwhile.
    model_version_id = models.UUIDField(null=True)
    model_sha256 = models.CharField(max_length=64, blank=True)
    only_own = models.BooleanField(
        default=False, help_text="Its owner changes only what is his own: rows of colleagues are refused."
    )
    planned_at = models.DateTimeField(null=True)
    chunk_rows = models.PositiveIntegerField(
        default=0, help_text="Rows of a chunk, fixed when the file came, so that a broken cut goes on."
    )
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)

    class Meta(UploadedSheet.Meta):
        indexes = [models.Index(fields=["organization", "-created_at", "-id"], name="job_newest")]

    @property
    def processed_rows(self) -> int:
        return self.scored_rows + self.refused_rows

    @property
    def progress(self) -> int:
        """Whole percent of rows that are accounted for."""
        if self.state == JobState.COMPLETED:
            return 100
        return 100 * self.processed_rows // self.total_rows if self.total_rows else 0

    @property
    def seconds(self) -> float | None:
        """Run time so far, or in all."""
        if self.started_at is None:
            return None
        return max(((self.completed_at or timezone.now()) - self.started_at).total_seconds(), 0.001)


class JobChunk(SheetChunk):
    """A part of a portfolio file, or some of its rows once it was split."""

    job = models.ForeignKey(ScoringJob, on_delete=models.CASCADE, related_name="chunks")
    row_numbers = ArrayField(
        models.PositiveIntegerField(),
        null=True,
        help_text="Those rows of the part that this chunk is for, once it was split; null: all of them.",
    )
    duplicates = models.JSONField(default=dict, help_text="Row to the earlier row with the same key.")
    scored_rows = models.PositiveIntegerField(default=0)
    refused_rows = models.PositiveIntegerField(default=0)
    level_counts = models.JSONField(default=dict)
    refused_counts = models.JSONField(default=dict)

    class Meta(SheetChunk.Meta):
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="chunk_once")]


class Severity(models.TextChoices):
    ERROR = "error", "Error"
    WARNING = "warning", "Warning"


class RowIssue(OrganizationOwned):
    """What is wrong with a row: as an error it was refused, with a warning it was scored all the same."""

    job = models.ForeignKey(ScoringJob, on_delete=models.CASCADE, related_name="issues", db_index=False)
    row_number = models.PositiveIntegerField()
    severity = models.CharField(max_length=8, choices=Severity.choices)
    column = models.CharField(max_length=100, blank=True)
    code = models.CharField(max_length=40)
    message = models.CharField(max_length=300)
    value = models.CharField(max_length=200, blank=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["row_number", "id"]
        indexes = [models.Index(fields=["job", "severity", "row_number"], name="issue_of_job")]

    def __str__(self) -> str:
        return f"row {self.row_number}: {self.code}"
