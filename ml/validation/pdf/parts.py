"""What the sections of the report share: widths, names, and the words for what could not be measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.shapes import MEMBER_LABELS
from ml.validation.pdf.style import (
    WIDTH,
)

HALF = WIDTH / 2 - 6
SCORES = {"ensemble": "Ensemble", **MEMBER_LABELS}
SIGNS = {1: "+", -1: "–", 0: "free"}
Report = Mapping[str, Any]
Line = tuple[Any, ...]
NEEDS = "This part needs the development data, which was not there when the report was made."


def label(report: Report, name: str) -> str:
    found: str = report["card"]["shapes"][name]["label"]
    return found


def shape(report: Report, name: str) -> Mapping[str, Any] | None:
    """The evidence of a shape, None where there is none."""
    if not report["evidence"]:
        return None
    found: Mapping[str, Any] | None = report["evidence"]["shapes"].get(name)
    return found
