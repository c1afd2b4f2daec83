"""The rows of the audit log, and the one function that writes them.

Two tables, one shape: what happens in a tenant is written in the tenant's schema, what happens on the
platform in public. Rows are only ever added; the database refuses everything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import models
from django.utils import timezone

from tenants.kernel import request, watch
from tenants.kernel.audit import canonical
from tenants.kernel.audit.people import (
    PERSONAL_FIELDS,
    AuditQuerySet,
    label_of,
    person_label,
    without_addresses,
)
from tenants.kernel.context import in_a_tenant, in_tenant
from tenants.kernel.errors import OutOfScope
from tenants.kernel.owned import Identified
from tenants.kernel.request import Actor

TENANT_TABLE = "organizations.AuditEvent"
PLATFORM_TABLE = "tenants.PlatformAuditEvent"
MASKED = "***"
# Whatever touches identity, places and institutions is of interest to a security officer.
SECURITY_AREAS = ("accounts.", "tenants.", "organizations.member.", "organizations.joining.", "security.")
SECRET_WORDS = ("password", "secret", "token", "private", "hash", "recovery_code", "one_time")
# Signed tokens, whatever the field is called.
SECRET_VALUES = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")
LONGEST_VALUE = 2000
# Rows of one statement.
_AT_ONCE = 500


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
    device = models.CharField(max_length=200, blank=True)
    via = models.CharField(max_length=20)
    credential = models.CharField(max_length=20, blank=True, help_text="session or api_key")
    credential_id = models.UUIDField(null=True)
    # Of what names a person only a salted digest is in the chain: without its salt it says nothing, so
    # the name can be forgotten and the chain still holds.
    who_salt = models.CharField(max_length=32, blank=True, editable=False)
    who_digest = models.CharField(max_length=64, blank=True, editable=False)
    what_salt = models.CharField(max_length=32, blank=True, editable=False)
    what_digest = models.CharField(max_length=64, blank=True, editable=False)
    digest = models.CharField(max_length=64, blank=True, editable=False)

    objects = AuditQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor_label}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise OutOfScope("audit rows are never changed")
        canonical.complete(self)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise OutOfScope("audit rows are never deleted")


class AuditSealBase(models.Model):
    """A row's place in the chain; written by the database when the row's transaction commits."""

    sequence = models.BigIntegerField(primary_key=True)
    event_id = models.UUIDField(unique=True)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.sequence} {self.hash[:12]}"


class AuditHeadBase(models.Model):
    """Where the chain ends, and where it begins after old rows were removed. One row."""

    id = models.SmallIntegerField(primary_key=True)
    sequence = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=canonical.GENESIS)
    anchor_sequence = models.BigIntegerField(default=0)
    anchor_hash = models.CharField(max_length=64, default=canonical.GENESIS)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.sequence} {self.hash[:12]}"


def _decent(value: Any) -> Any:
    """A value without secrets and addresses, and without what PostgreSQL keeps in no text."""
    if isinstance(value, dict):
        return masked(value)
    if isinstance(value, list | tuple):
        return [_decent(item) for item in value]
    if isinstance(value, str):
        text = SECRET_VALUES.sub(MASKED, value.replace("\0", ""))[:LONGEST_VALUE]
        return without_addresses(text)
    return value


def masked(changes: dict[str, Any]) -> dict[str, Any]:
    """The changes with every secret and every personal field replaced: by the name of the field, at any
    depth, or by its look; and all addresses by their tags."""

    def hidden(field: str) -> bool:
        return field in PERSONAL_FIELDS or any(word in field.lower() for word in SECRET_WORDS)

    return {
        str(without_addresses(str(key))): MASKED if hidden(str(key)) else _decent(value)
        for key, value in changes.items()
    }


def category_of(action: str, *, security: bool = False, access: bool = False) -> Category:
    """The category of an action: said by the caller, or told by its area."""
    if access:
        return Category.ACCESS
    return Category.SECURITY if security or action.startswith(SECURITY_AREAS) else Category.CHANGE


def table() -> type[AuditRecord]:
    """The log of where the code is: the tenant's, or the platform's."""
    return apps.get_model(TENANT_TABLE if in_a_tenant() else PLATFORM_TABLE)  # type: ignore[return-value]


Subject = tuple[models.Model | None, dict[str, Any]]
"""What a row is about, and what changed in it."""


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
    ``security`` marks what a security officer looks for, ``access`` a read of sensitive data. A security
    event of the platform that happens on an institution's host is written in the institution's log too:
    its officer sees who failed to log in there.
    """
    source = request.current()
    category = category_of(action, security=security, access=access)
    rows = [(on, changes or {})]
    _write(action, rows, organization_id=organization_id, category=category, actor=actor)
    if category == Category.SECURITY and not in_a_tenant() and source.tenant is not None:
        with in_tenant(source.tenant):
            _write(action, rows, organization_id=organization_id, category=category, actor=actor)
    watch.noticed(action, access=access, actor=actor)


def record_all(action: str, about: Iterable[Subject], *, actor: Actor) -> None:
    """Add a row for each of many objects to which the same was done; ``record`` does it for one."""
    _write(action, about, organization_id=None, category=category_of(action), actor=actor)


def _write(
    action: str,
    about: Iterable[Subject],
    *,
    organization_id: UUID | None,
    category: Category,
    actor: Actor,
) -> None:
    source, events = request.current(), table()
    common = {
        "actor_id": actor.user_id,
        "actor_label": person_label(actor.user_id) if actor.user_id else _decent(actor.label)[:254],
        "action": action,
        "category": category,
        "request_id": source.request_id,
        "address": source.address,
        "device": source.device,
        "via": source.via,
        "credential": source.credential,
        "credential_id": source.credential_id,
    }
    rows = [
        events(
            object_type=on._meta.label if on is not None else "",
            object_id=str(on.pk) if on is not None else "",
            object_label=label_of(on).replace("\0", ""),
            organization_id=organization_id or getattr(on, "organization_id", None),
            changes=masked(changes),
            **common,
        )
        for on, changes in about
    ]
    for row in rows:
        canonical.complete(row)
    events._default_manager.bulk_create(rows, batch_size=_AT_ONCE)
