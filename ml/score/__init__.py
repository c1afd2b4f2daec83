"""Scoring a file offline with the shipped model: `python -m ml.score --help`."""
