"""One way to write down who did what: ``audit.record`` inside the transaction of the change.

Two tables, one shape: what happens in a tenant is written in the tenant's schema, what happens on the
platform in public. Rows are only ever added.

A row can never be changed, and a person can be forgotten: so a row holds no address and no name of a
person. Users stand in it by their id and are named when it is read (``named``); an address in a text is
replaced by a tag (``address_tag``), the same one for the same address.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any, Self
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models.functions import Cast, Coalesce
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
# What describes a person: that it changed is written down, from what to what is not.
PERSONAL_FIELDS = frozenset({"full_name", "first_name", "last_name", "username", "bio", "avatar"})
ADDRESS = re.compile(r"[^\s@<>()\[\]\"',;:/\\]+@[^\s@<>()\[\]\"',;:/\\]+")
PERSON_TYPE = "accounts.User"


def address_tag(email: str) -> str:
    """What stands for an e-mail address in a row: made with SECRET_KEY, so that nobody else can guess it."""
    key = f"audit.address:{settings.SECRET_KEY}".encode()
    return f"address-{hmac.new(key, email.strip().lower().encode(), hashlib.sha256).hexdigest()[:12]}"


def person_label(user_id: UUID) -> str:
    """What stands for a user in a row."""
    return f"user {user_id.hex[-8:]}"


def without_addresses(value: Any) -> Any:
    """The value with every e-mail address in it replaced by its tag."""
    if isinstance(value, str):
        return ADDRESS.sub(lambda found: address_tag(found[0].rstrip(".")), value)
    if isinstance(value, dict):
        return {str(without_addresses(str(k))): without_addresses(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [without_addresses(item) for item in value]
    return value


class AuditQuerySet(models.QuerySet[Any]):
    """Rows of an audit log."""

    def named(self) -> Self:
        """With ``actor_name`` and ``object_name``: a user's present address, else what the row says."""
        users = apps.get_model(PERSON_TYPE)._default_manager.order_by()
        text = models.CharField()
        actor = users.filter(pk=models.OuterRef("actor_id")).values("email")[:1]
        # Cast the row's key, not the users': theirs has the index. Other kinds of keys never get there.
        key = Cast(models.OuterRef("object_id"), models.UUIDField())
        person = users.filter(pk=key).values("email")[:1]
        of_person = models.Case(
            models.When(object_type=PERSON_TYPE, then=models.Subquery(person)),
            default=None,
            output_field=text,
        )
        return self.annotate(
            actor_name=Coalesce(models.Subquery(actor), "actor_label", output_field=text),
            object_name=Coalesce(of_person, "object_label", output_field=text),
        )


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

    objects = AuditQuerySet.as_manager()

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
    """The changes with every secret's and every personal field's value replaced, and all addresses."""

    def hidden(field: str) -> bool:
        return field in PERSONAL_FIELDS or any(word in field.lower() for word in SECRET_WORDS)

    return {k: MASKED if hidden(k) else without_addresses(v) for k, v in changes.items()}


def _label_of(on: models.Model | None) -> str:
    if on is None:
        return ""
    if on._meta.label == PERSON_TYPE:
        return person_label(on.pk)
    return str(without_addresses(str(on)))[:254]


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
        actor_label=person_label(actor.user_id) if actor.user_id else without_addresses(actor.label)[:254],
        action=action,
        category=category_of(action, security=security, access=access),
        object_type=on._meta.label if on is not None else "",
        object_id=str(on.pk) if on is not None else "",
        object_label=_label_of(on),
        organization_id=organization_id or getattr(on, "organization_id", None),
        changes=masked(changes or {}),
        request_id=source.request_id,
        address=source.address,
        via=source.via,
    )
