"""Take a version out of use."""

from __future__ import annotations

from typing import Any

from predictions.registry import services
from predictions.registry.management.deciding import COMMAND_LINE, ModelCommand


class Command(ModelCommand):
    help = "Retire a version that is not the champion."

    def decide(self, **options: Any) -> None:
        version_id = self.version(options["version"]).id
        self.say(services.model_retire(version_id=version_id, reason=options["reason"], actor=COMMAND_LINE))
