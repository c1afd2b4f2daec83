"""Predictions, scores, jobs and outcomes as tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import django_filters
from django.db.models import F, Model, QuerySet, Window
from django.db.models.functions import RowNumber

from companies.models import Company
from ml.features import RATIOS as RATIO_TABLE
from predictions import selectors
from predictions.api.job_viewsets import JobFilter
from predictions.api.viewsets import PredictionFilter
from predictions.exporting.tables import Column, ListTable
from predictions.models import PredictionKind, RiskLevel, RowIssue, Score, ScoringJob, Severity
from predictions.monitoring.api.viewsets import OutcomeFilter
from predictions.monitoring.models import Outcome
from predictions.registry.selectors import versions
from predictions.services.scoring import RATIOS
from tenants.kernel.filters import WholeNumberFilter

_MEMBERS = (
    Column("random_forest", "share", "PD of the random forest.", "members.random_forest"),
    Column("gradient_boosting", "share", "PD of gradient boosting.", "members.gradient_boosting"),
    Column("logistic", "share", "PD of the logistic regression.", "members.logistic"),
)


def score_columns(prefix: str = "") -> tuple[Column, ...]:
    """What a score says; ``prefix`` leads from the row to the score."""

    def at(column: Column) -> Column:
        path = f"{prefix}{column.value or column.name}" if not callable(column.value) else column.value
        return Column(column.name, column.kind, column.definition, path, column.width)

    return tuple(
        at(column)
        for column in (
            Column("pd", "share", "Probability of default within one year, after the floor."),
            Column("pd_low", "share", "Lower end of its 90 % interval.", "low"),
            Column("pd_high", "share", "Upper end of its 90 % interval.", "high"),
            Column("risk_level", "text", "LOW, MEDIUM, HIGH or CRITICAL by the institution's cut-offs."),
            Column("grade", "text", "On the institution's master scale, as it was when the score was made."),
            Column("confidence", "number", "Confidence in the score, 0 to 1."),
            Column("confidence_level", "text", "The same in words."),
            Column("input_shape", "text", "Which inputs the score rests on.", "shape"),
            *_MEMBERS,
            Column("scored_at", "moment", "When the score was made.", "created_at"),
            Column("model_sha256", "text", "Digest of the model's files.", width=20),
        )
    )


def _ratios(kind: str, prefix: str) -> tuple[Column, ...]:
    units = {"%": "percent (25.5 is 25.5 %)", "x": "multiple"}
    return tuple(
        Column(
            name,
            "number",
            f"{RATIO_TABLE[name].label} as it was given, {units[RATIO_TABLE[name].unit]}.",
            f"{prefix}inputs.ratios.{name}",
        )
        for name in RATIOS[PredictionKind(kind)]
    )


_COMPANY = (
    Column("symbol", "text", "The company's symbol.", "company.symbol"),
    Column("name", "text", "The company's name.", "company.name", width=34),
    Column("sector", "text", "The company's sector.", "company.sector", width=24),
)


def _version_of(row: Any) -> str:
    score = getattr(row, "current", row)
    return versions().get(score.model_version_id, "") if score is not None else ""


def _prediction_columns(kind: str) -> Sequence[Column]:
    return (
        *_COMPANY,
        Column("fiscal_year", "whole", "Fiscal year."),
        Column("fiscal_quarter", "text", "Fiscal quarter.", "quarter_text", width=8),
        *score_columns("current."),
        Column("model_version", "text", "Version of the model.", _version_of),
        *_ratios(kind, "current."),
        Column("created_at", "moment", "When the period was first scored."),
        Column("id", "text", "Its identifier, for programs.", width=38),
    )


def _prediction_rows(kind: str) -> QuerySet[Any]:
    return selectors.predictions(kind)


class ScoreFilter(django_filters.FilterSet):
    company = django_filters.UUIDFilter(field_name="prediction__company_id")
    kind = django_filters.ChoiceFilter(field_name="prediction__kind", choices=PredictionKind.choices)
    year = WholeNumberFilter(field_name="prediction__fiscal_year")


_SCORES = (
    Column("symbol", "text", "The company's symbol.", "prediction.company.symbol"),
    Column("kind", "text", "annual or quarterly.", "prediction.kind"),
    Column("fiscal_year", "whole", "Fiscal year.", "prediction.fiscal_year"),
    Column("fiscal_quarter", "text", "Fiscal quarter.", "prediction.quarter_text", width=8),
    Column(
        "current", "yes_no", "Whether the score holds now.", lambda row: row.id == row.prediction.current_id
    ),
    *score_columns(),
    Column("model_version", "text", "Version of the model.", _version_of),
    Column("input_hash", "text", "Digest of what was scored.", width=20),
    Column("id", "text", "Its identifier, for programs.", width=38),
)


def _scores() -> QuerySet[Any]:
    rows: QuerySet[Any] = Score.objects.select_related("prediction__company")
    return rows.order_by("-prediction__fiscal_year", "-prediction__fiscal_quarter", "-id")


class ResultFilter(django_filters.FilterSet):
    job = django_filters.UUIDFilter(field_name="job_id")
    risk_level = django_filters.MultipleChoiceFilter(choices=RiskLevel.choices, distinct=False)


_RESULTS = (
    Column("rank", "whole", "1 for the highest PD of the file."),
    Column("row", "whole", "Row of the file, the header being 1.", "row_number"),
    Column("symbol", "text", "The company's symbol.", "prediction.company.symbol"),
    Column("name", "text", "The company's name.", "prediction.company.name", width=34),
    Column("sector", "text", "The company's sector.", "prediction.company.sector", width=24),
    Column("fiscal_year", "whole", "Fiscal year.", "prediction.fiscal_year"),
    Column("fiscal_quarter", "text", "Fiscal quarter.", "prediction.quarter_text", width=8),
    *score_columns(),
    Column("id", "text", "Its identifier, for programs.", width=38),
)


def _results() -> QuerySet[Any]:
    rows: Any = Score.objects.select_related("prediction__company").filter(job__isnull=False)
    rank = Window(RowNumber(), partition_by=F("job_id"), order_by=(F("pd").desc(), F("id").asc()))
    ranked: QuerySet[Any] = rows.annotate(rank=rank).order_by("-pd", "id")
    return ranked


class IssueFilter(django_filters.FilterSet):
    job = django_filters.UUIDFilter(field_name="job_id")
    severity = django_filters.ChoiceFilter(choices=Severity.choices)


_ISSUES = (
    Column("row", "whole", "Row of the file, the header being 1.", "row_number"),
    Column("severity", "text", "error: the row was refused; warning: it was scored."),
    Column("column", "text", "The column.", width=26),
    Column("code", "text", "What is wrong, for programs.", width=20),
    Column("message", "text", "What is wrong.", width=60),
    Column("value", "text", "What stands in the cell.", width=24),
)


def _issues() -> QuerySet[Any]:
    rows: QuerySet[Any] = RowIssue.objects.order_by("row_number", "id")
    return rows


_JOBS = (
    Column("file", "text", "Name of the file.", "original_filename", width=34),
    Column("kind", "text", "annual or quarterly."),
    Column("state", "text", "How the job stands."),
    Column("rows", "whole", "Rows of the file.", "total_rows"),
    Column("scored", "whole", "Rows that were scored.", "scored_rows"),
    Column("refused", "whole", "Rows that were refused.", "refused_rows"),
    Column("warnings", "whole", "Cells that were repaired or taken as missing.", "warning_count"),
    Column("by", "text", "Who uploaded it.", "created_by_label", width=28),
    Column("created_at", "moment", "When it was uploaded."),
    Column("started_at", "moment", "When its scoring began."),
    Column("completed_at", "moment", "When it ended."),
    Column("id", "text", "Its identifier, for programs.", width=38),
)


def _jobs() -> QuerySet[Any]:
    rows: QuerySet[Any] = ScoringJob.objects.order_by("-created_at", "-id")
    return rows


_OUTCOMES = (
    Column("symbol", "text", "The company's symbol.", "company.symbol"),
    Column("name", "text", "The company's name.", "company.name", width=34),
    Column("occurred_on", "date", "When the default happened."),
    Column("kind", "text", "Kind of the default."),
    Column("note", "text", "What somebody noted.", width=40),
    Column("source", "text", "File and row; empty if typed in.", width=30),
    Column("created_at", "moment", "When it was recorded."),
    Column("id", "text", "Its identifier, for programs.", width=38),
)


def _outcomes() -> QuerySet[Any]:
    rows: QuerySet[Any] = Outcome.objects.select_related("company").order_by("-occurred_on", "-id")
    return rows


def in_reach(model: type[Model]) -> Callable[[str], bool]:
    """Whether a row of the model can be seen from here, by its id."""

    def there(key: str) -> bool:
        try:
            return bool(model._default_manager.filter(id=UUID(key)).exists())
        except ValueError:
            return False

    return there


_JOB = {"job": in_reach(ScoringJob)}
TABLES = (
    *(
        ListTable(
            f"predictions_{kind}",
            f"{PredictionKind(kind).label} predictions",
            "predictions.read",
            partial(_prediction_rows, kind),
            PredictionFilter,
            partial(_prediction_columns, kind),
        )
        for kind in PredictionKind.values
    ),
    ListTable(
        "scores", "Scores of a company", "predictions.read", _scores, ScoreFilter, lambda: _SCORES,
        needs={"company": in_reach(Company)},
    ),
    ListTable("jobs", "Scoring jobs", "jobs.read", _jobs, JobFilter, lambda: _JOBS, module="bulk_scoring"),
    ListTable(
        "job_results", "Results of a job", "jobs.read", _results, ResultFilter, lambda: _RESULTS,
        module="bulk_scoring", needs=_JOB,
    ),
    ListTable(
        "job_issues", "Errors and warnings of a job", "jobs.read", _issues, IssueFilter, lambda: _ISSUES,
        module="bulk_scoring", needs=_JOB,
    ),
    ListTable(
        "outcomes", "Outcomes", "outcomes.read", _outcomes, OutcomeFilter, lambda: _OUTCOMES,
        module="monitoring",
    ),
)  # fmt: skip
