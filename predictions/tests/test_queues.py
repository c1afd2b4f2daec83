"""What an orchestrator is told of the queues: real messages in a real Redis."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta

import pytest
from celery import current_app
from django.core.management import call_command
from django.utils import timezone

from predictions.queues import SEPARATOR, as_json, as_prometheus, scoring, states
from tenants.kernel.context import in_public
from tenants.kernel.ids import uuid7
from tenants.models import JobTicket
from tests.fixtures import World

# No worker listens to it: what is put there stays, and breaks nobody.
NOBODYS = "nobodys"


@pytest.fixture
def queued():
    """Three messages of two priorities."""
    with current_app.connection_for_write() as connection:
        client = connection.default_channel.client
        keys = [NOBODYS, f"{NOBODYS}{SEPARATOR}5"]
        client.delete(*keys)
        client.rpush(keys[0], "urgent")
        client.rpush(keys[1], "usual", "usual")
        yield 3
        client.delete(*keys)


def test_every_priority_is_counted(people: World, queued):
    (found,) = states(now=timezone.now(), queues=(NOBODYS,))
    assert found.waiting == queued
    assert {state.queue for state in states(now=timezone.now())} == {"score", "io", "mail", "default"}


def test_age_and_rate_come_from_the_tickets(people: World):
    now = timezone.now()
    with in_public():
        JobTicket.objects.all().delete()
        for age, rows in ((100, 5000), (50, 1000)):
            ticket = JobTicket.objects.create(
                id=uuid7(), tenant_id=people.tenants["alpha"].id, kind="annual", state="processing",
                rows=10_000, rows_done=rows,
            )  # fmt: skip
            begun = now - timedelta(seconds=age)
            JobTicket.objects.filter(id=ticket.id).update(created_at=begun, heartbeat=now)
    oldest, rate = scoring(now)
    assert oldest == pytest.approx(100, abs=1)
    assert rate == pytest.approx(5000 / 100 + 1000 / 50, abs=0.1)


def test_both_forms_say_the_same(people: World, queued):
    found = states(now=timezone.now(), queues=(NOBODYS, "mail"))
    told = as_json(found)
    assert told["waiting"] == sum(s.waiting for s in found) >= 3
    text = as_prometheus(found)
    assert f'drp_queue_waiting{{queue="{NOBODYS}"}} {queued}\n' in text
    line = re.compile(r'(# (HELP|TYPE) \S+ .+|[a-z_]+(\{queue="[a-z]+"\})? [0-9.]+)')
    assert [x for x in text.splitlines() if not line.fullmatch(x)] == []


def test_the_command_gives_either(people: World):
    out = io.StringIO()
    call_command("autoscale_metrics", stdout=out)
    assert json.loads(out.getvalue())["queues"]["score"]["queue"] == "score"
    out = io.StringIO()
    call_command("autoscale_metrics", "--format", "prometheus", stdout=out)
    assert out.getvalue().startswith("# HELP drp_queue_waiting")
