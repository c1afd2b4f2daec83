"""Estimators in scikit-learn's contract: the members of the ensemble and their blend."""

from ml.estimators.blend import LogOddsBlend
from ml.estimators.logistic import BoundedLogistic
from ml.estimators.trees import MonotoneTrees, margin

__all__ = ["BoundedLogistic", "LogOddsBlend", "MonotoneTrees", "margin"]
