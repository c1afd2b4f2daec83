"""What the platform tells a person: in the app, beside the letter that may go with it."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.profiles.preferences import NOTICE_KINDS
from tenants.kernel.owned import OrganizationOwned


class Notice(OrganizationOwned):
    """One message to one person about something in one organization."""

    user_id = models.UUIDField(editable=False, help_text="Who is told.")
    kind = models.CharField(max_length=20, choices=list(NOTICE_KINDS.items()))
    title = models.CharField(max_length=200)
    text = models.CharField(max_length=1000, blank=True)
    link = models.CharField(max_length=300, blank=True, help_text="Path of the page that it is about.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by_id = models.UUIDField(null=True, editable=False)
    read_at = models.DateTimeField(null=True, editable=False)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["user_id", "-id"], name="notice_newest"),
            # The count that every page shows asks for a handful of rows, whatever was read long ago.
            models.Index(
                fields=["user_id", "organization"], name="notice_unread", condition=models.Q(read_at=None)
            ),
            models.Index(fields=["created_at"], name="notice_age"),
        ]

    def __str__(self) -> str:
        return self.title
