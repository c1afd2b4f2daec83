"""Fixtures of the whole suite live in tests/fixtures.py, tests/worker.py and tests/streams.py."""

from hypothesis import settings

# How long an example takes says more about the machine than about the code: benchmarks measure, tests do not.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

pytest_plugins = ["tests.fixtures", "tests.worker", "tests.streams"]


def pytest_addoption(parser):
    parser.addoption("--record", action="store_true", help="write tests/query_counts.json anew")
