"""Input hashes do not depend on how a number is written; categories cut where they say."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from ml import Cutoffs, categorise, category, input_hash


def test_hash_is_stable_across_number_formats():
    forms = [1, 1.0, "1.00", Decimal("1E0"), np.float64(1.0), np.int64(1), 1.0000000000000002]
    assert len({input_hash({"a": form, "b": None}) for form in forms}) == 1
    assert len(input_hash({})) == 64


def test_hash_ignores_missing_values_and_order_but_not_values():
    assert input_hash({"a": 1, "b": float("nan"), "c": ""}) == input_hash({"a": 1})
    assert input_hash({"a": 1, "b": 2}) == input_hash({"b": 2, "a": 1})
    assert input_hash({"a": 1}) != input_hash({"a": 1.001})
    assert input_hash({"a": 0.0}) == input_hash({"a": -0.0})
    assert input_hash({"h": [{"x": "2.50"}]}) == input_hash({"h": ({"x": 2.5},)})


@pytest.mark.parametrize(
    ("pd_", "name"),
    [(0.0, "low"), (0.023, "low"), (0.03, "medium"), (0.0699, "medium"), (0.07, "high"), (0.084, "high"),
     (0.15, "critical"), (1.0, "critical"), (float("nan"), "")],
)  # fmt: skip
def test_categories(pd_, name):
    assert category(pd_) == name


def test_a_tenant_can_set_its_own_cutoffs():
    assert categorise([0.01, 0.02], Cutoffs(0.005, 0.015, 0.5)).tolist() == ["medium", "high"]


@pytest.mark.parametrize("wrong", [(0.07, 0.03, 0.15), (0.03, 0.03, 0.15), (0.0, 0.1, 0.2), (0.1, 0.2, 1.0)])
def test_cutoffs_must_rise(wrong):
    with pytest.raises(ValueError, match="rise"):
        Cutoffs(*wrong)
