"""The framework's serializers, with fields that take from JSON what the description says and nothing like it.

Django REST framework reads the number 0 as the text "0", 1 as true, true as the number 1.0, and any whole
number as a UUID. Where a client has mixed up two fields, that turns its mistake into somebody's data. A form
has nothing but texts: there "true" is true. Import ``serializers`` from here, not from ``rest_framework``.

What is answered is the framework's to the letter, only sooner: a page has thousands of values.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.utils.functional import cached_property
from rest_framework import serializers as framework
from rest_framework.relations import PKOnlyObject
from rest_framework.serializers import (
    ChoiceField,
    DateField,
    DecimalField,
    DictField,
    Field,
    FileField,
    IntegerField,
    JSONField,
    ListField,
    SerializerMethodField,
    TimeField,
    ValidationError,
)

Row = TypeVar("Row")
RowModel = TypeVar("RowModel", bound=models.Model)
AnyField = Field[Any, Any, Any, Any]

__all__ = [
    "BooleanField",
    "CharField",
    "ChoiceField",
    "DateField",
    "DateTimeField",
    "DecimalField",
    "DictField",
    "EmailField",
    "Field",
    "FileField",
    "FloatField",
    "IntegerField",
    "JSONField",
    "ListField",
    "ModelSerializer",
    "RegexField",
    "Serializer",
    "SerializerMethodField",
    "TimeField",
    "UUIDField",
    "ValidationError",
]


class CharField(framework.CharField):
    """A text; a number is none."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class EmailField(CharField, framework.EmailField):
    """An address."""


class RegexField(CharField, framework.RegexField):
    """A text of a pattern."""


class UUIDField(framework.UUIDField):
    """An identifier, written as text."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, int):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class BooleanField(framework.BooleanField):
    """True or false; of a form the words, and ``on``, as browsers send what is ticked."""

    words: ClassVar[dict[str, bool]] = {"true": True, "on": True, "false": False, "off": False}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str):
            data = self.words.get(data.strip().lower(), data)
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class FloatField(framework.FloatField):
    """A number; true is none."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class DateTimeField(framework.DateTimeField):
    """A moment. One of UTC, as the database gives them all, stays as it is: answers are in UTC, also where
    somebody has activated another zone."""

    def enforce_timezone(self, value: datetime) -> datetime:
        asked = hasattr(self, "timezone")
        return value if value.tzinfo is UTC and not asked else super().enforce_timezone(value)


# The framework's, quicker in its answers: most of their time goes into asking each field, for each row anew,
# how it is read. What an instance simply holds is read here; the rest is asked as ever. The fields are
# settled with the first answer. No docstring: the API's description would take it for every serializer's.
class Serializer(framework.Serializer[Row]):
    @cached_property
    def _plan(self) -> list[tuple[str, str | None, AnyField]]:
        """Name of each field, the one attribute that it shows if that is all it does, and the field."""
        return [
            (str(field.field_name), field.source_attrs[0] if _is_plain(field) else None, field)
            for field in self._readable_fields
        ]

    def to_representation(self, instance: Any) -> dict[str, Any]:
        read = operator.getitem if isinstance(instance, Mapping) else getattr
        found: dict[str, Any] = {}
        for name, attribute, field in self._plan:
            try:
                value = _value(field, instance, attribute, read)
            except framework.SkipField:
                continue
            found[name] = None if value is None else field.to_representation(value)
        return found


class ModelSerializer(Serializer[RowModel], framework.ModelSerializer[RowModel]):
    serializer_field_mapping: ClassVar[dict[Any, Any]] = {
        **framework.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: DateTimeField,
    }


def _is_plain(field: AnyField) -> bool:
    return type(field).get_attribute is Field.get_attribute and len(field.source_attrs) == 1


def _value(field: AnyField, instance: Any, attribute: str | None, read: Callable[[Any, str], Any]) -> Any:
    """What a field shows of an instance. What is not there, or is called for its value, the framework finds:
    it knows defaults and errors."""
    if attribute is not None:
        try:
            held = read(instance, attribute)
        except (AttributeError, KeyError, ObjectDoesNotExist):
            pass
        else:
            if not callable(held):
                return held
    value = field.get_attribute(instance)
    return None if isinstance(value, PKOnlyObject) and value.pk is None else value
