"""What the estimators share: two classes, a score in log-odds, and what they ask of a target."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from ml.features.arithmetic import Array


class LogOddsClassifier(ClassifierMixin, BaseEstimator):
    """A classifier of two classes whose `decision_function` is the log-odds of the second one."""

    classes_: NDArray[Any]

    _allows_missing = True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = self._allows_missing
        return tags

    def _checked_sample(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> tuple[Array, Array, Array]:
        """Matrix, target as 0 and 1, and weights to fit on; sets `classes_` and `n_features_in_`."""
        matrix, labels = validate_data(self, X, y, dtype=np.float64, ensure_all_finite=self._finite())
        self.classes_, target = binary_target(labels)
        return matrix, target, _check_sample_weight(sample_weight, matrix, dtype=np.float64)

    def _checked(self, X: ArrayLike) -> Array:
        """Matrix to predict on; refuses an estimator that is not fitted."""
        check_is_fitted(self)
        matrix: Array = validate_data(
            self, X, reset=False, dtype=np.float64, ensure_all_finite=self._finite()
        )
        return matrix

    def _finite(self) -> bool | str:
        return "allow-nan" if self._allows_missing else True

    def decision_function(self, X: ArrayLike) -> Array:
        """Log-odds of the second class, shape (n,)."""
        raise AttributeError(f"{type(self).__name__} does not define decision_function")

    def predict_proba(self, X: ArrayLike) -> Array:
        """Probabilities of both classes, shape (n, 2)."""
        second: Array = expit(self.decision_function(X))
        return np.column_stack([1.0 - second, second])

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The likelier class of each row, shape (n,)."""
        second = self.decision_function(X) > 0
        labels: NDArray[Any] = self.classes_[second.astype(int)]
        return labels


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
