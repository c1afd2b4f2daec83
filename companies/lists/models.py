"""What people keep about companies: lists to watch, notes to each other, and what they looked at last."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from companies.models import Company, FollowsCompany
from tenants.kernel.owned import OrganizationOwned


class Watchlist(OrganizationOwned):
    """A named list of companies: its maker's alone, or shared with the whole organization."""

    name = models.CharField(max_length=80)
    description = models.CharField(max_length=300, blank=True)
    shared = models.BooleanField(default=False, help_text="Whether the whole organization sees it.")
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    created_by_id = models.UUIDField(null=True, editable=False)

    class Meta(OrganizationOwned.Meta):
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "created_by_id", "name"],
                nulls_distinct=False,
                name="watchlist_name_once",
            )
        ]

    def __str__(self) -> str:
        return self.name


class WatchlistEntry(FollowsCompany):
    """A company on a list."""

    once_by = ("watchlist_id",)

    watchlist = models.ForeignKey(Watchlist, on_delete=models.CASCADE, related_name="entries")
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="watchlist_entries")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by_id = models.UUIDField(null=True, editable=False)

    class Meta(FollowsCompany.Meta):
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["watchlist", "company"], name="watchlist_entry_once")]

    def __str__(self) -> str:
        return f"{self.company_id} on {self.watchlist_id}"


class Note(FollowsCompany):
    """What somebody wrote about a company, or in reply to a note."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="notes")
    in_reply_to = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="replies"
    )
    text = models.TextField(max_length=5000)
    mentions = ArrayField(models.UUIDField(), default=list, blank=True, help_text="People it names.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by_id = models.UUIDField(null=True, editable=False)
    edited_at = models.DateTimeField(null=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta(FollowsCompany.Meta):
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["company", "-id"], name="note_of_company"),
            models.Index(fields=["organization", "-id"], name="note_newest"),
        ]

    def __str__(self) -> str:
        return self.text[:60]


class RecentView(FollowsCompany):
    """When somebody looked at a company last; the newest few of each person are kept."""

    once_by = ("user_id",)

    user_id = models.UUIDField(editable=False)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="+")
    viewed_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta(FollowsCompany.Meta):
        ordering = ["-viewed_at"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "user_id", "company"], name="recent_view_once")
        ]
        indexes = [models.Index(fields=["user_id", "-viewed_at"], name="recent_view_newest")]

    def __str__(self) -> str:
        return f"{self.company_id} at {self.viewed_at}"
