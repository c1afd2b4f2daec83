"""Tasks: fetch, call one service, own the retry."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task

from predictions.own_models import services
from predictions.own_models.models import TrainingState
from tenants.kernel.jobs import TenantTask


@shared_task(bind=True, base=TenantTask, name="own_models.train", max_retries=2, default_retry_delay=10)
def train(self: Any, *, model_id: str) -> None:
    """Fit and validate one model; after the last failure it ends with a sentence."""
    try:
        services.own_model_train(model_id=UUID(model_id), actor=self.actor)
    except Exception as error:
        if self.last_attempt:
            services.own_model_fail(
                model_id=UUID(model_id),
                state=TrainingState.FAILED,
                code="internal",
                message="The training ended because of a fault on our side.",
                actor=self.actor,
            )
            raise
        raise self.again(error) from error


@shared_task(base=TenantTask, name="own_models.compare")
def compare(*, model_id: str) -> int:
    """Let a model score the current predictions of its organization."""
    return services.own_model_compare(model_id=UUID(model_id))
