"""Shapes of the model registry's requests and answers."""

from __future__ import annotations

from typing import Any

from predictions.registry.models import Materiality, ModelStatus, ReportState
from tenants.kernel import serializers


class ModelOut(serializers.Serializer[Any]):
    """A version of the scoring model."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    version = serializers.CharField()
    sha256 = serializers.CharField(help_text="Of the manifest, which holds the hash of every file.")
    status = serializers.ChoiceField(choices=ModelStatus.choices)
    materiality = serializers.ChoiceField(choices=Materiality.choices)
    owner = serializers.CharField(help_text="Who answers for the model.")
    purpose = serializers.CharField()
    next_review_on = serializers.DateField(allow_null=True)
    metrics = serializers.DictField(help_text="Figures on the years kept apart, by input shape.")
    created_at = serializers.DateTimeField()
    pending = serializers.DictField(
        allow_null=True, help_text="A promotion that waits for a second person: who asked, when, why."
    )


class EventOut(serializers.Serializer[Any]):
    """A step in the life of a version."""

    at = serializers.DateTimeField()
    verb = serializers.CharField()
    before = serializers.CharField(help_text="Status before.")
    after = serializers.CharField(help_text="Status after.")
    reason = serializers.CharField()
    by = serializers.CharField(source="actor_label")
    asked_by = serializers.CharField(source="second_label", help_text="Who asked, where two decided.")


class ReasonIn(serializers.Serializer[Any]):
    """Why something is done."""

    reason = serializers.CharField(max_length=500, help_text="Kept in the version's history.")


class PromoteIn(ReasonIn):
    """A wish to let a version score."""

    replaces = serializers.UUIDField(
        required=False,
        help_text="The champion the caller has before his eyes: refused if another has taken its place.",
    )


class ApproveIn(serializers.Serializer[Any]):
    """The second person's word."""

    reason = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)


class ModelChangeIn(serializers.Serializer[Any]):
    """What may be said of a version."""

    owner = serializers.CharField(max_length=200, required=False, allow_blank=True)
    purpose = serializers.CharField(max_length=300, required=False, allow_blank=True)
    materiality = serializers.ChoiceField(choices=Materiality.choices, required=False)
    next_review_on = serializers.DateField(required=False, allow_null=True)


class ReportIn(serializers.Serializer[Any]):
    """How a report is made."""

    recompute = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Count everything anew from the development data, which must be on the machine.",
    )


class ReportOut(serializers.Serializer[Any]):
    """A report that was asked for."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=ReportState.choices)
    recomputed = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField()
    sha256 = serializers.CharField(help_text="Of the PDF.")


class ReportContentOut(serializers.Serializer[Any]):
    """A validation report. `docs/model-governance.md` describes every part of it."""

    schema = serializers.IntegerField(help_text="Version of this form.")
    made_at = serializers.CharField()
    model = serializers.DictField(help_text="Name, version and sha256.")
    governance = serializers.DictField(help_text="Owner, materiality, status, history.")
    definition = serializers.CharField(help_text="What counts as a default.")
    verdicts = serializers.DictField(help_text="Lights by input shape: code, light, figure, rule, section.")
    evidence = serializers.DictField(
        allow_null=True, help_text="What was counted from the development data; null where it was not."
    )
    needs_data = serializers.ListField(
        child=serializers.CharField(), help_text="Parts that are missing because the data is not here."
    )
    limitations = serializers.ListField(child=serializers.CharField())


class RealisedOut(serializers.Serializer[Any]):
    """Realised discrimination of both versions on the same rows, each prediction's first pair counted."""

    names = serializers.IntegerField()
    defaults = serializers.IntegerField()
    champion_auc = serializers.FloatField()
    challenger_auc = serializers.FloatField()
    difference = serializers.FloatField(help_text="Challenger's AUC minus the champion's.")
    difference_low = serializers.FloatField(help_text="Lower end of its 95 % interval (paired bootstrap).")
    difference_high = serializers.FloatField()


class ComparisonOut(serializers.Serializer[Any]):
    """How a version agreed with the champion in its shadow."""

    challenger = serializers.UUIDField()
    champion = serializers.UUIDField(allow_null=True)
    champion_version = serializers.CharField(allow_null=True)
    scores = serializers.IntegerField(help_text="Pairs of scores counted.")
    tenants = serializers.IntegerField()
    counted_at = serializers.DateTimeField(allow_null=True)
    agreement = serializers.FloatField(allow_null=True, help_text="Share with the same risk category.")
    rank_correlation = serializers.FloatField(allow_null=True, help_text="Spearman's.")
    mean_pd = serializers.DictField(allow_null=True)
    levels = serializers.ListField(child=serializers.CharField())
    migration = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()),
        allow_null=True,
        help_text="Champion's category by row, challenger's by column.",
    )
    outcomes = RealisedOut(allow_null=True, help_text="Once five defaults of closed periods are recorded.")
