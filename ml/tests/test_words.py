"""Values in plain language: what a person reads must be what the figure means."""

from __future__ import annotations

import numpy as np
import pytest

from ml.features import FEATURES
from ml.words import amount


@pytest.mark.parametrize(
    ("unit", "value", "words"),
    [
        ("%", 25.5, "25.5 %"),
        ("x", 1.5, "1.50x"),
        ("points", -3.0, "-3.0 points"),
        ("log USD m", np.log(1_289.0), "1,289 USD million"),
        ("log x", 100 * np.log(0.03), "0.03x"),
        ("log %", 100 * np.log(0.4), "-60.0 %"),
    ],
)
def test_a_value_reads_as_what_it_is(unit, value, words):
    assert amount(value, unit) == words


def test_no_logarithm_is_read_as_a_percentage():
    """A market value of a thirtieth of the liabilities is 0.03x, not -350 %."""
    logarithms = [f for f in FEATURES.values() if f.formula.startswith("ln(")]
    unread = [f.name for f in logarithms if not f.unit.startswith("log")]

    assert unread == ["distance_to_default"]
