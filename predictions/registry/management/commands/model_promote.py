"""Let a version score."""

from __future__ import annotations

from typing import Any

from predictions.registry import services
from predictions.registry.management.deciding import COMMAND_LINE, ModelCommand


class Command(ModelCommand):
    help = "Make a version the champion, or ask a second person for it where the platform's setting says so."

    def decide(self, **options: Any) -> None:
        done = services.model_promote(
            version_id=self.version(options["version"]).id, reason=options["reason"], actor=COMMAND_LINE
        )
        self.say(done.version)
        if done.request is not None:
            self.stdout.write("A super admin has to approve it, in the console or by the API.")
