"""A fitted model of one's own, ready to score, and its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import xgboost as xgb
from scipy.special import expit

from ml.estimators import BoundedLogistic, margin
from ml.features.arithmetic import Array
from ml.model import Affine
from ml.own.sample import numeric
from ml.persistence import ArtifactError, as_json, booster, learnt, read_folder, restored, write_folder
from ml.shapes import MEMBERS

KIND = "own"
_Z90 = 1.6448536269514722


@dataclass(frozen=True)
class OwnScores:
    """PDs of rows: the ensemble's with its 90 % interval, and the members'. Each of shape (n,)."""

    pd: Array
    low: Array
    high: Array
    members: Mapping[str, Array]
    missing: Array
    """Share of the model's columns that a row lacks."""


@dataclass(frozen=True)
class OwnModel:
    """Members, calibration and blend, all additive in log-odds."""

    names: tuple[str, ...]
    forest: xgb.Booster
    boosting: xgb.Booster
    logistic: BoundedLogistic
    centre: Array
    calibration: Mapping[str, Affine]
    weights: Mapping[str, float]
    intercept: float
    sigma: float
    sha256: str = ""

    def score(self, frame: pd.DataFrame) -> OwnScores:
        """Scores of a table with the model's columns; one that is not there counts as missing."""
        X = numeric(frame, self.names)
        members = self.members(X)
        z = self._blended(members)
        half = _Z90 * self.sigma
        return OwnScores(
            expit(z),
            expit(z - half),
            expit(z + half),
            {name: expit(value) for name, value in members.items()},
            np.isnan(X).mean(axis=1),
        )

    def members(self, X: Array) -> dict[str, Array]:
        """Calibrated log-odds of each member, shape (n,) each."""
        raw = {
            "random_forest": margin(self.forest, X),
            "gradient_boosting": margin(self.boosting, X),
            "logistic": self.logistic.decision_function(X),
        }
        return {m: self.calibration[m].slope * raw[m] + self.calibration[m].intercept for m in MEMBERS}

    def _blended(self, members: Mapping[str, Array]) -> Array:
        stacked = np.vstack([members[m] for m in MEMBERS])
        z: Array = self.intercept + np.array([self.weights[m] for m in MEMBERS]) @ stacked
        return z

    def log_odds(self, X: Array) -> Array:
        """The ensemble's log-odds, shape (n,)."""
        return self._blended(self.members(X))

    def contributions(self, X: Array) -> Array:
        """Contributions of the columns to the log-odds, shape (n, p + 1); the last one is the base value.

        Shapley values of the trees and of the additive logistic member. What XGBoost's 32 bits miss is spread
        over the columns by size, so that every row adds up to its log-odds.
        """
        data = xgb.DMatrix(X, missing=np.nan, nthread=1)
        parts = {
            "random_forest": self.forest.predict(data, pred_contribs=True).astype(np.float64),
            "gradient_boosting": self.boosting.predict(data, pred_contribs=True).astype(np.float64),
            "logistic": self.logistic.contributions(X, self.centre),
        }
        total = np.zeros((len(X), len(self.names) + 1))
        for name in MEMBERS:
            total += self.weights[name] * self.calibration[name].slope * parts[name]
            total[:, -1] += self.weights[name] * self.calibration[name].intercept
        total[:, -1] += self.intercept
        size = np.abs(total[:, :-1]) + 1e-12
        gap = self.log_odds(X) - total.sum(axis=1)
        total[:, :-1] += gap[:, None] * size / size.sum(axis=1, keepdims=True)
        return total

    def save(self, folder: Path, report: Mapping[str, Any]) -> str:
        """Write the model with its validation report; gives the manifest's sha256."""
        files = {
            "random_forest.ubj": bytes(self.forest.save_raw("ubj")),
            "gradient_boosting.ubj": bytes(self.boosting.save_raw("ubj")),
            "logistic.json": as_json({**learnt(self.logistic), "centre": self.centre.tolist()}),
            "calibration.json": as_json(
                {
                    "members": {m: [*vars(self.calibration[m]).values(), self.weights[m]] for m in MEMBERS},
                    "intercept": self.intercept,
                    "sigma": self.sigma,
                }
            ),
            "report.json": as_json(report),
        }
        return write_folder(folder, files, {"kind": KIND, "columns": list(self.names)})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model of a folder, every hash checked.

        Raises
        ------
        ArtifactError
            If a file is missing or altered, or the folder holds another kind of model.
        """
        manifest, files, sha256 = read_folder(folder)
        if manifest.get("kind") != KIND:
            raise ArtifactError(f"{folder.name} holds no model of one's own")
        linear, blend = json.loads(files["logistic.json"]), json.loads(files["calibration.json"])
        members = blend["members"]
        return cls(
            names=tuple(manifest["columns"]),
            forest=booster(files["random_forest.ubj"], 1),
            boosting=booster(files["gradient_boosting.ubj"], 1),
            logistic=restored(BoundedLogistic(), linear),
            centre=np.array(linear["centre"], dtype=np.float64),
            calibration={m: Affine(members[m][0], members[m][1]) for m in MEMBERS},
            weights={m: members[m][2] for m in MEMBERS},
            intercept=blend["intercept"],
            sigma=blend["sigma"],
            sha256=sha256,
        )
