"""A list that leaves as a file: asked for, made in the background, kept for a while."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from tenants.kernel.owned import OrganizationOwned
from tenants.kernel.request import Actor


class ExportState(models.TextChoices):
    PENDING = "pending", "Pending"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"
    EXPIRED = "expired", "Expired"


class FileType(models.TextChoices):
    CSV = "csv", "CSV"
    XLSX = "xlsx", "Excel workbook"


class Export(OrganizationOwned):
    """One file of a list. It holds what its maker could see, so nobody else may fetch it."""

    list_code = models.CharField(max_length=40, help_text="Which list.")
    type = models.CharField(max_length=5, choices=FileType.choices, default=FileType.CSV)
    filters = models.JSONField(default=dict, help_text="As the list itself takes them.")
    state = models.CharField(max_length=8, choices=ExportState.choices, default=ExportState.PENDING)
    reach = models.JSONField(default=list, help_text="Ids of the organizations whose rows are in it.")
    path = models.CharField(max_length=300, blank=True, editable=False)
    filename = models.CharField(max_length=120, blank=True)
    rows = models.PositiveIntegerField(default=0)
    file_size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    error_message = models.CharField(max_length=200, blank=True)
    sent_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    created_by_id = models.UUIDField(null=True)
    created_by_label = models.CharField(max_length=254, blank=True)
    completed_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    fetched_at = models.DateTimeField(null=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["organization", "-created_at", "-id"], name="export_newest")]

    def __str__(self) -> str:
        return self.filename or self.list_code

    @property
    def owner(self) -> Actor:
        """In whose name it is made."""
        return Actor(self.created_by_id, self.created_by_label)
