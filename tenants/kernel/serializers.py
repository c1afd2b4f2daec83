"""The framework's serializers, with fields that take from JSON what the description says and nothing like it.

Django REST framework reads the number 0 as the text "0", 1 as true, true as the number 1.0, and any whole
number as a UUID. Where a client has mixed up two fields, that turns its mistake into somebody's data. A form
has nothing but texts: there "true" is true. Import ``serializers`` from here, not from ``rest_framework``.
"""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers as framework
from rest_framework.serializers import (
    ChoiceField,
    DateField,
    DateTimeField,
    DecimalField,
    DictField,
    Field,
    FileField,
    IntegerField,
    JSONField,
    ListField,
    ModelSerializer,
    Serializer,
    SerializerMethodField,
    TimeField,
    ValidationError,
)

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
