"""A tenant with a hundred thousand companies and a million scores, in a few minutes: by COPY."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from tests.benchmarks.harness import say

YEARS = (2021, 2022, 2023, 2024, 2025)
SECTORS = (
    "Technology", "Healthcare", "Financial Services", "Consumer Cyclical", "Industrials",
    "Communication Services", "Consumer Defensive", "Energy", "Utilities", "Real Estate", "Basic Materials",
)  # fmt: skip
CUTS = ((0.03, "LOW"), (0.07, "MEDIUM"), (0.15, "HIGH"), (2.0, "CRITICAL"))
PART = 5_000
SHA = "0" * 64
# Lists of what there is little of: a page of 100 must be full all the same.
FEW = 120

_COMPANY = ("id", "symbol", "name", "sector", "country", "currency", "state", "tags", "custom", "version",
            "legal_form", "industry", "ticker", "exchange", "cik", "lei", "national_id",
            "market_cap_currency", "default_kind", "internal_rating", "created_at", "updated_at")  # fmt: skip
_HEAD = ("id", "company", "kind", "fiscal_year", "quarter_label", "current", "pd", "risk_level",
         "created_at", "updated_at", "created_by_id")  # fmt: skip
_SCORE = ("id", "prediction", "model_version_id", "model_sha256", "input_hash", "shape", "inputs", "pd",
          "pd_raw", "risk_level", "grade", "members", "low", "high", "confidence", "confidence_level",
          "confidence_reasons", "warnings", "created_at", "created_by_id")  # fmt: skip


def fill(
    organization_id: UUID, companies: int, scores: int, *, mark: str, maker: UUID, version: UUID
) -> None:
    """Companies with heads of five years and as many scores for each as make up the number."""
    from companies.models import Company
    from predictions.models import Prediction, Score
    from tenants.kernel.copying import copy_rows
    from tenants.kernel.ids import uuid7_batch

    rng = random.Random(7)
    runs = max(scores // (companies * len(YEARS)), 1)
    now = timezone.now()
    members = json.dumps({"logistic": 0.02, "gradient_boosting": 0.02, "random_forest": 0.02})
    ratios = json.dumps({"ratios": {"return_on_assets": 4.2, "net_income_margin": 3.1}})
    for start in range(0, companies, PART):
        ids = uuid7_batch(min(PART, companies - start))
        made = now - timedelta(days=700)
        company_rows = [
            (key, f"{mark}{start + n}", f"Company {start + n} of {mark}", SECTORS[n % len(SECTORS)], "US",
             "USD", "alive", [], "{}", 1, "", "", "", "", "", "", "", "", "", "", made, made)
            for n, key in enumerate(ids)
        ]  # fmt: skip
        copy_rows(Company, organization_id=organization_id, fields=_COMPANY, rows=company_rows)
        heads, found = [], []
        for company in ids:
            level_of = rng.lognormvariate(-3.6, 1.0)
            for place, year in enumerate(YEARS):
                head, *_ = uuid7_batch(1)
                run_ids = uuid7_batch(runs)
                for step, key in enumerate(run_ids):
                    pd_ = min(max(level_of * rng.lognormvariate(0.0, 0.3), 0.0003), 0.95)
                    level = next(name for cut, name in CUTS if pd_ < cut)
                    # Newer periods later; the repeats of a period spread over the year after it.
                    days = 365 * (len(YEARS) - 1 - place) + 300 * (runs - 1 - step) // max(runs, 1)
                    at = now - timedelta(days=days, seconds=rng.randrange(86_400))
                    last = year == YEARS[-1] and key == run_ids[-1]
                    found.append(
                        (key, head, version, SHA, SHA, "statement" if last else "annual_ratios",
                         _statement(rng, pd_) if last else ratios, pd_, pd_, level, "BB", members,
                         pd_ / 2, min(2 * pd_, 0.99), 0.7, "medium", "[]", "[]", at, maker)
                    )  # fmt: skip
                heads.append((head, company, "annual", year, "", run_ids[-1], pd_, level, at, at, maker))
        # Heads name their current score; both must be there when the transaction ends.
        copy_rows(Prediction, organization_id=organization_id, fields=_HEAD, rows=heads)
        copy_rows(Score, organization_id=organization_id, fields=_SCORE, rows=found)
        if (start // PART) % 5 == 4:
            say(f"  {start + len(ids):,} companies of {mark}")


def _statement(rng: random.Random, pd_: float) -> str:
    """A balanced statement of a company of some size."""
    assets = rng.lognormvariate(4.0, 2.0) + 0.1
    owed = assets * min(0.3 + 2 * pd_, 0.95)
    sales = assets * rng.uniform(0.4, 1.6)
    items: dict[str, float] = {
        "total_assets": assets, "current_assets": assets * 0.4, "cash": assets * 0.08,
        "inventory": assets * 0.12, "total_receivables": assets * 0.15, "net_fixed_assets": assets * 0.5,
        "total_liabilities": owed, "total_current_liabilities": owed * 0.45, "short_term_debt": owed * 0.1,
        "total_long_term_debt": owed * 0.4, "total_debt": owed * 0.5, "total_equity": assets - owed,
        "retained_earnings": (assets - owed) * 0.4, "net_sales": sales, "cost_of_goods_sold": sales * 0.65,
        "gross_profit": sales * 0.35, "total_operating_expenses": sales * 0.88, "ebitda": sales * 0.12,
        "depreciation_amortization": sales * 0.04, "ebit": sales * 0.08, "interest_expense": owed * 0.03,
        "net_income": sales * 0.08 - owed * 0.03,
    }  # fmt: skip
    return json.dumps({"statement": {name: round(value, 4) for name, value in items.items()}})


def few_of_each(owner: Any) -> None:
    """So many of everything else that a page of a hundred is full."""
    from tests import factories

    made = ("JobFactory", "ScenarioFactory", "ScenarioRunFactory", "AlertFactory", "WhitelistEntryFactory",
            "JoinLinkFactory", "InvitationFactory", "OwnModelFactory")  # fmt: skip
    company = None
    for _ in range(FEW):
        for name in made:
            extra = {"looked_at": company} if name == "ScenarioRunFactory" and company else {}
            row = getattr(factories, name)(organization=owner, **extra)
            if company is None and name == "ScenarioRunFactory":
                company = row.results.get().company
        factories.OutcomeFactory(organization=owner, company=factories.CompanyFactory(organization=owner))
