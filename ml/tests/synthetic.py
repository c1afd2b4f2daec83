"""A seeded stand-in for the development data: invented firms whose risk follows from their statements."""

from __future__ import annotations

import numpy as np
import pandas as pd

YEARS = range(1999, 2016)


def firm_years(firms: int = 260, seed: int = 7, rate: float = -4.2) -> pd.DataFrame:
    """Firm-years with the development data's columns; `rate` moves the share of defaults (log-odds)."""
    rng = np.random.default_rng(seed)
    rows = []
    for firm in range(firms):
        assets = float(np.exp(rng.normal(5.0, 1.5)))
        leverage, margin = rng.uniform(0.2, 0.7), rng.normal(0.08, 0.07)
        earned = rng.normal(0.1, 0.3) * assets
        start = int(rng.integers(1999, 2010))
        for year in range(start, 2016):
            leverage = float(np.clip(leverage + rng.normal(0.01, 0.06), 0.05, 1.4))
            margin = float(np.clip(margin + rng.normal(0.0, 0.04), -0.5, 0.4))
            assets *= float(np.exp(rng.normal(0.03, 0.12)))
            row = _statement(rng, assets, leverage, margin, earned)
            earned += row["net_income"]
            z = rate + 4.0 * (leverage - 0.6) - 9.0 * margin - 0.25 * np.log(row["market_value"] / assets)
            default = bool(rng.random() < 1.0 / (1.0 + np.exp(-z)))
            rows.append(
                {"company_id": f"S_{firm}", "fiscal_year": year, **row, "default_next_year": int(default)}
            )
            if default:
                break
    return pd.DataFrame(rows)


def _statement(
    rng: np.random.Generator, assets: float, leverage: float, margin: float, earned: float
) -> dict[str, float]:
    sales = assets * rng.uniform(0.6, 1.6)
    ebitda = sales * margin
    depreciation = assets * rng.uniform(0.02, 0.06)
    debt = 0.5 * leverage * assets * rng.uniform(0.0, 1.0)
    net_income = ebitda - depreciation - 0.07 * debt
    cost = sales * rng.uniform(0.4, 0.7)
    current = assets * rng.uniform(0.2, 0.6)
    equity = assets * (1.0 - leverage)
    return {
        "current_assets": current,
        "inventory": current * rng.uniform(0.0, 0.4),
        "total_receivables": current * rng.uniform(0.1, 0.4),
        "total_assets": assets,
        "total_current_liabilities": max(leverage * assets - debt, 0.01) * rng.uniform(0.4, 0.9),
        "total_long_term_debt": debt,
        "total_liabilities": leverage * assets,
        "retained_earnings": earned + net_income,
        "net_sales": sales,
        "total_revenue": sales,
        "cost_of_goods_sold": cost,
        "gross_profit": sales - cost,
        "total_operating_expenses": sales - ebitda,
        "ebitda": ebitda,
        "depreciation_amortization": depreciation,
        "ebit": ebitda - depreciation,
        "net_income": net_income,
        "market_value": max(equity, 0.02 * assets) * float(np.exp(rng.normal(0.2 + 3 * margin, 0.5))),
    }
