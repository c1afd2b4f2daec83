"""A file of companies and statements on its way in: how it is read, what was wrong, what it brought."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from companies.models import Company, SheetChunk, Statement, UploadedSheet
from tenants.kernel.owned import OrganizationOwned


class ImportState(models.TextChoices):
    DRAFT = "draft", "Draft"
    PENDING = "pending", "Pending"
    PROCESSING = "processing", "Processing"
    CHECKED = "checked", "Checked"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    UNDOING = "undoing", "Being undone"
    UNDONE = "undone", "Undone"


UNFINISHED = (ImportState.PENDING, ImportState.PROCESSING)
# In these states somebody is at it.
BUSY = (*UNFINISHED, ImportState.UNDOING)
# In these states the columns may still be changed: nothing has been written.
OPEN = (ImportState.DRAFT, ImportState.CHECKED)
# In these states something may have been written that can be taken back.
UNDOABLE = (ImportState.COMPLETED, ImportState.CANCELLED, ImportState.FAILED)


class Layout(models.TextChoices):
    """What a row is."""

    COMPANIES = "companies", "A company"
    LONG = "long", "A period of a company"
    WIDE = "wide", "A company with several periods side by side"


class Import(UploadedSheet):
    """One uploaded file. ``ok_rows + faulty_rows`` ends at ``total_rows``."""

    state = models.CharField(max_length=10, choices=ImportState.choices, default=ImportState.DRAFT)
    header = models.JSONField(default=list, help_text="The file's own names of its columns.")
    header_row = models.PositiveIntegerField(default=1)
    sheet_name = models.CharField(max_length=100, blank=True)
    fingerprint = models.CharField(
        max_length=64, help_text="Of the header, by which a mapping is remembered."
    )
    mapping = models.JSONField(default=list, help_text="By position the target of each column, '' for none.")
    layout = models.CharField(max_length=10, choices=Layout.choices, default=Layout.COMPANIES)
    unit = models.CharField(max_length=10, default="units", help_text="Of amounts, where the file says none.")
    currency = models.CharField(max_length=3, blank=True, help_text="Where the file says none.")
    total_rows = models.PositiveIntegerField(default=0)
    ok_rows = models.PositiveIntegerField(default=0)
    faulty_rows = models.PositiveIntegerField(default=0)
    warning_count = models.PositiveIntegerField(default=0)
    forecast = models.JSONField(default=dict, help_text="What the dry run says will come of it.")
    counts = models.JSONField(default=dict, help_text="What came of it, by outcome.")
    fault_counts = models.JSONField(default=dict, help_text="Faulty rows by their first reason.")
    confirmed = models.JSONField(
        default=list, help_text="Codes of doubts that its owner has answered with 'it is so'."
    )
    dry = models.BooleanField(default=True, help_text="Stop after the check.")
    only_own = models.BooleanField(
        default=False, help_text="Its owner changes only companies of his own: others learn what they lack."
    )
    planned_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    class Meta(UploadedSheet.Meta):
        indexes = [models.Index(fields=["organization", "-created_at", "-id"], name="import_newest")]

    @property
    def processed_rows(self) -> int:
        return self.ok_rows + self.faulty_rows

    @property
    def progress(self) -> int:
        """Whole percent of rows that are accounted for."""
        if self.state in {ImportState.COMPLETED, ImportState.CHECKED}:
            return 100
        return 100 * self.processed_rows // self.total_rows if self.total_rows else 0


class ImportChunk(SheetChunk):
    """A part of an import's file, read and checked."""

    job = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="chunks")
    ok_rows = models.PositiveIntegerField(default=0)
    faulty_rows = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict)
    fault_counts = models.JSONField(default=dict)

    class Meta(SheetChunk.Meta):
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="import_chunk_once")]


class IssueLevel(models.TextChoices):
    ERROR = "error", "Error"
    WARNING = "warning", "Warning"


class ImportIssue(OrganizationOwned):
    """What is wrong with a cell: with an error its row was left out, with a warning it was taken."""

    job = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="issues", db_index=False)
    row_number = models.PositiveIntegerField()
    level = models.CharField(max_length=8, choices=IssueLevel.choices)
    cell = models.CharField(max_length=12, blank=True, help_text="As a spreadsheet names it, such as D17.")
    column = models.CharField(max_length=100, blank=True, help_text="The file's own name of the column.")
    target = models.CharField(max_length=80, blank=True, help_text="What the column was read as.")
    code = models.CharField(max_length=40)
    message = models.CharField(max_length=300)
    hint = models.CharField(max_length=300, blank=True, help_text="What to do about it.")
    value = models.CharField(max_length=200, blank=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["row_number", "id"]
        indexes = [models.Index(fields=["job", "level", "row_number"], name="import_issue_of_job")]

    def __str__(self) -> str:
        return f"{self.cell or self.row_number}: {self.code}"


class EffectKind(models.TextChoices):
    COMPANY_CREATED = "company_created", "Company created"
    COMPANY_CHANGED = "company_changed", "Company changed"
    STATEMENT_CREATED = "statement_created", "Statement created"
    STATEMENT_RESTATED = "statement_restated", "Statement restated"


class ImportEffect(OrganizationOwned):
    """One thing that an import did, so that it can be traced to its row and taken back."""

    job = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="effects")
    row_number = models.PositiveIntegerField()
    kind = models.CharField(max_length=20, choices=EffectKind.choices)
    company = models.ForeignKey(Company, on_delete=models.SET_NULL, null=True, related_name="+")
    statement = models.ForeignKey(Statement, on_delete=models.SET_NULL, null=True, related_name="+")
    undone = models.BooleanField(default=False)

    class Meta(OrganizationOwned.Meta):
        ordering = ["row_number", "id"]

    def __str__(self) -> str:
        return f"row {self.row_number}: {self.kind}"


class ColumnMapping(OrganizationOwned):
    """How somebody said that files with this header are read; offered for the next one of its kind."""

    fingerprint = models.CharField(max_length=64)
    header = models.JSONField(default=list)
    mapping = models.JSONField(default=list)
    unit = models.CharField(max_length=10, default="units")
    currency = models.CharField(max_length=3, blank=True)
    used_at = models.DateTimeField(default=timezone.now)
    created_by_id = models.UUIDField(null=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-used_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "fingerprint"], name="column_mapping_once")
        ]

    def __str__(self) -> str:
        return f"{len(self.header)} columns"
