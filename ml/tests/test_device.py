"""The device is a setting; without a GPU the processor does the work and says so."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from ml import Engine
from ml.device import DeviceWarning, usable
from ml.estimators import MonotoneTrees
from ml.score.__main__ import main
from ml.tests.test_score import STANDIN


def test_the_processor_is_always_there():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert usable("cpu") == "cpu"


def test_another_device_is_refused():
    with pytest.raises(ValueError, match="device"):
        usable("tpu")
    with pytest.raises(ValueError, match="device"):
        MonotoneTrees(device="tpu").fit(np.eye(4), [0, 1, 0, 1])


@pytest.fixture
def without_gpu(monkeypatch):
    monkeypatch.setattr("ml.device._obstacle", lambda: "there is none here")


def test_without_a_gpu_trees_are_fitted_on_the_processor_and_it_is_said(without_gpu):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = X[:, 0] > 0.5
    with pytest.warns(DeviceWarning, match="there is none here"):
        found = MonotoneTrees(device="cuda", n_trees=5).fit(X, y)
    assert (found.decision_function(X) == MonotoneTrees(n_trees=5).fit(X, y).decision_function(X)).all()


def test_without_a_gpu_scores_are_the_same(without_gpu, engine, statements):
    with pytest.warns(DeviceWarning, match="The processor does the work"):
        other = Engine.load(device="cuda")
    expected = engine.score(statements, kind="annual", drivers=0).pd
    assert (other.score(statements, kind="annual", drivers=0).pd == expected).all()


def test_the_command_takes_a_device(without_gpu, tmp_path):
    with pytest.warns(DeviceWarning):
        assert main([str(STANDIN), "-o", str(tmp_path / "out.csv"), "--device", "cuda"]) == 0


def test_this_machines_obstacle_has_words():
    import ml.device

    reason = ml.device._obstacle()
    assert reason == "" or "CUDA" in reason or "NVIDIA" in reason
