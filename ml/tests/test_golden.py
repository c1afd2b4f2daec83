"""The shipped model gives the scores it was released with, on rows that are committed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ml.tests import golden

CONTENT = json.loads(golden.FILE.read_text())


def test_the_golden_file_is_of_the_shipped_model(engine):
    assert CONTENT["model"] == engine.sha256


@pytest.mark.parametrize("case", sorted(CONTENT["pd"]))
def test_golden_scores(engine, case):
    found = golden.score(engine, CONTENT["inputs"])[case]
    np.testing.assert_allclose(found, CONTENT["pd"][case], rtol=0, atol=1e-6)
