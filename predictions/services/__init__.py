"""Writes to predictions: scoring (one company, many statements), files and their jobs."""
