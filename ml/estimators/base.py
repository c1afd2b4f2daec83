"""What the estimators share: two classes, a score in log-odds, and what they ask of a target."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from ml.features.arithmetic import Array


class LogOddsClassifier(ClassifierMixin, BaseEstimator):
    """A classifier of two classes whose `decision_function` is the log-odds of the second one."""

    classes_: NDArray[Any]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def decision_function(self, X: ArrayLike) -> Array:
        """Log-odds of the second class, shape (n,)."""
        raise AttributeError(f"{type(self).__name__} does not define decision_function")

    def predict_proba(self, X: ArrayLike) -> Array:
        """Probabilities of both classes, shape (n, 2)."""
        second = expit(self.decision_function(X))
        return np.column_stack([1.0 - second, second])

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The likelier class of each row, shape (n,)."""
        second = self.decision_function(X) > 0
        return self.classes_[second.astype(int)]


def binary_target(y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The two classes in order, and the target as 0 and 1.

    Raises
    ------
    ValueError
        If there are not exactly two classes.
    """
    check_classification_targets(y)
    kind = type_of_target(y, input_name="y")
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) > 2 or kind.startswith("multi"):
        raise ValueError(f"Only binary classification is supported. The type of the target is {kind}.")
    if len(classes) < 2:
        raise ValueError(
            "This classifier needs samples of at least 2 classes, but the data contains only one class"
        )
    return classes, codes.astype(np.float64)
