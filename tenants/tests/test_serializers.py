"""Fields that take from JSON what the description says and nothing like it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.http import QueryDict
from rest_framework import serializers as framework
from rest_framework.relations import PrimaryKeyRelatedField

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


class Inner(serializers.Serializer):
    name = serializers.CharField()


class Told(serializers.Serializer):
    """Every way in which a field finds what it shows."""

    inner = Inner()
    others = Inner(many=True)
    secret = serializers.CharField(write_only=True)
    lazily = serializers.CharField(default=lambda: "made")
    related = PrimaryKeyRelatedField(read_only=True)
    unrelated = PrimaryKeyRelatedField(read_only=True)
    ourselves = serializers.DateTimeField(source="moment", default_timezone=ZoneInfo("Europe/Zurich"))
    held = serializers.CharField()
    empty = serializers.CharField(allow_null=True)
    called = serializers.CharField()
    computed = serializers.IntegerField()
    deeper = serializers.CharField(source="inner.name")
    replaced = serializers.CharField(default="else")
    optional = serializers.CharField(required=False)
    made = serializers.SerializerMethodField()
    moment = serializers.DateTimeField()
    several = serializers.ListField(child=serializers.IntegerField())

    def get_made(self, row):
        return f"made of {row.held}"


class AsEver(Told):
    """The same, answered by the framework itself."""

    moment = framework.DateTimeField()
    ourselves = framework.DateTimeField(source="moment", default_timezone=ZoneInfo("Europe/Zurich"))
    to_representation = framework.Serializer.to_representation


class Thing:
    def __init__(self, **held):
        self.__dict__.update(held)

    def called(self):
        return "called"

    @property
    def computed(self):
        return 7


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=2))])
@pytest.mark.parametrize("optional", [{}, {"optional": "there"}, {"optional": None, "replaced": "given"}])
def test_answers_are_the_frameworks(zone, optional):
    moment = datetime(2026, 5, 1, 12, 30, tzinfo=zone)
    inner, related = Thing(name="b"), Thing(pk=7, serializable_value=lambda name: 7)
    thing = Thing(
        **{"held": "a", "empty": None, "secret": "s", "inner": inner, "others": [inner, inner]},
        **{"related": related, "unrelated": None, "moment": moment, "several": [1, 2]},
        serializable_value={"related": 7, "unrelated": None}.get,
        **optional,
    )

    told = Told(thing).data

    assert told == AsEver(thing).data
    assert set(told) == set(AsEver(thing).data)
    assert (told["related"], told["unrelated"], told["lazily"]) == (7, None, "made")
    assert told["made"] == "made of a"
    assert told["moment"].startswith("2026-05-01T1" + ("2" if zone is UTC else "0"))


def test_what_a_mapping_lacks_is_left_out_or_an_error_as_ever():
    class Short(serializers.Serializer):
        name = serializers.CharField()
        note = serializers.CharField(required=False)

    assert Short({"name": "a"}).data == {"name": "a"}
    with pytest.raises(KeyError, match="field `name`"):
        Short({"note": "b"}).data  # noqa: B018
