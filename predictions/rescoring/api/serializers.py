"""Shapes of runs."""

from __future__ import annotations

from typing import Any

from predictions.rescoring.models import RunState
from tenants.kernel import serializers

MOST_COMPANIES = 1000


class RescoreIn(serializers.Serializer[Any]):
    """What is scored again: some companies, or all of them."""

    companies = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        max_length=MOST_COMPANIES,
        help_text="Ids; left out, every company of the organization.",
    )
    watchlist = serializers.UUIDField(
        required=False, help_text="The companies of a watchlist of the caller's, or shared with him."
    )
    every_organization = serializers.BooleanField(
        default=False, help_text="All companies of every organization that you reach: a run for each."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = [name for name in ("companies", "watchlist") if attrs.get(name)]
        if len(named) + attrs["every_organization"] > 1:
            text = "Name companies, or a watchlist, or take every organization."
            raise serializers.ValidationError({named[0]: [text]})
        return attrs


class RescoreOut(serializers.Serializer[Any]):
    """A run and how far it is."""

    id = serializers.UUIDField()
    about = serializers.CharField()
    state = serializers.ChoiceField(RunState.choices)
    progress_percentage = serializers.IntegerField()
    companies = serializers.IntegerField()
    scored = serializers.IntegerField(help_text="Scores made so far.")
    refused = serializers.IntegerField(help_text="Periods that bear no score; the statement says why.")
    model_version = serializers.CharField()
    model_sha256 = serializers.CharField()
    organization_id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    created_by_label = serializers.CharField()
    finished_at = serializers.DateTimeField(allow_null=True)


class RescoresOut(serializers.Serializer[Any]):
    items = RescoreOut(many=True)
