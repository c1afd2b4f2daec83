"""The model card, generated from the manifest of a model folder: `python -m ml.card`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml.features import LINE_ITEMS, RATIOS
from ml.persistence import CARD, DEFAULT_PATH, DOCUMENTS, list_documents, load
from ml.shapes import MEMBER_LABELS, MEMBERS, SHAPES, described

SOURCE = {
    "name": "American bankruptcy dataset (US companies listed on NYSE and NASDAQ, fiscal years 1999-2015)",
    "reference": "Lombardo, Pellegrino, Adosoglou, Cagnoni, Pardalos, Poggi, Future Internet 2022, 14, 244",
    "licence": "CC BY 4.0",
}
DEFINITION = (
    "One-year probability of default: that the fiscal year of the statement is the company's last before it "
    "files for bankruptcy in the United States (Chapter 7 or Chapter 11)."
)
LIMITS: tuple[str, ...] = (
    "The lag from the end of the fiscal year to the filing is not recorded; it is usually up to 12-18 "
    "months, so the horizon is one statement year rather than exactly twelve months.",
    "The development data has long-term debt only. It stands in for total debt in debt to EBITDA, so "
    "companies that bring total debt get a PD that is a little too high.",
    "Interest expense is not in the development data: EBIT to interest is shown and does not move the PD.",
    "Defaults before 2003 are under-recorded: nothing is fitted, anchored or calibrated on those years; they "
    "serve as prior years only.",
    "Companies that left the data alive (merged, taken private, delisted) count as not having defaulted.",
    "Developed on US listed companies outside the financial sector's own accounting; private companies, "
    "other countries and financial institutions are extrapolation.",
    "Ratio-only input carries less information than a statement; its scores have a lower confidence, and the "
    "highest category may be out of its reach.",
    "Gaps in training are made at random. A cell that users leave blank for a reason (such as an undefined "
    "ratio) is scored as missing at random, which may understate its risk.",
    "Return on capital is EBIT over long-term debt plus equity, before tax; return on assets is net income "
    "over total assets at the year's end. Sheets that define them otherwise are scored as they stand.",
)
REFERENCE_POINTS: tuple[tuple[str, str, str], ...] = (
    ("Logistic regression, untuned", "0.86", "0.91"),
    ("Boosted trees, untuned", "0.88", "0.92"),
    ("Random forest, untuned", "0.89", "0.92"),
    ("Altman Z", "", "0.79"),
    ("Altman Z''", "0.77", ""),
    ("Zmijewski", "0.81", ""),
    ("Annual ratios alone, untuned", "0.81", ""),
    ("Quarterly ratios alone, untuned", "0.83", ""),
)


def card(manifest: Mapping[str, Any], sha256: str) -> dict[str, Any]:
    """The model card as data: every figure comes from the manifest or from the declarations in code."""
    return {
        "model": {"name": manifest["name"], "version": manifest["version"], "sha256": sha256},
        "definition": DEFINITION,
        "source": SOURCE,
        "sample": manifest["data"],
        "protocol": manifest["protocol"],
        "cutoffs": manifest["cutoffs"],
        "libraries": manifest["libraries"],
        "limits": list(LIMITS),
        "shapes": {
            name: {
                "label": spec["label"],
                "features": [_feature(name, feature) for feature in spec["features"]],
                "weights": spec["weights"],
                "sigma": spec["sigma"],
                "settings": spec["settings"],
                "metrics": spec["metrics"],
            }
            for name, spec in manifest["shapes"].items()
        },
        "not_in_model": [name for name, ratio in RATIOS.items() if not ratio.fitted]
        + [name for name, item in LINE_ITEMS.items() if not item.developed],
    }


def _feature(shape: str, name: str) -> dict[str, Any]:
    spec = described(SHAPES[shape], name)
    return {
        "name": spec.name,
        "label": spec.label,
        "formula": spec.formula,
        "unit": spec.unit,
        "direction": spec.direction,
        "inputs": list(spec.inputs),
    }


def markdown(content: Mapping[str, Any]) -> str:
    """The model card as a Markdown page."""
    model, sample, protocol = content["model"], content["sample"], content["protocol"]
    lines = [
        f"# Model card: {model['name']} {model['version']}",
        "",
        "Generated from the model's manifest by `python -m ml.card`; do not edit by hand.",
        "",
        f"Identified by sha256 `{model['sha256']}`.",
        "",
        "## What it predicts",
        "",
        content["definition"],
        "",
        "## Data",
        "",
        f"{content['source']['name']}; {content['source']['reference']}; "
        f"licence {content['source']['licence']}. "
        f"sha256 of the file: `{sample['sha256']}`.",
        "",
        f"{sample['firm_years']:,} firm-years of {sample['companies']:,} companies, {sample['defaults']} "
        "defaults. No firm-year is excluded; impossible amounts (a negative balance) are made missing.",
        "",
        *_table(
            ("Fiscal year", "Firm-years", "Defaults", "Rate"),
            (
                (year, f"{row['names']:,}", row["defaults"], f"{row['defaults'] / row['names']:.2%}")
                for year, row in sample["by_year"].items()
            ),
        ),
        "",
        "## Protocol",
        "",
        "Settings were chosen on rolling origins (train on the years before, predict the year) up to "
        f"{protocol['last_selection_year']}. The figures below are for fiscal years "
        f"{' and '.join(str(y) for y in protocol['report_years'])}, from members fitted and calibrated on "
        f"years up to {protocol['last_selection_year']}. The released model is refitted on all years with "
        f"the same settings and calibrated on the pooled out-of-time predictions from "
        f"{protocol['first_origin']} on. The mean PD is anchored on the default rate from "
        f"{protocol['fit_from']} on ({protocol['long_run_default_rate']:.3%}).",
        "",
        "Missing values: never replaced by a number. Trees send a blank down a branch learnt for blanks, the "
        "logistic member has a coefficient for it; each firm-year is trained once complete and once with "
        "inputs missing at random. Each missing input also shifts the log-odds by an amount fitted out of "
        "time, so that rows with that gap keep the right mean PD. A debt ratio over a denominator "
        "that is not positive is a state of its own, ranked above every defined value.",
        "",
        "Every default and a third of the survivors, at three times their weight, are fitted on. The "
        "statement members also see statements two to four years before a bankruptcy as defaults of a lower "
        "weight, when that bankruptcy was known at the origin; calibration takes the level back to one year.",
        "",
        "Members are calibrated and blended by affine maps in log-odds with positive slopes. Contributions "
        "are the Shapley values of the trees and of the additive logistic member; XGBoost computes them in "
        "float32, and the remainder (about 1e-5) is spread so that each row adds up to the float64 score.",
        "",
        "The 90 % interval is the PD's log-odds plus and minus 1.645 sigma, widened by what is missing; "
        "sigma is the maximum-likelihood spread of default rates around the PD over cells of year and PD bin "
        "(at least 300 names) of the rolling origins. It covers how far the rate of companies with such a PD "
        "has moved from year to year, not the uncertainty of one company's fate.",
        "",
    ]
    for name, spec in content["shapes"].items():
        lines += _shape(name, spec)
    lines += ["## Reference points", "",
              "AUC, untuned, out of time, from statements only and with market value.", "",
              *_table(("Score", "Without market value", "With market value"), REFERENCE_POINTS), "",
              "## Limits", "", *(f"- {text}" for text in content["limits"]), "",
              "## Shown, not in the model", "",
              ", ".join(f"`{name}`" for name in content["not_in_model"]) + ".", ""]  # fmt: skip
    return "\n".join(lines)


def _shape(name: str, spec: Mapping[str, Any]) -> list[str]:
    report, pooled = spec["metrics"]["report"], spec["metrics"]["out_of_time"]
    ensemble = report["ensemble"]
    names = {"ensemble": "Ensemble", **MEMBER_LABELS}
    order = ("ensemble", *MEMBERS)
    return [
        f"## {spec['label']} (`{name}`)",
        "",
        f"Fiscal years 2014-2015: {ensemble['names']:,} names, {ensemble['defaults']} defaults.",
        "",
        *_table(
            ("Score", "AUC", "95 % interval", "Accuracy ratio", "PR-AUC", "KS", "Brier", "In worst tenth",
             "Mean PD", "Default rate", "Rejected deciles"),
            (
                (names[m], f"{r['auc']:.3f}", f"{r['auc_low']:.3f}-{r['auc_high']:.3f}",
                 f"{r['accuracy_ratio']:.3f}", f"{r['pr_auc']:.3f}", f"{r['ks']:.3f}",
                 f"{r['brier']:.5f}", f"{r['recall_worst_tenth']:.0%}",
                 f"{r['mean_pd']:.2%}", f"{r['default_rate']:.2%}", r["rejected_deciles"])
                for m in order for r in [report[m]]
            ),
        ),
        "",
        f"Rolling origins pooled: AUC {pooled['ensemble']['auc']:.3f} "
        f"({pooled['ensemble']['auc_low']:.3f}-{pooled['ensemble']['auc_high']:.3f}) over "
        f"{pooled['ensemble']['defaults']} defaults; by year "
        + ", ".join(f"{year} {value:.3f}" for year, value in spec["metrics"]["auc_by_year"].items()) + ".",
        "",
        "Calibration by tenth of the PD on 2014-2015 (a tenth is rejected when the PD lies outside the 95 % "
        "Jeffreys interval of its default rate):",
        "",
        *_table(
            ("Tenth", "Names", "Defaults", "Mean PD", "Default rate", "Jeffreys p", "Rejected"),
            (
                (i, d["names"], d["defaults"], f"{d['mean_pd']:.3%}", f"{d['default_rate']:.3%}",
                 f"{d['jeffreys_p']:.3f}", "yes" if d["rejected"] else "no")
                for i, d in enumerate(ensemble["deciles"], 1)
            ),
        ),
        "",
        "Categories over the rolling origins:",
        "",
        *_table(
            ("Category", "Share", "Mean PD", "Default rate"),
            ((k, f"{c['share']:.2%}", _percent(c["mean_pd"]), _percent(c["default_rate"]))
             for k, c in spec["metrics"]["categories"].items()),
        ),
        "",
        "With one input missing throughout, over the rolling origins (to whose mean the shifts were fitted; "
        "ratios also as a spreadsheet divides them, which hides the sign of a denominator):",
        "",
        *_table(
            ("Missing", "AUC", "Mean PD", "Default rate"),
            ((k, f"{g['auc']:.3f}", f"{g['mean_pd']:.2%}", f"{g['default_rate']:.2%}")
             for k, g in spec["metrics"]["gaps"].items()),
        ),
        "",
        "Weights of the members in log-odds: "
        + ", ".join(f"{MEMBER_LABELS[m]} {spec['weights'][m]:.2f}" for m in MEMBERS)
        + f". Sigma of the interval: {spec['sigma']:.3f}.",
        "",
        *_table(
            ("Feature", "Formula", "Unit", "Risk rises with"),
            ((f["label"], f["formula"], f["unit"], {1: "higher", -1: "lower", 0: "not bound"}[f["direction"]])
             for f in spec["features"]),
        ),
        "",
    ]  # fmt: skip


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    body = [" | ".join(str(cell) for cell in row) for row in rows]
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {row} |" for row in body)]


def write_card(folder: Path, page: Path | None = None) -> dict[str, Any]:
    """Write `card.json` into the model's folder and, if asked, the Markdown page; return the card."""
    artifact = load(folder)
    content = card(artifact.manifest, artifact.sha256)
    (folder / CARD).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    if (folder / DOCUMENTS).is_file():
        list_documents(folder)
    if page is not None:
        page.write_text(markdown(content))
    return content


def main(arguments: list[str] | None = None) -> int:
    """Command line: write the card of a model folder."""
    parser = argparse.ArgumentParser(prog="python -m ml.card", description=__doc__)
    parser.add_argument(
        "--model", type=Path, default=DEFAULT_PATH, help="model folder (default: the shipped one)"
    )
    parser.add_argument(
        "--page", type=Path, default=Path("docs/model-card.md"), help="Markdown file to write"
    )
    options = parser.parse_args(arguments)
    write_card(options.model, options.page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
