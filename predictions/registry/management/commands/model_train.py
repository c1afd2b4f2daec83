"""Train a model and register it."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings

from ml import train
from ml.validation.__main__ import main as validate
from predictions.registry import services
from predictions.registry.management.deciding import COMMAND_LINE, ModelCommand


class Command(ModelCommand):
    help = "Train a model on the development data, count its evidence, and register it as a candidate."
    needs_version = needs_reason = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="folder to write")
        parser.add_argument("--data", default=settings.MODEL_DATA, help="default: MODEL_DATA")
        parser.add_argument("--threads", default=1, type=int)
        parser.add_argument("--owner", default="", help="who answers for it")

    def decide(self, **options: Any) -> None:
        folder, data, threads = str(options["folder"]), str(options["data"]), str(options["threads"])
        train.main(["--data", data, "--out", folder, "--threads", threads])
        validate(["--data", data, "--model", folder, "--threads", threads, "--store"])
        self.say(
            services.model_register(folder=options["folder"], owner=options["owner"], actor=COMMAND_LINE)
        )
