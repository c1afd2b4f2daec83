"""Tasks of runs: fetch, call one service, own the retry."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task

from predictions.rescoring import services
from tenants.kernel.jobs import TenantTask


@shared_task(bind=True, base=TenantTask, name="rescoring.score_part", max_retries=3)
def score_part(self: Any, *, part_id: str) -> None:
    """Score the companies of one part again."""
    try:
        services.part_score(part_id=UUID(part_id), actor=self.actor)
    except Exception as error:
        if self.last_attempt:
            services.part_give_up(part_id=UUID(part_id))
            raise
        raise self.again(error) from error
