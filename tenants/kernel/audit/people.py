"""Keeping people out of the log's rows, and naming them when rows are read.

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


def label_of(on: models.Model | None) -> str:
    """What an object is called in a row."""
    if on is None:
        return ""
    if on._meta.label == PERSON_TYPE:
        return person_label(on.pk)
    return str(without_addresses(str(on)))[:254]
