"""Companies whose risk has changed more than the institution lets pass, and what it lets pass."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from companies.models import Company, FollowsCompany
from predictions.models import Prediction, PredictionKind
from tenants.kernel.owned import SchemaBound, SchemaBoundQuerySet


class FlagRule(SchemaBound):
    """What an institution looks at; one row."""

    only = models.BooleanField(default=True, unique=True, editable=False)
    points = models.FloatField(
        null=True, blank=True, default=0.05, help_text="Absolute change of the PD, 0 to 1."
    )
    relative = models.FloatField(null=True, blank=True, help_text="Change as a share of the PD before.")
    on_level = models.BooleanField(default=True, help_text="Every change of the risk level.")
    reviewed_to = models.UUIDField(null=True, editable=False, help_text="The last score that was looked at.")

    objects = SchemaBoundQuerySet.as_manager()

    def __str__(self) -> str:
        return "flagging rule"


class Flag(FollowsCompany):
    """One change of one company's PD, until somebody acknowledges it or a newer one replaces it."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="flags")
    prediction = models.ForeignKey(Prediction, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=PredictionKind.choices)
    score_id = models.UUIDField(unique=True, editable=False)
    reasons = ArrayField(models.CharField(max_length=10), help_text="points, relative, level.")
    pd = models.FloatField()
    pd_before = models.FloatField()
    risk_level = models.CharField(max_length=8)
    level_before = models.CharField(max_length=8)
    opened_at = models.DateTimeField(default=timezone.now, editable=False)
    replaced_at = models.DateTimeField(null=True, editable=False, help_text="By a newer flag.")
    acknowledged_at = models.DateTimeField(null=True, editable=False)
    acknowledged_by_id = models.UUIDField(null=True, editable=False)
    note = models.CharField(max_length=500, blank=True)

    class Meta(FollowsCompany.Meta):
        ordering = ["-id"]
        indexes = [models.Index(fields=["organization", "-id"], name="flag_newest")]

    def __str__(self) -> str:
        return f"{100 * self.pd_before:.2f} % to {100 * self.pd:.2f} %"
