"""Register a trained model as a candidate."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from predictions.registry import services
from predictions.registry.management.deciding import COMMAND_LINE, ModelCommand
from predictions.registry.models import Materiality


class Command(ModelCommand):
    help = "Keep a model folder (python -m ml.train) in the storage and register it as a candidate."
    needs_version = needs_reason = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--owner", default="", help="who answers for it")
        parser.add_argument("--purpose", default="", help="what it may be used for")
        parser.add_argument("--materiality", choices=Materiality.values, default=Materiality.HIGH.value)

    def decide(self, **options: Any) -> None:
        names = ("folder", "owner", "purpose", "materiality")
        self.say(services.model_register(**{name: options[name] for name in names}, actor=COMMAND_LINE))
