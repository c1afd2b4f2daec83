"""Show the registry."""

from __future__ import annotations

from typing import Any

from predictions.registry.management.deciding import ModelCommand
from predictions.registry.models import ModelVersion


class Command(ModelCommand):
    help = "List the versions of the scoring model, the newest first."
    needs_version = needs_reason = False

    def decide(self, **options: Any) -> None:
        for row in ModelVersion.objects.all():
            auc = row.metrics.get("statement_market", {}).get("auc")
            figure = f"AUC {auc:.3f}" if auc else "no figures"
            self.stdout.write(
                f"{row.id}  {row.sha256[:12]}  {row.status:10}  {row}  {figure}  "
                f"review {row.next_review_on or 'not set'}  {row.owner}"
            )
