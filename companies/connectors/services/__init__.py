"""Writes of connectors: sources and their runs, and what the documents say."""

from companies.connectors.services.running import run_abandon, run_begin, run_execute
from companies.connectors.services.sources import (
    circuit_close,
    run_request,
    runs_due,
    source_create,
    source_delete,
    source_update,
)

__all__ = [
    "circuit_close",
    "run_abandon",
    "run_begin",
    "run_execute",
    "run_request",
    "runs_due",
    "source_create",
    "source_delete",
    "source_update",
]
