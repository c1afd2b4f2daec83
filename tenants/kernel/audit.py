"""One way to write down who did what: ``audit.record`` inside the transaction of the change.

Two tables, one shape: what happens in a tenant is written in the tenant's schema, what happens on the
platform in public. Rows are only ever added.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import models
from django.utils import timezone

from tenants.kernel import request
from tenants.kernel.context import in_a_tenant
from tenants.kernel.errors import OutOfScope
from tenants.kernel.owned import Identified
from tenants.kernel.request import Actor

TENANT_TABLE = "organizations.AuditEvent"
PLATFORM_TABLE = "tenants.PlatformAuditEvent"
MASKED = "***"
SECRET_WORDS = ("password", "secret", "token", "private", "hash")


class AuditRecord(Identified):
    """Who did what to which object, when, from where, and what changed."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor_id = models.UUIDField(null=True, db_index=True)
    actor_label = models.CharField(max_length=254)
    action = models.CharField(max_length=100, db_index=True, help_text="app.entity.verb")
    object_type = models.CharField(max_length=100, blank=True)
    object_id = models.CharField(max_length=64, blank=True, db_index=True)
    object_label = models.CharField(max_length=254, blank=True)
    organization_id = models.UUIDField(null=True, db_index=True)
    changes = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True)
    address = models.GenericIPAddressField(null=True)
    via = models.CharField(max_length=20)

    class Meta:
        abstract = True
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor_label}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise OutOfScope("audit rows are never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise OutOfScope("audit rows are never deleted")


def masked(changes: dict[str, Any]) -> dict[str, Any]:
    """The changes with every secret's value replaced."""
    return {k: MASKED if any(word in k.lower() for word in SECRET_WORDS) else v for k, v in changes.items()}


def record(
    action: str,
    *,
    on: models.Model | None = None,
    organization_id: UUID | None = None,
    changes: dict[str, Any] | None = None,
    actor: Actor,
) -> None:
    """Add one audit row to the table of the current schema.

    ``changes`` maps a field to its new value or to ``[before, after]``; secrets are masked by name.
    """
    table = apps.get_model(TENANT_TABLE if in_a_tenant() else PLATFORM_TABLE)
    source = request.current()
    table.objects.create(
        actor_id=actor.user_id,
        actor_label=actor.label[:254],
        action=action,
        object_type=on._meta.label if on is not None else "",
        object_id=str(on.pk) if on is not None else "",
        object_label=str(on)[:254] if on is not None else "",
        organization_id=organization_id or getattr(on, "organization_id", None),
        changes=masked(changes or {}),
        request_id=source.request_id,
        address=source.address,
        via=source.via,
    )
