"""Filters of lists that refuse what they do not understand; the library would leave a list unfiltered."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework.request import Request

from tenants.kernel.errors import InvalidInput


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


class WholeNumberFilter(django_filters.NumberFilter):
    """A number without a fraction."""

    field_class = forms.IntegerField


def narrowed(kind: type[django_filters.FilterSet], rows: QuerySet[Any], request: Request) -> QuerySet[Any]:
    """The rows as a view without a filter backend narrows them; raises InvalidInput for each wrong value."""
    found = kind(request.query_params, queryset=rows, request=request)
    if not found.is_valid():
        raise InvalidInput(
            errors=[
                {"pointer": f"/{name}", "code": "invalid", "detail": str(text)}
                for name, texts in found.errors.items()
                for text in texts
            ]
        )
    kept: QuerySet[Any] = found.qs
    return kept


def one_of(request: Request, name: str, values: Collection[str], default: str = "") -> str:
    """The value of a parameter that is one of a few; ``default`` where it is empty or not given.

    Raises InvalidInput for another one.
    """
    value: str = request.query_params.get(name) or default
    if value != default and value not in values:
        detail = f"One of {', '.join(values)}."
        raise InvalidInput(errors=[{"pointer": f"/{name}", "code": "invalid_choice", "detail": detail}])
    return value


def is_true(request: Request, name: str) -> bool:
    """Whether a parameter says true; raises InvalidInput where it is neither true nor false."""
    try:
        return bool(_TrueOrFalse().clean(request.query_params.get(name) or "false"))
    except ValidationError as error:
        wrong = {"pointer": f"/{name}", "code": "invalid", "detail": str(error.messages[0])}
        raise InvalidInput(errors=[wrong]) from None
