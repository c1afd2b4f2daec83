"""Golden scores of committed synthetic rows; `python -m ml.tests.golden` pins them to the shipped model."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from ml import Engine
from ml.dataset import from_frame
from ml.sampling import history_frame
from ml.tests.synthetic import firm_years

FILE = Path(__file__).with_name("golden.json")
SHEETS: dict[str, list[dict[str, Any]]] = {
    "annual": [
        {"long_term_debt_to_total_capital": 20.7, "total_debt_to_ebitda": 1.1, "net_income_margin": 9.1,
         "ebit_to_interest_expense": 8.5, "return_on_assets": 5.9},
        {"long_term_debt_to_total_capital": 88.0, "total_debt_to_ebitda": 9.4, "net_income_margin": -12.0,
         "ebit_to_interest_expense": 0.4, "return_on_assets": -8.0},
        {"long_term_debt_to_total_capital": 130.0, "total_debt_to_ebitda": -2.0, "net_income_margin": -80.0,
         "return_on_assets": -35.0},
        {"net_income_margin": 4.0, "return_on_assets": 1e8},
    ],
    "quarterly": [
        {"total_debt_to_ebitda": 4.3, "sga_margin": 24.0, "long_term_debt_to_total_capital": 42.0,
         "return_on_capital": 17.8},
        {"total_debt_to_ebitda": -1.0, "long_term_debt_to_total_capital": 95.0, "return_on_capital": -20.0},
    ],
}  # fmt: skip


def inputs() -> dict[str, Any]:
    """Inputs in plain JSON: sheets of ratios, and statements with their history."""
    data = from_frame(firm_years(firms=12, seed=42))
    history = history_frame(data)
    statements = pd.DataFrame(data.items).round(4)
    return {
        "sheets": SHEETS,
        "statements": json.loads(statements.to_json(orient="records")),
        "history": [] if history is None else json.loads(history.round(4).to_json(orient="records")),
    }


def score(engine: Engine, given: dict[str, Any]) -> dict[str, list[float]]:
    """PDs of all golden inputs by case."""
    statements, history = pd.DataFrame(given["statements"]), pd.DataFrame(given["history"])
    alone = (statements.drop(columns="market_cap"), history.drop(columns="market_cap"))
    found = {
        "statement_market": engine.score(statements, kind="annual", history=history, drivers=0),
        "statement": engine.score(alone[0], kind="annual", history=alone[1], drivers=0),
        "without_history": engine.score(statements, kind="annual", drivers=0),
        "quarters": engine.score(statements, kind="quarterly", history=history, drivers=0),
    }
    for kind in ("annual", "quarterly"):
        found[f"{kind}_ratios"] = engine.score(pd.DataFrame(given["sheets"][kind]), kind=kind, drivers=0)  # type: ignore[arg-type]
    return {name: scores.pd.tolist() for name, scores in found.items()}


def main() -> int:
    """Write the golden file."""
    engine, given = Engine.load(), inputs()
    content = {"model": engine.sha256, "inputs": given, "pd": score(engine, given)}
    FILE.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
