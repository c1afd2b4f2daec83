"""Fixtures of the whole suite live in tests/fixtures.py."""

pytest_plugins = ["tests.fixtures"]
