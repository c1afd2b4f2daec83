"""The institution's own fields of companies: defined, changed, archived."""

from __future__ import annotations

from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from companies.models import CustomField, CustomKind
from tenants.kernel import audit
from tenants.kernel.errors import Absent, Conflict, InvalidInput
from tenants.kernel.etags import ANY_STATE, Precondition
from tenants.kernel.request import Actor

MOST_FIELDS: Final = 100
MOST_CHOICES: Final = 100
# What may change; name and kind are for good.
CHANGEABLE: Final = ("label", "choices", "required", "help_text", "position")


@transaction.atomic
def custom_field_create(
    *,
    name: str,
    label: str,
    kind: str,
    choices: list[str] | None = None,
    required: bool = False,
    help_text: str = "",
    position: int = 0,
    actor: Actor,
) -> CustomField:
    """Define a field. Raises Conflict ``duplicate_field`` for a name that is taken, archived ones included,
    and ``too_many_fields``; InvalidInput for choices that cannot be."""
    choices = _choices(kind, choices or [])
    if CustomField.objects.filter(archived_at=None).count() >= MOST_FIELDS:
        raise Conflict(f"An institution has up to {MOST_FIELDS} fields of its own.", code="too_many_fields")
    row = CustomField(
        name=name,
        label=label,
        kind=kind,
        choices=choices,
        required=required,
        help_text=help_text,
        position=position,
        created_by_id=actor.user_id,
    )
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise Conflict(
            "There is a field of this name; archived ones keep theirs.", code="duplicate_field"
        ) from None
    audit.record("companies.custom_field.created", on=row, changes={"name": name, "kind": kind}, actor=actor)
    return row


@transaction.atomic
def custom_field_update(
    *, field: CustomField, changes: dict[str, Any], expected: Precondition = ANY_STATE, actor: Actor
) -> CustomField:
    """Change what may change. A choice that goes stays where companies have it, until they are changed."""
    row = _locked(field)
    expected.check(row)
    if "choices" in changes:
        changes = changes | {"choices": _choices(row.kind, changes["choices"])}
    said: dict[str, Any] = {}
    for name in CHANGEABLE:
        if name in changes and changes[name] != getattr(row, name):
            said[name] = [getattr(row, name), changes[name]]
            setattr(row, name, changes[name])
    return _save(row, "changed", said, actor)


@transaction.atomic
def custom_field_archive(
    *, field: CustomField, archived: bool, expected: Precondition = ANY_STATE, actor: Actor
) -> CustomField:
    """Take a field out of use, or back into it. Values stay either way."""
    row = _locked(field)
    expected.check(row)
    if archived == (row.archived_at is not None):
        raise Conflict("The field is in this state already.", code="same_state")
    row.archived_at = timezone.now() if archived else None
    return _save(row, "archived" if archived else "unarchived", {"name": row.name}, actor)


def _locked(field: CustomField) -> CustomField:
    row: CustomField | None = CustomField.objects.select_for_update().filter(id=field.id).first()
    if row is None:
        raise Absent()
    return row


def _save(row: CustomField, verb: str, changes: dict[str, Any], actor: Actor) -> CustomField:
    if changes:
        row.version += 1
        row.save()
        audit.record(f"companies.custom_field.{verb}", on=row, changes=changes, actor=actor)
    return row


def _choices(kind: str, given: list[str]) -> list[str]:
    choices = list(dict.fromkeys(" ".join(choice.split()) for choice in given if choice.strip()))
    distinct = len({choice.casefold() for choice in choices}) == len(choices)
    fits = bool(choices) == (kind == CustomKind.CHOICE)
    if not fits or not distinct or len(choices) > MOST_CHOICES or any(len(c) > 80 for c in choices):
        detail = f"A choice offers 1 to {MOST_CHOICES} different values of 80 characters; other kinds none."
        raise InvalidInput(detail, errors=[{"pointer": "/choices", "code": "choices", "detail": detail}])
    return choices
