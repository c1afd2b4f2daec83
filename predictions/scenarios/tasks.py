"""Tasks: fetch, call one service, own the retry."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task

from predictions.scenarios import services
from tenants.kernel.errors import Unavailable
from tenants.kernel.jobs import TenantTask


@shared_task(bind=True, base=TenantTask, name="scenarios.run_part", max_retries=3, default_retry_delay=10)
def run_part(self: Any, *, run_id: str) -> int:
    """Take the next companies of a run; the service sends for the part after."""
    try:
        return services.run_part(run_id=UUID(run_id), actor=self.actor)
    except Unavailable as error:
        services.run_fail(run_id=UUID(run_id), message=error.detail, actor=self.actor)
        return 0
    except Exception as error:
        if self.last_attempt:
            message = "The run ended because of a fault on our side."
            services.run_fail(run_id=UUID(run_id), message=message, actor=self.actor)
            raise
        raise self.again(error) from error
