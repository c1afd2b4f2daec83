"""Measures against published or exactly known values."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ml import validation


def test_jeffreys_and_binomial_check_values():
    assert validation.jeffreys_p(500, 9, 0.01) == pytest.approx(0.04619, abs=5e-6)
    assert validation.binomial_p(500, 9, 0.01) == pytest.approx(0.06711, abs=5e-6)


@pytest.mark.parametrize(("level", "percent"), [(0.50, 0.139), (0.75, 0.277), (0.90, 0.459)])
def test_pluto_tasche_without_defaults(level, percent):
    assert 100 * validation.pluto_tasche_upper(500, 0, level) == pytest.approx(percent, abs=5e-4)


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(1)
    pd_ = 1 / (1 + np.exp(-rng.normal(-3, 1.2, 8000)))
    return (rng.random(8000) < pd_).astype(float), pd_


def test_auc_agrees_with_scikit_learn_with_ties(sample):
    y, p = sample
    assert validation.auc(y, p) == pytest.approx(roc_auc_score(y, p), abs=1e-12)
    assert validation.auc(y, p.round(2)) == pytest.approx(roc_auc_score(y, p.round(2)), abs=1e-12)
    assert validation.accuracy_ratio(y, p) == pytest.approx(2 * roc_auc_score(y, p) - 1)


def test_auc_interval_is_seeded_and_holds_the_value(sample):
    first = validation.auc_interval(*sample, repeats=200)
    assert first == validation.auc_interval(*sample, repeats=200)
    assert first.low < first.value < first.high


def test_ks_of_separated_and_identical_samples():
    assert validation.ks([0, 0, 1, 1], [1, 2, 3, 4]) == 1.0
    assert validation.ks([0, 1, 0, 1], [1, 1, 2, 2]) == 0.0


def test_true_probabilities_are_not_rejected(sample):
    y, p = sample
    assert sum(row.rejected for row in validation.deciles(y, p)) <= 2
    assert validation.hosmer_lemeshow(y, p)[1] > 0.01
    assert validation.hosmer_lemeshow(y, np.minimum(1.8 * p, 0.99))[1] < 1e-6


def test_recall_in_worst_tenth():
    y = np.zeros(100)
    y[[99, 98, 5]] = 1
    assert validation.recall_in_worst(y, np.arange(100)) == pytest.approx(2 / 3)


def test_psi_is_zero_for_the_same_sample_and_grows_with_a_shift():
    rng = np.random.default_rng(0)
    e = rng.normal(size=20_000)
    assert validation.psi(e, e) == pytest.approx(0.0, abs=1e-9)
    assert validation.psi(e, rng.normal(1.0, 1.0, 20_000)) == pytest.approx(0.956, abs=0.06)


def test_auc_of_one_class_is_undefined():
    assert np.isnan(validation.auc([0, 0], [1, 2]))


def test_a_paired_difference_is_seeded_narrower_than_its_parts_and_signed(sample):
    y, p = sample
    blurred = p + np.random.default_rng(3).normal(0.0, 0.05, len(p))
    found = validation.auc_difference(y, p, blurred, repeats=200)
    assert found == validation.auc_difference(y, p, blurred, repeats=200)
    assert found.value == pytest.approx(validation.auc(y, p) - validation.auc(y, blurred))
    assert found.low < found.value < found.high
    assert (found.verdict, validation.auc_difference(y, blurred, p, repeats=200).verdict) == (
        "better",
        "worse",
    )
    alone = validation.auc_interval(y, p, repeats=200)
    assert found.high - found.low < alone.high - alone.low
    same = validation.auc_difference(y, p, p, repeats=50)
    assert (same.value, same.low, same.high, same.verdict) == (0.0, 0.0, 0.0, "not distinguishable")


def test_curves_hold_the_areas(sample):
    y, p = sample
    roc, cap = (np.array(curve(y, p, 2001)) for curve in (validation.roc_curve, validation.cap_curve))
    assert np.trapezoid(roc[:, 1], roc[:, 0]) == pytest.approx(validation.auc(y, p), abs=2e-4)
    rate = y.mean()
    ratio = (np.trapezoid(cap[:, 1], cap[:, 0]) - 0.5) / (0.5 * (1 - rate))
    assert ratio == pytest.approx(validation.accuracy_ratio(y, p), abs=1e-3)


def test_brier_parts_add_up(sample):
    parts = validation.brier_parts(*sample)
    total = parts["reliability"] - parts["resolution"] + parts["uncertainty"] + parts["within"]
    assert total == pytest.approx(parts["brier"], abs=1e-15)
    assert parts["reliability"] < 0.1 * parts["resolution"]


def test_the_jeffreys_interval_fits_the_test():
    low, high = validation.jeffreys_interval(500, 9)
    assert validation.jeffreys_p(500, 9, low) == pytest.approx(0.025)
    assert validation.jeffreys_p(500, 9, high) == pytest.approx(0.975)
    assert validation.jeffreys_interval(500, 0)[0] == 0.0
    assert validation.jeffreys_interval(5, 5)[1] == 1.0


@pytest.mark.parametrize(("expected", "actual"), [(500, 200), (20_000, 4_000)])
def test_the_limit_of_psi_is_met_by_chance_one_time_in_twenty(expected, actual):
    rng = np.random.default_rng(8)
    over = 0
    for _ in range(400):
        value = validation.psi(rng.normal(size=expected), rng.normal(size=actual))
        over += value > validation.psi_limit(expected, actual)
    assert 0.02 <= over / 400 <= 0.10


def test_concentration_and_inflation_of_known_cases():
    assert validation.herfindahl([0.25] * 4) == 0.25
    rng = np.random.default_rng(2)
    # Near to collinear and no nearer: of what is exactly so, rounding decides the figures.
    a, b, noise = rng.normal(size=(3, 5000))
    found = validation.variance_inflation(np.column_stack([a, b, a + 0.1 * noise]))
    assert found[0] > 20 > 5 > found[1]
    assert validation.variance_inflation(np.column_stack([a, b])) == pytest.approx([1, 1], abs=0.01)
