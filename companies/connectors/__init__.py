"""Statements from outside: each source by a connector that fetches, normalises and ingests."""
