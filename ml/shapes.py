"""The four shapes of input, each with its own features and members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ml.features import (
    ANNUAL_FEATURES,
    FEATURES,
    QUARTERLY_FEATURES,
    RATIOS,
    STATEMENT_FEATURES,
    STATEMENT_MARKET_FEATURES,
    Feature,
    Ratio,
)

MEMBERS: tuple[str, ...] = ("random_forest", "gradient_boosting", "logistic")
MEMBER_LABELS: Mapping[str, str] = {
    "random_forest": "Random forest",
    "gradient_boosting": "Gradient boosting",
    "logistic": "Logistic regression",
}


@dataclass(frozen=True)
class Shape:
    """One shape of input: what the model sees, and its members' settings (data that a reviewer signs)."""

    name: str
    label: str
    features: tuple[str, ...]
    confidence: float
    """Confidence of a complete row of this shape, 0 to 1."""
    gapped_weight: float
    """Weight in training of the copy of each firm-year with random gaps, beside 1 for the complete one."""
    echoes: Mapping[int, float] = field(default_factory=dict)
    """Fiscal years to a bankruptcy that was known when fitting, to the weight at which such a statement is
    also shown to the members as a default: what the years before a failure look like is worth learning."""
    forest: Mapping[str, Any] = field(default_factory=dict)
    boosting: Mapping[str, Any] = field(default_factory=dict)
    logistic: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_statement(self) -> bool:
        """True when the shape is fed from line items."""
        return self.name.startswith("statement")

    @property
    def directions(self) -> tuple[int, ...]:
        """Direction of risk of each feature, in order."""
        return tuple(described(self, name).direction for name in self.features)

    @property
    def gap_markers(self) -> Mapping[str, str]:
        """For each input, the feature that is missing when the input is."""
        return STATEMENT_MARKERS if self.is_statement else {name: name for name in self.features}


SIZE = "log_assets"
"""The feature that says how large a company is: ln of total assets in USD millions."""
PRIOR_YEARS = "prior years"
# Total assets and liabilities are always known in a statement shape, so these features miss one input only
# (or, with inventory, receivables and current assets, one of two).
STATEMENT_MARKERS: Mapping[str, str] = {
    "total_current_liabilities": "current_liabilities_to_assets",
    "total_long_term_debt": "long_term_debt_to_assets",
    "retained_earnings": "retained_earnings_to_assets",
    "net_income": "return_on_assets",
    "net_sales": "asset_turnover",
    "current_assets": "working_capital_to_assets",
    "inventory": "inventory_to_sales",
    "total_receivables": "receivables_to_sales",
    "gross_profit": "gross_margin",
    "ebit": "ebit_to_assets",
    "ebitda": "ebitda_to_assets",
    PRIOR_YEARS: "asset_growth",
}


def described(shape: Shape, name: str) -> Feature | Ratio:
    """The declaration of a shape's feature."""
    return FEATURES[name] if shape.is_statement else RATIOS[name]


_STATEMENT: Mapping[str, Any] = {
    "gapped_weight": 0.25,
    "echoes": {2: 0.5, 3: 0.3, 4: 0.15},
    "forest": {"n_trees": 150, "max_depth": 7, "subsample": 0.6, "colsample": 0.15, "min_child_weight": 25,
               "reg_lambda": 5},
    "boosting": {"n_trees": 200, "max_depth": 4, "learning_rate": 0.04, "subsample": 0.6, "colsample": 0.15,
                 "min_child_weight": 8, "reg_lambda": 20},
    "logistic": {"penalty": 0.08},
}  # fmt: skip
_RATIOS: Mapping[str, Any] = {
    "gapped_weight": 1.0,
    "forest": {"n_trees": 150, "max_depth": 6, "subsample": 0.5, "colsample": 0.5, "min_child_weight": 60},
    "boosting": {"n_trees": 150, "max_depth": 3, "learning_rate": 0.05, "subsample": 0.6, "colsample": 0.75,
                 "min_child_weight": 5, "reg_lambda": 5},
    "logistic": {"penalty": 0.02},
}  # fmt: skip

SHAPES: Mapping[str, Shape] = {
    shape.name: shape
    for shape in (
        Shape(
            "statement_market", "Statement with market value", STATEMENT_MARKET_FEATURES, 0.95, **_STATEMENT
        ),
        Shape("statement", "Statement alone", STATEMENT_FEATURES, 0.85, **_STATEMENT),
        Shape("annual_ratios", "Annual ratios", ANNUAL_FEATURES, 0.60, **_RATIOS),
        Shape("quarterly_ratios", "Quarterly ratios", QUARTERLY_FEATURES, 0.55, **_RATIOS),
    )
}
NO_SHAPE = "none"
