"""Forms of the consoles: what a service refuses is said at its field, what is changed is written down."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models, transaction
from django.db.models import Model
from unfold.widgets import UnfoldAdminTextareaWidget

from tenants.kernel import audit
from tenants.kernel.errors import DomainError
from tenants.kernel.request import Actor


class ConsoleForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form whose service may still refuse: the refusal is shown at the field it is about.

    ``error_fields`` maps a refusal's code or pointer to a field; a pointer that names a field needs no entry.
    """

    error_fields: ClassVar[dict[str, str]] = {}
    # What a constraint of the table means to people: its name to the field and the words.
    constraint_errors: ClassVar[dict[str, tuple[str, str]]] = {}
    refusal: ClassVar[DomainError | None] = None

    def _update_errors(self, errors: ValidationError) -> None:
        constraints = {c.name: c.get_violation_error_message() for c in type(self.instance)._meta.constraints}
        known = {constraints[name]: found for name, found in self.constraint_errors.items()}
        left = []
        for error in errors.error_dict.pop(NON_FIELD_ERRORS, []):
            field, words = known.get(str(error.message), (None, None))
            if field in self.fields:
                self.add_error(field, str(words))
            else:
                left.append(error)
        if left:
            errors.error_dict[NON_FIELD_ERRORS] = left
        super()._update_errors(errors)  # type: ignore[misc]

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.refusal is None:
            return
        found = self.refusal.fields.get("errors") or [{"detail": self.refusal.detail}]
        for error in found:  # type: ignore[attr-defined]
            pointer = str(error.get("pointer", "")).strip("/")
            field = self.error_fields.get(self.refusal.code) or self.error_fields.get(pointer, pointer)
            self.add_error(field if field in self.fields else None, error["detail"])


class ReasonForm(forms.Form):
    """Why something is done; kept in the audit log."""

    reason = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Kept in the audit log.",
    )


@transaction.atomic
def audited_save(row: Model, form: Any, *, action: str, actor: Actor) -> None:
    """Save what a form has changed of a row, and write it down; for fields without a rule of their own."""
    columns = [name for name in form.changed_data if isinstance(_field(row, name), models.Field)]
    pairs = {name: [plain(form.initial.get(name)), plain(form.cleaned_data[name])] for name in columns}
    changes = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    if not changes:
        return
    stamps = [f.name for f in row._meta.concrete_fields if getattr(f, "auto_now", False)]
    row.save(update_fields=[*changes, *stamps])
    audit.record(action, on=row, changes=changes, actor=actor)


def _field(row: Model, name: str) -> Any:
    return {field.name: field for field in row._meta.concrete_fields}.get(name)


def plain(value: Any) -> Any:
    """A value as JSON keeps it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return float(value) if isinstance(value, Decimal) else str(value)
