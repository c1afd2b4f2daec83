"""Fixtures of the whole suite live in tests/fixtures.py and tests/worker.py."""

pytest_plugins = ["tests.fixtures", "tests.worker"]
