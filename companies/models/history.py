"""What happened to a company: ratings that people gave it, and mergers of its rows."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from companies.models.company import Company
from companies.models.following import FollowsCompany
from tenants.kernel.owned import OrganizationOwned


class RatingScheme(models.TextChoices):
    MASTER_SCALE = "master_scale", "Grade of the master scale"
    FREE = "free", "Own wording"


class RatingChange(FollowsCompany):
    """One decision on a company's internal rating. Never changed; an empty rating withdraws."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="rating_changes")
    rating = models.CharField(max_length=20, blank=True)
    before = models.CharField(max_length=20, blank=True)
    scheme = models.CharField(max_length=12, choices=RatingScheme.choices)
    reason = models.CharField(max_length=500)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by_id = models.UUIDField(null=True, editable=False)

    class Meta(FollowsCompany.Meta):
        ordering = ["-id"]
        indexes = [models.Index(fields=["company", "-id"], name="rating_newest")]

    def __str__(self) -> str:
        return self.rating or "withdrawn"


class CompanyMerge(OrganizationOwned):
    """Two entries of one company made into one; holds what is needed to take it back."""

    survivor = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="merges")
    merged = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="+")
    moved = models.JSONField(default=dict, help_text="Ids of the rows that moved, by table.")
    kept = models.JSONField(
        default=dict, help_text="How many rows stayed because the survivor has the period, by table."
    )
    learnt = models.JSONField(
        default=dict, help_text="What the survivor took over: [before, after] by field."
    )
    reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by_id = models.UUIDField(null=True, editable=False)
    undone_at = models.DateTimeField(null=True, editable=False)
    undone_by_id = models.UUIDField(null=True, editable=False)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.merged_id} into {self.survivor_id}"
