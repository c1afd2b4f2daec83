"""Features of the scoring engine: line items, the feature table, ratios and their limits."""

from ml.features.arithmetic import STATE_WORST, Array
from ml.features.classic_ratios import CLASSIC_RATIOS, ClassicRatio, classic_ratios
from ml.features.items import (
    DEVELOPED_ITEMS,
    FLOW_ITEMS,
    LARGEST_AMOUNT,
    LINE_ITEMS,
    Items,
    LineItem,
    clean_items,
    complete_items,
)
from ml.features.ratios import (
    ANNUAL_FEATURES,
    ANNUAL_RATIOS,
    QUARTERLY_FEATURES,
    QUARTERLY_RATIOS,
    RATIOS,
    Ratio,
    clean_ratios,
    ratios_from_items,
)
from ml.features.table import (
    FEATURES,
    STATEMENT_FEATURES,
    STATEMENT_MARKET_FEATURES,
    Feature,
    Statement,
    feature_matrix,
)

__all__ = [
    "ANNUAL_FEATURES",
    "ANNUAL_RATIOS",
    "CLASSIC_RATIOS",
    "DEVELOPED_ITEMS",
    "FEATURES",
    "FLOW_ITEMS",
    "LARGEST_AMOUNT",
    "LINE_ITEMS",
    "QUARTERLY_FEATURES",
    "QUARTERLY_RATIOS",
    "RATIOS",
    "STATEMENT_FEATURES",
    "STATEMENT_MARKET_FEATURES",
    "STATE_WORST",
    "Array",
    "ClassicRatio",
    "Feature",
    "Items",
    "LineItem",
    "Ratio",
    "Statement",
    "classic_ratios",
    "clean_items",
    "clean_ratios",
    "complete_items",
    "feature_matrix",
    "ratios_from_items",
]
