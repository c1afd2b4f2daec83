"""The scoring engine of the Default Risk Platform: plain Python, usable alone."""

from ml.categories import CATEGORIES, Cutoffs, categorise, category
from ml.engine import Engine, Scores
from ml.hashing import input_hash
from ml.persistence import ArtifactError

__all__ = [
    "CATEGORIES",
    "ArtifactError",
    "Cutoffs",
    "Engine",
    "Scores",
    "categorise",
    "category",
    "input_hash",
]
