"""``manage.py autoscale_metrics``: what waits in the queues, for an orchestrator."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from predictions.queues import as_json, as_prometheus, states


class Command(BaseCommand):
    help = "Queue depth, age of the oldest work and rate of each queue, as JSON or Prometheus text."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=("json", "prometheus"), default="json")

    def handle(self, *args: Any, format: str, **options: Any) -> None:  # noqa: A002 - the option's name
        found = states(now=timezone.now())
        if format == "prometheus":
            self.stdout.write(as_prometheus(found), ending="")
        else:
            self.stdout.write(json.dumps(as_json(found), indent=2))
