"""Fields that take from JSON what the description says and nothing like it."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.http import QueryDict

from tenants.kernel import serializers


class Everything(serializers.Serializer):
    text = serializers.CharField(required=False)
    address = serializers.EmailField(required=False)
    code = serializers.RegexField(r"^[0-9]+$", required=False)
    identifier = serializers.UUIDField(required=False)
    on = serializers.BooleanField(required=False)
    amount = serializers.FloatField(required=False)
    names = serializers.ListField(child=serializers.CharField(), required=False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", 0),
        ("text", 1.5),
        ("text", True),
        ("code", 12),
        ("address", 1),
        ("identifier", 7),
        ("on", 1),
        ("on", 0.0),
        ("on", "1"),
        ("on", "perhaps"),
        ("amount", True),
        ("names", ["a", 2]),
    ],
)
def test_a_value_of_another_kind_is_refused_with_its_field(field, value):
    asked = Everything(data={field: value})

    assert not asked.is_valid()
    assert list(asked.errors) == [field]


def test_values_of_the_kind_are_taken():
    given = {"text": "0", "code": "12", "on": False, "amount": 0, "names": ["a"], "identifier": str(uuid4())}
    asked = Everything(data=given)

    assert asked.is_valid(), asked.errors
    assert asked.validated_data["on"] is False


def test_a_form_has_words_for_true_and_numbers():
    asked = Everything(data=QueryDict("on=true&amount=1.5&text=0"))

    assert asked.is_valid(), asked.errors
    assert asked.validated_data == {"on": True, "amount": 1.5, "text": "0"}
