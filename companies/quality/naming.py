"""Names and numbers as messages write them."""

from __future__ import annotations

from companies.quality.limits import CHECKS
from ml.features import LINE_ITEMS


def label(name: str) -> str:
    """A line item as people call it."""
    return LINE_ITEMS[name].label


def named(code: str) -> str:
    """The title of a check."""
    return CHECKS[code].title


def amount(value: float) -> str:
    """An amount in millions, with as many digits as it needs: 1,234.5 m."""
    text = f"{value:,.6f}".rstrip("0").rstrip(".") if abs(value) < 100 else f"{value:,.1f}"
    return f"{text} m"
