"""Fixtures of the whole suite live in tests/fixtures.py, tests/worker.py and tests/streams.py."""

pytest_plugins = ["tests.fixtures", "tests.worker", "tests.streams"]


def pytest_addoption(parser):
    parser.addoption("--record", action="store_true", help="write tests/query_counts.json anew")
