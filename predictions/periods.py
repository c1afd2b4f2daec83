"""The period of a prediction in words."""

from __future__ import annotations


def quarter_text(quarter: int | None, label: str) -> str | None:
    """The quarter as people write it; an annual prediction may have one as a label."""
    return f"Q{quarter}" if quarter else (label or None)
