"""Portfolios that are scored again by the clock, and their runs."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from predictions.models import UNFINISHED, JobState, PredictionKind, ScoringJob
from predictions.schedules.clock import DAILY, MONTHLY, WEEKLY, Rule
from tenants.kernel.owned import OrganizationOwned


class Source(models.TextChoices):
    FILE = "file", "The last uploaded file of a name"
    COMPANIES = "companies", "A list of companies"


class Frequency(models.TextChoices):
    DAILY = DAILY, "Daily"
    WEEKLY = WEEKLY, "Weekly"
    MONTHLY = MONTHLY, "Monthly"


class Weekday(models.IntegerChoices):
    MONDAY = 0, "Monday"
    TUESDAY = 1, "Tuesday"
    WEDNESDAY = 2, "Wednesday"
    THURSDAY = 3, "Thursday"
    FRIDAY = 4, "Friday"
    SATURDAY = 5, "Saturday"
    SUNDAY = 6, "Sunday"


class Schedule(OrganizationOwned):
    """A saved portfolio and when it is scored again."""

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=PredictionKind.choices)
    source = models.CharField(max_length=10, choices=Source.choices)
    file_name = models.CharField(
        max_length=255, blank=True, help_text="The last upload of this name is scored again."
    )
    symbols = models.JSONField(default=list, blank=True, help_text="Symbols of the companies.")
    frequency = models.CharField(max_length=10, choices=Frequency.choices)
    at = models.TimeField(help_text="Time of day in the schedule's own zone.")
    weekday = models.PositiveSmallIntegerField(
        choices=Weekday.choices, default=Weekday.MONDAY, help_text="Of weekly runs; 0 is Monday."
    )
    day = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text="Of monthly runs; a day that a month does not have is its last one.",
    )
    time_zone = models.CharField(max_length=64, default="UTC", help_text="Name of the IANA database.")
    subscribers = models.JSONField(default=list, blank=True, help_text="Ids of the users who are told.")
    next_run_at = models.DateTimeField(null=True, editable=False)
    paused_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by_id = models.UUIDField(null=True, editable=False)
    created_by_label = models.CharField(max_length=254, blank=True, editable=False)

    class Meta(OrganizationOwned.Meta):
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="schedule_once")]
        indexes = [
            models.Index(fields=["next_run_at"], name="schedule_due", condition=models.Q(paused_at=None))
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def rule(self) -> Rule:
        """When it is due, for the clock."""
        return Rule(self.frequency, self.at, self.time_zone, self.weekday, self.day)


class Run(OrganizationOwned):
    """One time that a portfolio was scored, or was to be."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="runs")
    job = models.ForeignKey(ScoringJob, on_delete=models.SET_NULL, null=True, related_name="scheduled_runs")
    due_at = models.DateTimeField()
    begun_at = models.DateTimeField(default=timezone.now)
    begun_by_id = models.UUIDField(null=True, help_text="Who asked for it; empty for the clock.")
    refusal = models.CharField(max_length=200, blank=True, help_text="Why nothing could be scored.")
    large_changes = models.PositiveIntegerField(
        null=True, help_text="Companies whose PD moved by more than 5 % since the last run."
    )
    told_at = models.DateTimeField(null=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-id"]
        # Whoever is handed a due time twice starts one run.
        constraints = [models.UniqueConstraint(fields=["schedule", "due_at"], name="run_once")]

    def __str__(self) -> str:
        return f"{self.due_at:%Y-%m-%d %H:%M}"

    @property
    def state(self) -> str:
        """running, completed, failed, cancelled, refused, or gone where the job has been removed."""
        if self.refusal:
            return "refused"
        if self.job is None:
            return "gone"
        return "running" if self.job.state in UNFINISHED else str(JobState(self.job.state))
