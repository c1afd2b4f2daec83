"""How much work waits in the queues, how old it is, and how fast it goes: for whoever starts workers.

Depths are read from Redis, where Celery keeps a list for each queue and priority. Rates and the age of the
oldest work come from the directory's tickets, so nothing here enters a tenant.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from celery import current_app
from django.conf import settings
from django.db.models import Min

from tenants.kernel.context import in_public
from tenants.mailing.models import OutgoingLetter
from tenants.models import JobTicket

QUEUES = ("score", "io", "mail", "default")
SEPARATOR = "\x06\x16"
# Of how many messages the age is looked at; a message carries no time, so tickets and letters tell it.
STEADY = timedelta(minutes=5)
UNFINISHED = ("pending", "processing")


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue at one moment."""

    queue: str
    waiting: int
    """Messages that no worker has taken."""
    running: int
    """Messages that a worker holds; of all queues together, since Redis does not keep them apart."""
    oldest_seconds: float
    """Age of the oldest unfinished work that this queue is for; 0 where there is none."""
    rows_per_second: float
    """Rows accounted for by running jobs, over their time so far; 0 for queues that score none."""


def states(*, now: datetime, queues: tuple[str, ...] = QUEUES) -> list[QueueState]:
    """The queues as they stand."""
    with current_app.connection_for_read() as connection:
        client = connection.default_channel.client
        depths = {name: _depth(client, name) for name in queues}
        running = int(client.hlen("unacked"))
    oldest, rate = scoring(now)
    letters = _letters(now)
    ages = {"score": oldest, "io": oldest, "mail": letters}
    return [
        QueueState(
            queue=name,
            waiting=depths[name],
            running=running,
            oldest_seconds=round(ages.get(name, 0.0) if depths[name] else 0.0, 1),
            rows_per_second=round(rate, 1) if name == "score" else 0.0,
        )
        for name in queues
    ]


def _depth(client: Any, name: str) -> int:
    steps = cast(list[int], settings.CELERY_BROKER_TRANSPORT_OPTIONS["priority_steps"])
    keys = [f"{name}{SEPARATOR}{step}" if step else name for step in steps]
    pipe = client.pipeline()
    for key in keys:
        pipe.llen(key)
    return sum(pipe.execute())


def scoring(now: datetime) -> tuple[float, float]:
    """Age of the oldest unfinished job, and the rows a second of all that have been heard of lately."""
    with in_public():
        tickets = JobTicket.objects.filter(state__in=UNFINISHED)
        first = tickets.aggregate(first=Min("created_at"))["first"]
        rate = 0.0
        for done, begun, heard in tickets.filter(heartbeat__gt=now - STEADY).values_list(
            "rows_done", "created_at", "heartbeat"
        ):
            rate += done / max((heard - begun).total_seconds(), 1.0)
    return ((now - first).total_seconds() if first else 0.0), rate


def _letters(now: datetime) -> float:
    with in_public():
        waiting = OutgoingLetter.objects.filter(given_up_at=None)
        first = waiting.aggregate(first=Min("created_at"))["first"]
    return (now - first).total_seconds() if first else 0.0


def as_json(found: list[QueueState]) -> dict[str, Any]:
    """The states for a program, with the sums that a trigger looks at."""
    return {
        "queues": {state.queue: asdict(state) for state in found},
        "waiting": sum(state.waiting for state in found),
        "oldest_seconds": max((state.oldest_seconds for state in found), default=0.0),
    }


_HELP = {
    "waiting": "Messages in the queue that no worker has taken.",
    "oldest_seconds": "Age of the oldest unfinished work of the queue.",
    "rows_per_second": "Rows a second of running jobs.",
}


def as_prometheus(found: list[QueueState]) -> str:
    """The same in Prometheus' text format."""
    lines = []
    for name, words in _HELP.items():
        lines.append(f"# HELP drp_queue_{name} {words}")
        lines.append(f"# TYPE drp_queue_{name} gauge")
        lines += [f'drp_queue_{name}{{queue="{state.queue}"}} {getattr(state, name)}' for state in found]
    running = found[0].running if found else 0
    lines += [
        "# HELP drp_tasks_running Messages that workers hold.",
        "# TYPE drp_tasks_running gauge",
        f"drp_tasks_running {running}",
    ]
    return "\n".join(lines) + "\n"
