"""Fixtures of the whole suite live in tests/fixtures.py and tests/worker.py."""

pytest_plugins = ["tests.fixtures", "tests.worker"]


def pytest_addoption(parser):
    parser.addoption("--record", action="store_true", help="write tests/query_counts.json anew")
