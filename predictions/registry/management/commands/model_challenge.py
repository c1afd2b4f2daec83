"""Let a version score in the champion's shadow."""

from __future__ import annotations

from typing import Any

from predictions.registry import services
from predictions.registry.management.deciding import COMMAND_LINE, ModelCommand


class Command(ModelCommand):
    help = "Make a version the challenger."

    def decide(self, **options: Any) -> None:
        version_id = self.version(options["version"]).id
        self.say(
            services.model_challenge(version_id=version_id, reason=options["reason"], actor=COMMAND_LINE)
        )
