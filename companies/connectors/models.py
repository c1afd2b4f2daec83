"""Where an organization takes statements from, each run of it, and which documents were taken."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone

from tenants.kernel.owned import OrganizationOwned


class ConnectorKind(models.TextChoices):
    EDGAR = "edgar", "SEC EDGAR"
    FILE_DROP = "file_drop", "File drop"


class Source(OrganizationOwned):
    """A source that an organization has set up: which connector, with what options, how often."""

    kind = models.CharField(max_length=20, choices=ConnectorKind.choices)
    name = models.CharField(max_length=80)
    options = models.JSONField(default=dict, blank=True, help_text="What the connector is told; no secrets.")
    every_minutes = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(15)],
        help_text="Minutes between runs, 15 at least; empty for a source that is run by hand only.",
    )
    enabled = models.BooleanField(default=True, help_text="A source that is not enabled does not run at all.")
    next_run_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    created_by_id = models.UUIDField(null=True, editable=False)

    class Meta(OrganizationOwned.Meta):
        ordering = ["name", "id"]
        verbose_name = "connector"
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="source_name_once"),
        ]
        indexes = [models.Index(fields=["next_run_at"], name="source_due")]

    def __str__(self) -> str:
        return self.name


class RunState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class Trigger(models.TextChoices):
    SCHEDULE = "schedule", "Schedule"
    HAND = "hand", "By hand"
    COMMAND = "command", "Command"


UNFINISHED = (RunState.QUEUED, RunState.RUNNING)
# Refusals that a run keeps word for word; all are counted.
KEPT_REFUSALS = 500


class Run(OrganizationOwned):
    """One run of a source with its report. Statements are counted by period and version."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="runs")
    trigger = models.CharField(max_length=10, choices=Trigger.choices)
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.QUEUED)
    documents = models.PositiveIntegerField(default=0, help_text="Documents that were fetched.")
    documents_unchanged = models.PositiveIntegerField(
        default=0, help_text="Of these, known with the same content, so not read again."
    )
    companies_new = models.PositiveIntegerField(default=0)
    companies_changed = models.PositiveIntegerField(default=0)
    fetched = models.PositiveIntegerField(default=0, help_text="Statements that the documents hold.")
    new = models.PositiveIntegerField(default=0, help_text="Periods that were not known.")
    restated = models.PositiveIntegerField(default=0, help_text="Further versions of known periods.")
    unchanged = models.PositiveIntegerField(default=0, help_text="Statements that were known already.")
    refused = models.PositiveIntegerField(default=0, help_text="Filings, rows or documents not taken.")
    by_form = models.JSONField(default=dict, help_text="New and restated statements by form.")
    refusals = models.JSONField(
        default=list, help_text=f"The first {KEPT_REFUSALS} refusals: where, code and reason."
    )
    error = models.CharField(max_length=500, blank=True, help_text="Why it failed, in a sentence.")
    queued_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    heartbeat_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    created_by_id = models.UUIDField(null=True, editable=False)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-queued_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["source"],
                condition=models.Q(state__in=["queued", "running"]),
                name="run_one_at_a_time",
            ),
        ]
        indexes = [models.Index(fields=["organization", "-queued_at", "-id"], name="run_newest")]

    def __str__(self) -> str:
        return f"{self.source_id} {self.queued_at:%Y-%m-%d %H:%M}"


class Document(OrganizationOwned):
    """A document of a source as it was taken last: with the same content it is not read again."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="documents")
    key = models.CharField(max_length=300, help_text="The source's name of it.")
    content_hash = models.CharField(max_length=64)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+", help_text="That saw it last.")
    taken_at = models.DateTimeField(default=timezone.now)

    class Meta(OrganizationOwned.Meta):
        ordering = ["key"]
        constraints = [
            models.UniqueConstraint(fields=["source", "key"], name="document_key_once"),
        ]

    def __str__(self) -> str:
        return self.key
