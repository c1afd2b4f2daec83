"""The end of a tenant: ordered, waited for, and carried out so that nothing is left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.db import transaction
from django.utils import timezone

from tenants import metering, provisioning, selectors
from tenants.exporting import rows_of_public
from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.errors import Conflict
from tenants.kernel.files import remove_folder
from tenants.kernel.request import SYSTEM, Actor
from tenants.models import (
    DeletionState,
    ExportState,
    PlatformIdempotencyRecord,
    Tenant,
    TenantDeletion,
    TenantState,
)
from tenants.services.base import field_error, forget_on_commit, locked, save_changed
from tenants.services.exports import FOLDER, export_request

logger = structlog.get_logger(__name__)
# Where the console's session keeps its tenant (accounts.middleware).
SESSION_KEY = "auth_session"


@transaction.atomic
def deletion_schedule(*, tenant_id: UUID, slug: str, reason: str, actor: Actor) -> TenantDeletion:
    """Order a tenant's end: nobody enters it any more, an export is made, and after the grace it goes.

    ``slug`` is typed by the caller to show that he means this one. Raises InvalidInput for another.
    """
    with in_public():
        tenant = locked(tenant_id)
        if slug.strip() != tenant.slug:
            raise field_error("slug", "mismatch", f"Type the short name of the tenant, {tenant.slug}.")
        due = timezone.now() + timedelta(days=selectors.platform_settings().deletion_grace_days)
        deletion = TenantDeletion.objects.create(
            tenant_id=tenant.id,
            reason=reason,
            ordered_by_id=actor.user_id,
            due_at=due,
            state_before=tenant.state,
        )
        change = {"state": [tenant.state, TenantState.CLOSING], "reason": reason, "due": due.isoformat()}
        tenant.state = TenantState.CLOSING
        save_changed(tenant, "state")
        audit.record("tenants.deletion.scheduled", on=tenant, changes=change, actor=actor)
        # Kept as long as the tenant: it goes with it.
        export_request(tenant_id=tenant.id, for_deletion=True, until=due + timedelta(days=7), actor=actor)
        forget_on_commit(tenant)
    return deletion


@transaction.atomic
def deletion_cancel(*, tenant_id: UUID, reason: str = "", actor: Actor) -> Tenant:
    """Call the deletion off while the grace lasts: the tenant is as it was."""
    with in_public():
        tenant = locked(tenant_id, closing=True)
        deletion = TenantDeletion.objects.filter(tenant_id=tenant_id, state=DeletionState.SCHEDULED).first()
        if deletion is None:
            raise Conflict("No deletion is scheduled.", code="no_deletion")
        deletion.state = DeletionState.CANCELLED
        deletion.cancelled_at, deletion.cancelled_by_id = timezone.now(), actor.user_id
        deletion.save(update_fields=["state", "cancelled_at", "cancelled_by_id"])
        change = {"state": [tenant.state, deletion.state_before], "reason": reason}
        tenant.state = deletion.state_before
        save_changed(tenant, "state")
        audit.record("tenants.deletion.cancelled", on=tenant, changes=change, actor=actor)
        forget_on_commit(tenant)
    return tenant


def deletions_due() -> list[UUID]:
    """Orders whose grace is over, and those whose files are still to be removed."""
    with in_public():
        scheduled = TenantDeletion.objects.filter(state=DeletionState.SCHEDULED, due_at__lte=timezone.now())
        unclean = TenantDeletion.objects.filter(state=DeletionState.DONE, cleaned_at=None)
        return list((scheduled | unclean).order_by("id").values_list("id", flat=True))


def deletion_execute(*, deletion_id: UUID) -> bool:
    """Carry an order out: True when nothing is left. May be repeated after any fault.

    False where it was called off, is not due, or its export has not been made: without that, nothing goes.
    """
    with in_public():
        deletion = TenantDeletion.objects.filter(id=deletion_id).first()
        if deletion is None or deletion.state == DeletionState.CANCELLED:
            return False
        if deletion.state == DeletionState.SCHEDULED and not _execute(deletion):
            return False
        schema = f"t_{deletion.tenant_id.hex}"
        _remove_traces(deletion.tenant_id, schema)
        TenantDeletion.objects.filter(id=deletion_id).update(cleaned_at=timezone.now())
    return True


@transaction.atomic
def _execute(deletion: TenantDeletion) -> bool:
    # The tenant's lock first, as the cancellation takes it: one of the two finds the other's work done.
    tenant = locked(deletion.tenant_id, closing=True)
    current = TenantDeletion.objects.select_for_update().get(id=deletion.id)
    if current.state != DeletionState.SCHEDULED or current.due_at > timezone.now():
        return False
    export = tenant.exports.filter(for_deletion=True, created_at__gte=_day_before(current)).first()
    if export is None or export.state != ExportState.READY:
        logger.warning("a deletion waits for its export", deletion=str(deletion.id))
        if export is None or export.state == ExportState.FAILED:
            export_request(
                tenant_id=tenant.id,
                for_deletion=True,
                until=timezone.now() + timedelta(days=7),
                actor=SYSTEM,
            )
        return False
    removed = _remove(tenant)
    current.state, current.executed_at = DeletionState.DONE, timezone.now()
    current.reason, current.ordered_by_id = "", None
    current.export_sha256, current.removed = export.sha256, removed
    current.save()
    # Earlier orders that were called off say nothing that the stone does not.
    TenantDeletion.objects.filter(tenant_id=deletion.tenant_id).exclude(id=current.id).delete()
    audit.record("tenants.deletion.executed", on=current, changes=removed, actor=SYSTEM)
    return True


def _day_before(deletion: TenantDeletion) -> Any:
    """An export that was running when the order came counts as well."""
    return deletion.ordered_at - timedelta(days=1)


@transaction.atomic
def tenant_delete(*, tenant_id: UUID, actor: Actor) -> None:
    """Remove a tenant at once, without grace or export: for operators at the command line."""
    with in_public():
        tenant = locked(tenant_id, closing=True)
        audit.record("tenants.tenant.deleted", on=tenant, actor=actor)
        _remove(tenant)
        TenantDeletion.objects.filter(tenant_id=tenant_id).delete()
    schema = tenant.schema_name
    transaction.on_commit(lambda: _remove_traces(tenant_id, schema))


def _remove(tenant: Tenant) -> dict[str, int]:
    """Take the schema and every row of public that belongs to the tenant; tells how many of each."""
    counts = {
        m._meta.db_table: m._default_manager.filter(tenant_id=tenant.pk).count() for m in rows_of_public()
    }
    provisioning.drop_schema(tenant.schema_name)
    keys = selectors.cache_keys(tenant)
    for model in rows_of_public():
        # Those without a constraint go by the field; the constraints take the rest along.
        model._default_manager.filter(tenant_id=tenant.pk).delete()
    PlatformIdempotencyRecord.objects.filter(body__icontains=str(tenant.pk)).delete()
    tenant.delete()
    transaction.on_commit(lambda: caches["directory"].delete_many(keys))
    return {name: number for name, number in counts.items() if number}


def _remove_traces(tenant_id: UUID, schema: str) -> None:
    """What no transaction can take back: files, kept keys, sessions of browsers."""
    remove_folder(schema)
    remove_folder(f"{FOLDER}/{schema}")
    metering.forget(tenant_id, schema)
    for session in Session.objects.iterator():
        place = session.get_decoded().get(SESSION_KEY) or {}
        if place.get("tenant") == str(tenant_id):
            session.delete()
