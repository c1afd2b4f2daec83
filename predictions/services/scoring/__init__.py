"""Scoring: from inputs to stored heads and immutable scores, in sets of any size.

One company and a thousand statements go row by row: ``score_requests`` computes, ``store`` writes. The parts
of a file go column by column: ``score_columns`` computes, ``store_columns`` writes the same rows.
"""

from predictions.services.scoring.columns import ScoredColumns, score_columns
from predictions.services.scoring.columns_storing import store_columns
from predictions.services.scoring.drafts import (
    DRIVERS,
    RATIOS,
    Inputs,
    ScoreDraft,
    ScoreRequest,
    engine_kind,
    frames,
    level_counts,
    score_requests,
)
from predictions.services.scoring.one import prediction_create, prediction_delete, prediction_rescore
from predictions.services.scoring.storing import Existing, Stored, shadow_ask, store

__all__ = [
    "DRIVERS",
    "RATIOS",
    "Existing",
    "Inputs",
    "ScoreDraft",
    "ScoreRequest",
    "ScoredColumns",
    "Stored",
    "engine_kind",
    "frames",
    "level_counts",
    "prediction_create",
    "prediction_delete",
    "prediction_rescore",
    "score_columns",
    "score_requests",
    "shadow_ask",
    "store",
    "store_columns",
]
