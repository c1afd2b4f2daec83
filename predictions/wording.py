"""What the console says in words where the API says it in codes."""

from __future__ import annotations

from typing import Any

from companies.sheets import REFUSING_CODES
from predictions.models import JobState, RiskLevel

LEVEL_LABELS = {"Low": "success", "Medium": "info", "High": "warning", "Critical": "danger"}
STATE_LABELS = {
    "Pending": "info",
    "Processing": "primary",
    "Completed": "success",
    "Failed": "danger",
    "Cancelled": "warning",
    "Being undone": "primary",
    "Undone": "warning",
    "Being deleted": "primary",
}
MEMBERS = {
    "random_forest": "Random forest",
    "gradient_boosting": "Gradient boosting",
    "logistic": "Logistic regression",
}
SHAPES = {
    "annual_ratios": "Annual ratios",
    "quarterly_ratios": "Quarterly ratios",
    "statement": "Line items of the statement",
    "statement_market": "Line items and market value",
}
_REASONS = {
    "ratio_only": "Scored on ratios alone, without the statement behind them",
    "old_statement": "The statement is at least two years old",
    "no_prior_year": "No earlier year is known, so no change could be judged",
    "single_quarter_annualised": "A single quarter stands for the whole year",
}
_REASONS_ABOUT = {
    "missing": "{} is missing",
    "out_of_range": "{} had an impossible value and was taken as missing",
    "outside_development": "{} lies outside what the model was trained on",
    "undefined": "{} is undefined, since what it is divided by is not positive",
    "stand_in": "{} is not known; total debt stands in for it",
    "partial_year_annualised": "Only {} quarters stand for the whole year",
}
_REFUSALS = {
    "duplicate_key": "The company and period stand in an earlier row of the file.",
    "internal": "The row makes the scoring fail: a fault on our side, which can be tried again.",
    "not_yours": "A colleague's prediction stands there.",
}


def named(name: str) -> str:
    """A column's name as people write it."""
    return name.replace("_", " ").capitalize().replace("ebitda", "EBITDA").replace("ebit ", "EBIT ")


def reason(code: str) -> str:
    """Why a score is less certain, in one sentence."""
    kind, _, about = code.partition(":")
    if kind in _REASONS_ABOUT:
        return _REASONS_ABOUT[kind].format(named(about))
    return _REASONS.get(code, named(code))


def refusal(code: str) -> str:
    """Why rows of a file were refused, in one sentence."""
    return _REFUSALS.get(code) or REFUSING_CODES.get(code, f"{named(code)}.")


def level(value: str) -> str:
    """A risk level as shown."""
    return str(RiskLevel(value).label) if value in RiskLevel.values else ""


def state(value: str) -> str:
    """A job's state as shown."""
    return str(JobState(value).label) if value in JobState.values else value.capitalize()


def duration(seconds: float | None) -> str:
    """A stretch of time as people say it."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def amount(value: Any) -> str:
    """A number of a statement or a ratio."""
    return f"{value:,.2f}" if isinstance(value, int | float) else str(value)
