"""What came true, what was seen of a week's scores, and what deserves a look."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from companies.models import Company, FollowsCompany
from predictions.models import PredictionKind
from tenants.kernel.owned import OrganizationOwned


class OutcomeKind(models.TextChoices):
    BANKRUPTCY = "bankruptcy", "Bankruptcy filing"
    PAYMENT_DEFAULT = "payment_default", "90 days past due"
    DISTRESSED_EXCHANGE = "distressed_exchange", "Distressed exchange"
    UNLIKELY_TO_PAY = "unlikely_to_pay", "Unlikely to pay"


class Outcome(FollowsCompany):
    """A default of a company."""

    once_by = ("occurred_on",)

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="outcomes")
    occurred_on = models.DateField(help_text="When the default happened.")
    kind = models.CharField(max_length=20, choices=OutcomeKind.choices, default=OutcomeKind.BANKRUPTCY)
    note = models.CharField(max_length=300, blank=True)
    source = models.CharField(max_length=300, blank=True, help_text="File and row; empty if typed in.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by_id = models.UUIDField(null=True, editable=False)

    class Meta(FollowsCompany.Meta):
        ordering = ["-occurred_on", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["company", "occurred_on"], name="outcome_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} on {self.occurred_on}"


class Observation(OrganizationOwned):
    """The scores of one week by one model in one input shape: how many, how bad, how far from development."""

    week = models.DateField(help_text="Its Monday.")
    kind = models.CharField(max_length=10, choices=PredictionKind.choices)
    shape = models.CharField(max_length=20)
    model_sha256 = models.CharField(max_length=64)
    scores = models.PositiveIntegerField()
    looked_at = models.PositiveIntegerField(help_text="Scores whose inputs were compared; a sample if many.")
    mean_pd = models.FloatField()
    levels = models.JSONField(default=dict, help_text="Scores by risk level.")
    missing = models.FloatField(help_text="Mean share of the model's variables that were missing.")
    out_of_range = models.FloatField(help_text="Share of scores with an input beyond the development range.")
    drift = models.JSONField(default=list, help_text="Stability index by variable, the farthest first.")
    observed_at = models.DateTimeField(default=timezone.now)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-week", "kind", "shape"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "week", "kind", "shape", "model_sha256"], name="observation_once"
            ),
        ]

    def __str__(self) -> str:
        return f"week of {self.week}, {self.kind}, {self.shape}"


class AlertLevel(models.TextChoices):
    WATCH = "watch", "Watch"
    ALARM = "alarm", "Alarm"


class Alert(OrganizationOwned):
    """A figure beyond its limit. It closes by itself once the figure is back."""

    subject = models.CharField(max_length=150, help_text="What is watched: measure, kind, shape, variable.")
    level = models.CharField(max_length=5, choices=AlertLevel.choices)
    value = models.FloatField()
    limit = models.FloatField()
    text = models.CharField(max_length=300)
    opened_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now, help_text="When it was last found.")
    closed_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=254, blank=True)
    note = models.CharField(max_length=300, blank=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "subject"],
                condition=models.Q(closed_at__isnull=True),
                name="alert_open_once",
            ),
        ]

    def __str__(self) -> str:
        return self.text
