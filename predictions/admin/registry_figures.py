"""What the console shows of a model version: figures, verdicts, charts, the comparison with the champion."""

from __future__ import annotations

from typing import Any

from django.utils.safestring import mark_safe

from ml.shapes import SHAPES
from predictions import shadowing
from predictions.registry.models import ModelVersion
from tenants.kernel.console import NOTHING, percent

LIGHT_LABELS = {"green": "success", "amber": "warning", "red": "danger", "unknown": ""}
LIGHT_WORDS = {"green": "meets", "amber": "watch", "red": "misses", "unknown": "not measured"}
# Figures of a model card worth a column, each with how it is shown.
FIGURES = (
    ("auc", "AUC", ".3f"),
    ("accuracy_ratio", "Accuracy ratio", ".3f"),
    ("brier", "Brier score", ".4f"),
)


def measured(card: dict[str, Any]) -> list[dict[str, Any]]:
    """How each shape of a model did on years it had not seen, as far as its card says."""
    rows = []
    shapes = card.get("shapes", {})
    for shape in (shapes[name] for name in [*filter(shapes.get, SHAPES), *(shapes.keys() - SHAPES.keys())]):
        metrics = shape.get("metrics", {}).get("report", {}).get("ensemble", {})
        figures = [format(metrics[key], how) if key in metrics else NOTHING for key, _, how in FIGURES]
        rows.append(
            {"label": shape.get("label", ""), "features": len(shape.get("features", ())), "figures": figures}
        )
    return rows


def cutoffs(card: dict[str, Any]) -> list[tuple[str, float]]:
    """Where the risk levels of a model begin, ascending."""
    return sorted(card.get("cutoffs", {}).items(), key=lambda pair: pair[1])


def shapes(content: dict[str, Any]) -> list[str]:
    """Input shapes of a report, the richest first; the table of JSON has shuffled them."""
    from ml.validation.report import shapes_of

    return shapes_of(content)


def verdicts(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The lights of a report: a question a row, an input shape a column."""
    if not content["verdicts"]:
        return []
    by_shape = [{row["code"]: row for row in content["verdicts"][name]} for name in shapes(content)]
    first = by_shape[0]
    return [
        {
            "question": row["question"],
            "lights": [
                {
                    "variant": LIGHT_LABELS[light],
                    "word": LIGHT_WORDS[light],
                    "figure": found.get("figure", ""),
                }
                for shape in by_shape
                for found in [shape.get(code, {})]
                for light in [found.get("light", "unknown")]
            ],
        }
        for code, row in first.items()
    ]


def charts(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Charts of the report's evidence by input shape, as SVG of our own making."""
    if not content["evidence"]:
        return []
    from ml.validation import charts  # draws with a library that no other page needs

    found = []
    for shape in (content["evidence"]["shapes"][name] for name in shapes(content)):
        pictures = []
        if shape["power"]["curves"]["roc"]:
            named = [
                (key.replace("_", " ").capitalize(), p) for key, p in shape["power"]["curves"]["roc"].items()
            ]
            pictures.append(("ROC, years kept apart", charts.roc(named, width=330, height=220)))
        grades = shape["calibration"]["rolling"]["grades"]
        pictures.append(
            ("Calibration by grade, out of time", charts.calibration(grades, width=330, height=220))
        )
        pictures.append(
            ("AUC by year, out of time", charts.auc_by_year(shape["power"]["by_year"], width=330, height=170))
        )
        if shape["drift"]:
            pictures.append(("Stability of the score", charts.drift(shape["drift"], width=330, height=170)))
        found.append(
            {
                "label": shape["label"],
                # Drawn here from numbers: nothing in it was typed by anybody.
                "pictures": [(title, mark_safe(charts.svg(drawing))) for title, drawing in pictures],  # noqa: S308
            }
        )
    return found


def compared(version: ModelVersion) -> dict[str, Any] | None:
    """The comparison with the champion, where there is one."""
    found = shadowing.comparison(version)
    if not found["scores"]:
        return None
    correlation = found["rank_correlation"]
    levels = [level.capitalize() for level in found["levels"]]
    return {
        "scores": f"{found['scores']:,}",
        "champion": found["champion_version"],
        "agreement": percent(found["agreement"], 1),
        "correlation": NOTHING if correlation is None else f"{correlation:.3f}",
        "means": [(name.capitalize(), percent(value)) for name, value in found["mean_pd"].items()],
        "levels": levels,
        "rows": list(zip(levels, found["migration"], strict=True)),
        "counted_at": found["counted_at"],
        "realised": realised(found["outcomes"]),
    }


def realised(outcomes: dict[str, Any] | None) -> str:
    if outcomes is None:
        return "not yet: too few defaults are recorded for periods that are over"
    return (
        f"{outcomes['challenger_auc']:.3f}, the champion's {outcomes['champion_auc']:.3f} "
        f"(difference {outcomes['difference_low']:+.3f} to {outcomes['difference_high']:+.3f} in 95 %), "
        f"{outcomes['defaults']:,} defaults of {outcomes['names']:,} names"
    )
