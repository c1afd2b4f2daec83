"""The scoring engine of the Default Risk Platform: plain Python, usable alone.

Names are loaded when they are first asked for: whoever only needs the feature table does not wait for the
tree library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ml.categories import CATEGORIES, Cutoffs, categorise, category
    from ml.engine import Engine, Scores
    from ml.hashing import input_hash
    from ml.persistence import ArtifactError

_HOMES = {
    "CATEGORIES": "ml.categories",
    "ArtifactError": "ml.persistence",
    "Cutoffs": "ml.categories",
    "Engine": "ml.engine",
    "Scores": "ml.engine",
    "categorise": "ml.categories",
    "category": "ml.categories",
    "input_hash": "ml.hashing",
}

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


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ml' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
