"""What happens to an institution over its life: suspensions, exports of all its data, its end."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from tenants.kernel.owned import Identified
from tenants.models.directory import Tenant


class Suspension(Identified):
    """A time in which nobody could enter a tenant."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="suspensions")
    reason = models.CharField(max_length=500, blank=True)
    suspended_at = models.DateTimeField(default=timezone.now)
    suspended_by_id = models.UUIDField(null=True)
    lifted_at = models.DateTimeField(null=True)
    lifted_by_id = models.UUIDField(null=True)
    lift_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(lifted_at=None), name="one_open_suspension"
            )
        ]

    def __str__(self) -> str:
        return f"suspension of {self.tenant_id}"


class ExportState(models.TextChoices):
    PENDING = "pending", "Waiting"
    RUNNING = "running", "Running"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"
    EXPIRED = "expired", "Expired"


class TenantExport(Identified):
    """All data of a tenant in open formats: one archive, which can be fetched for some days."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="exports")
    state = models.CharField(max_length=10, choices=ExportState.choices, default=ExportState.PENDING)
    for_deletion = models.BooleanField(default=False)
    requested_by_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    path = models.CharField(max_length=300, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    rows = models.JSONField(default=dict, help_text="Rows by table.")
    files = models.PositiveIntegerField(default=0)
    error_message = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=models.Q(state__in=("pending", "running")),
                name="one_running_export",
            )
        ]

    def __str__(self) -> str:
        return f"export {self.id}"


class DeletionState(models.TextChoices):
    SCHEDULED = "scheduled", "Scheduled"
    CANCELLED = "cancelled", "Cancelled"
    DONE = "done", "Done"


class TenantDeletion(Identified):
    """The order to delete a tenant and, when it is carried out, the stone that stays.

    The tenant is named by its id without a constraint: the row outlives it. Reason and person are
    taken from it by the execution, so that the stone names nobody.
    """

    tenant_id = models.UUIDField(db_index=True)
    state = models.CharField(max_length=10, choices=DeletionState.choices, default=DeletionState.SCHEDULED)
    reason = models.CharField(max_length=500, blank=True)
    ordered_at = models.DateTimeField(default=timezone.now)
    ordered_by_id = models.UUIDField(null=True)
    due_at = models.DateTimeField(db_index=True)
    state_before = models.CharField(max_length=20, help_text="The tenant's, for a cancellation.")
    cancelled_at = models.DateTimeField(null=True)
    cancelled_by_id = models.UUIDField(null=True)
    executed_at = models.DateTimeField(null=True)
    cleaned_at = models.DateTimeField(null=True, help_text="When the last file was gone, too.")
    export_sha256 = models.CharField(max_length=64, blank=True)
    removed = models.JSONField(default=dict, help_text="How much went: rows by table, files, memberships.")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id"], condition=models.Q(state="scheduled"), name="one_scheduled_deletion"
            )
        ]

    def __str__(self) -> str:
        return f"deletion of {self.tenant_id}"
