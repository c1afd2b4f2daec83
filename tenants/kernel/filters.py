"""Filters of lists that refuse what they do not understand; the library would leave a list unfiltered."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from django import forms
from django.core.exceptions import ValidationError


class _TrueOrFalse(forms.Field):
    widget = forms.TextInput
    words: ClassVar[dict[str, bool | None]] = {"true": True, "1": True, "false": False, "0": False, "": None}

    def to_python(self, value: Any) -> bool | None:
        try:
            return self.words[str(value or "").strip().lower()]
        except KeyError:
            raise ValidationError("Must be true or false.", code="invalid") from None


class BooleanFilter(django_filters.BooleanFilter):
    """true or false; an empty value asks for no filter."""

    field_class = _TrueOrFalse
