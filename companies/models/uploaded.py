"""A sheet that somebody has uploaded, whatever becomes of its rows."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from django.utils import timezone

from tenants.kernel.owned import OrganizationOwned
from tenants.kernel.request import Actor


class UploadedSheet(OrganizationOwned):
    """Where the file lies, and in whose name its rows are made."""

    original_filename = models.CharField(max_length=255)
    path = models.CharField(max_length=300, editable=False)
    file_size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    error_message = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by_id = models.UUIDField(null=True)
    created_by_label = models.CharField(max_length=254, blank=True)

    class Meta(OrganizationOwned.Meta):
        abstract = True
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.original_filename

    @property
    def owner(self) -> Actor:
        """Who stays responsible, whichever process works on it."""
        return Actor(self.created_by_id, self.created_by_label)


class SheetChunk(OrganizationOwned):
    """A part of a ``job``'s file. What it brings and its done-mark are written in one transaction."""

    job_id: UUID
    number = models.PositiveIntegerField()
    path = models.CharField(max_length=300)
    rows = models.PositiveIntegerField()
    sent_at = models.DateTimeField(null=True, help_text="When it was last handed to the queue.")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often somebody began with it.")
    done_at = models.DateTimeField(null=True)
    warning_count = models.PositiveIntegerField(default=0)

    class Meta(OrganizationOwned.Meta):
        abstract = True
        ordering = ["number"]

    def __str__(self) -> str:
        return f"{self.job_id} #{self.number}"
