"""What a piece of work asks the database, to be counted and, where a count is wrong, to be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection
from django.test.utils import CaptureQueriesContext


@contextmanager
def asked() -> Iterator[list[str]]:
    """The statements of the block, filled at its end; without the search path that is set before each."""
    found: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield found
    found += [query["sql"] for query in captured if not query["sql"].startswith("SET search_path")]


def asked_by(work: Callable[[], object]) -> list[str]:
    """The statements of a function."""
    with asked() as found:
        work()
    return found


def difference(before: list[str], after: list[str]) -> str:
    """What a failing assertion shows: the statements by their beginning that one has more of."""
    first, second = (Counter(sql[:300] for sql in side) for side in (before, after))
    gone, came = first - second, second - first
    return "\n".join([*(f"- {sql}" for sql in gone.elements()), *(f"+ {sql}" for sql in came.elements())])
