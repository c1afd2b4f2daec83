"""Shapes of connectors."""

from __future__ import annotations

from typing import Any

from companies.connectors.models import ConnectorKind, Run, RunState, Source, Trigger
from tenants.kernel import serializers


class SourceIn(serializers.Serializer[Any]):
    """A source to set up."""

    kind = serializers.ChoiceField(ConnectorKind.choices, help_text="See GET connectors/kinds.")
    name = serializers.CharField(max_length=80)
    options = serializers.DictField(
        required=False, default=dict, help_text="What the connector is told; no secrets."
    )
    every_minutes = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        min_value=15,
        max_value=525_600,
        help_text="Minutes between two runs; null for a source that is run by hand.",
    )
    enabled = serializers.BooleanField(required=False, default=True)


class SourceChange(serializers.Serializer[Any]):
    """What is left out stays."""

    name = serializers.CharField(max_length=80, required=False)
    options = serializers.DictField(required=False, help_text="All options anew.")
    every_minutes = serializers.IntegerField(
        required=False, allow_null=True, min_value=15, max_value=525_600, help_text="Minutes; null for none."
    )
    enabled = serializers.BooleanField(required=False)


class CircuitOut(serializers.Serializer[Any]):
    """The breaker between the platform and the source."""

    state = serializers.ChoiceField(
        ("closed", "open", "half_open", "unknown"),
        help_text="Open: nothing is asked of the source until retry_at. Unknown: Redis does not answer.",
    )
    failures = serializers.IntegerField(help_text="In a row.")
    opened_at = serializers.DateTimeField(allow_null=True)
    retry_at = serializers.DateTimeField(allow_null=True)


class RefusalOut(serializers.Serializer[Any]):
    where = serializers.CharField(help_text="Document, filing, or file and row.")
    code = serializers.CharField()
    reason = serializers.CharField()


class RunSummaryOut(serializers.Serializer[Run]):
    """A run with its counts."""

    id = serializers.UUIDField()
    source_id = serializers.UUIDField()
    trigger = serializers.ChoiceField(Trigger.choices)
    state = serializers.ChoiceField(RunState.choices)
    documents = serializers.IntegerField(help_text="Documents that were fetched.")
    documents_unchanged = serializers.IntegerField(help_text="Of these, known and not read again.")
    companies_new = serializers.IntegerField()
    companies_changed = serializers.IntegerField()
    fetched = serializers.IntegerField(help_text="Statements that the documents hold.")
    new = serializers.IntegerField(help_text="Periods that were not known.")
    restated = serializers.IntegerField(help_text="Further versions of known periods.")
    unchanged = serializers.IntegerField(help_text="Statements that were known already.")
    refused = serializers.IntegerField(help_text="Filings, rows or documents that were not taken.")
    by_form = serializers.DictField(child=serializers.IntegerField())
    error = serializers.CharField(help_text="Why it failed; empty where it did not.")
    queued_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    organization_id = serializers.UUIDField()


class ConnectorRunOut(RunSummaryOut):
    """A run with its whole report."""

    refusals = RefusalOut(many=True, help_text="The first 500; refused counts all.")


class SourceOut(serializers.Serializer[Source]):
    """A source, how its circuit stands, and its last run."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(ConnectorKind.choices)
    name = serializers.CharField()
    options = serializers.DictField()
    every_minutes = serializers.IntegerField(allow_null=True)
    enabled = serializers.BooleanField()
    next_run_at = serializers.DateTimeField(allow_null=True)
    circuit = CircuitOut()
    last_run = RunSummaryOut(allow_null=True)
    organization_id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    created_by = serializers.UUIDField(source="created_by_id", allow_null=True)


class OptionOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    about = serializers.CharField()


class KindOut(serializers.Serializer[Any]):
    """A connector that there is."""

    kind = serializers.CharField()
    name = serializers.CharField()
    about = serializers.CharField()
    available = serializers.BooleanField(help_text="Whether it can be set up where the caller works.")
    options = OptionOut(many=True)
