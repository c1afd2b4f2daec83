"""What-if: shocks to a statement that keep its books in order, and the way back to a better category."""

from ml.scenario.books import Assumptions, Shocked, apply
from ml.scenario.kinds import KINDS, Kind, Mode, Shock, ShockError, checked
from ml.scenario.reach import MOST_LEVERS, Alternative, Lever, Reached, reach
from ml.scenario.sums import imbalance, income_gaps

__all__ = [
    "KINDS",
    "MOST_LEVERS",
    "Alternative",
    "Assumptions",
    "Kind",
    "Lever",
    "Mode",
    "Reached",
    "Shock",
    "ShockError",
    "Shocked",
    "apply",
    "checked",
    "imbalance",
    "income_gaps",
    "reach",
]
