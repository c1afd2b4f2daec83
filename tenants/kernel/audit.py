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
# Whatever touches identity, places and institutions is of interest to a security officer.
SECURITY_AREAS = ("accounts.", "tenants.", "organizations.member.", "organizations.joining.", "security.")
SECRET_WORDS = ("password", "secret", "token", "private", "hash")


class Category(models.TextChoices):
    """What a row is about."""

    CHANGE = "change", "Change"
    ACCESS = "access", "Read of sensitive data"
    SECURITY = "security", "Security event"


class AuditRecord(Identified):
    """Who did what to which object, when, from where, and what changed."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor_id = models.UUIDField(null=True, db_index=True)
    actor_label = models.CharField(max_length=254)
    action = models.CharField(max_length=100, db_index=True, help_text="app.entity.verb")
    category = models.CharField(max_length=10, choices=Category.choices, default=Category.CHANGE)
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


def category_of(action: str, *, security: bool = False, access: bool = False) -> Category:
    """The category of an action: said by the caller, or told by its area."""
    if access:
        return Category.ACCESS
    return Category.SECURITY if security or action.startswith(SECURITY_AREAS) else Category.CHANGE


def record(
    action: str,
    *,
    on: models.Model | None = None,
    organization_id: UUID | None = None,
    changes: dict[str, Any] | None = None,
    security: bool = False,
    access: bool = False,
    actor: Actor,
) -> None:
    """Add one audit row to the table of the current schema.

    ``changes`` maps a field to its new value or to ``[before, after]``; secrets are masked by name.
    ``security`` marks what a security officer looks for, ``access`` a read of sensitive data.
    """
    table = apps.get_model(TENANT_TABLE if in_a_tenant() else PLATFORM_TABLE)
    source = request.current()
    table.objects.create(
        actor_id=actor.user_id,
        actor_label=actor.label[:254],
        action=action,
        category=category_of(action, security=security, access=access),
        object_type=on._meta.label if on is not None else "",
        object_id=str(on.pk) if on is not None else "",
        object_label=str(on)[:254] if on is not None else "",
        organization_id=organization_id or getattr(on, "organization_id", None),
        changes=masked(changes or {}),
        request_id=source.request_id,
        address=source.address,
        via=source.via,
    )
