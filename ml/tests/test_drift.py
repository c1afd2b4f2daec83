"""Drift: nothing where nothing moved, an alarm where something did, and patience with small samples."""

from __future__ import annotations

import numpy as np
import pytest

from ml import persistence
from ml.drift import SCORE, compare, describe, from_json
from ml.persistence import DEFAULT_PATH


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def reference(rng):
    values = rng.normal(size=20_000)
    gaps = np.where(rng.random(20_000) < 0.1, np.nan, rng.normal(size=20_000))
    return describe({"plain": values, "gaps": gaps, "fixed": np.full(20_000, 3.0)})


def levels(found):
    return {row.column: row.level for row in found}


def test_the_same_population_is_steady(reference, rng):
    sample = {
        "plain": rng.normal(size=3000),
        "gaps": np.where(rng.random(3000) < 0.1, np.nan, rng.normal(size=3000)),
        "fixed": np.full(3000, 3.0),
    }
    found = compare(reference, sample)
    assert set(levels(found).values()) == {"steady"}
    assert all(row.psi < 0.02 for row in found)


@pytest.mark.parametrize(
    ("moved", "level"),
    [(lambda x: x + 0.1, "steady"), (lambda x: x + 0.4, "watch"), (lambda x: x * 3, "alarm")],
)
def test_a_move_is_judged_by_its_size(reference, rng, moved, level):
    assert levels(compare(reference, {"plain": moved(rng.normal(size=3000))}))["plain"] == level


def test_more_missing_is_drift(reference, rng):
    values = np.where(rng.random(3000) < 0.5, np.nan, rng.normal(size=3000))
    (row,) = compare(reference, {"gaps": values})
    assert (row.level, row.missing_reference) == ("alarm", pytest.approx(0.1, abs=0.01))
    assert row.missing == pytest.approx(0.5, abs=0.03)


def test_a_value_never_seen_before_is_drift(reference):
    (row,) = compare(reference, {"fixed": np.full(1000, 4.0)})
    assert row.level == "alarm"


def test_small_samples_are_given_more_room(reference, rng):
    """Of 40 names drawn from the same population hardly any set raises an alarm; by 0.25 alone half would."""
    found = [compare(reference, {"plain": rng.normal(size=40)})[0] for _ in range(200)]
    assert sum(row.psi > 0.25 for row in found) > 50
    assert sum(row.level == "alarm" for row in found) <= 3


def test_too_few_names_are_not_judged(reference):
    (row,) = compare(reference, {"plain": np.full(29, 9.0)})
    assert row.level == "too_few"
    (row,) = compare(reference, {"plain": np.empty(0)})
    assert row.level == "too_few"


def test_it_survives_json(reference, rng):
    sample = {"plain": rng.normal(size=500)}
    assert compare(from_json(reference.as_json()), sample) == compare(reference, sample)


def test_the_shipped_model_brings_its_reference():
    for model in persistence.load(DEFAULT_PATH).models.values():
        assert model.reference is not None
        assert set(model.reference.columns) == {SCORE, *model.shape.features}
        assert all(abs(c.shares.sum() - 1) < 1e-9 for c in model.reference.columns.values())
