"""Shared fixtures of the engine's tests."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ml import Engine
from ml.dataset import FirmYears, from_frame, locate, read
from ml.tests.synthetic import firm_years

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine.load()


@pytest.fixture(scope="session")
def synthetic() -> FirmYears:
    return from_frame(firm_years())


@pytest.fixture(scope="session")
def statements(synthetic: FirmYears) -> pd.DataFrame:
    return pd.DataFrame(synthetic.items).iloc[:400].reset_index(drop=True)


@pytest.fixture(scope="session")
def development() -> FirmYears:
    try:
        locate(DATA)
    except FileNotFoundError:
        pytest.skip("the development data (../shared/data) is not on this machine")
    return read(DATA)
