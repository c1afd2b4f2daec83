"""Let the champion before score again."""

from __future__ import annotations

from typing import Any

from predictions.registry import services
from predictions.registry.management.deciding import COMMAND_LINE, ModelCommand


class Command(ModelCommand):
    help = "Go back to the champion before the present one, at once and without a restart."
    needs_version = False

    def decide(self, **options: Any) -> None:
        self.say(services.model_rollback(reason=options["reason"], actor=COMMAND_LINE))
