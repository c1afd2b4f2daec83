"""Tasks of the registry: they work in public and on files."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task

from predictions.registry import reports
from tenants.kernel.errors import Unavailable
from tenants.kernel.jobs import PlatformTask

# A report that is counted anew refits the model twelve times a shape.
LONGEST = 3600


@shared_task(
    bind=True,
    base=PlatformTask,
    name="registry.make_report",
    time_limit=LONGEST + 60,
    soft_time_limit=LONGEST,
)
def make_report(self: Any, *, report_id: str) -> None:
    """Make a validation report."""
    try:
        reports.report_make(report_id=UUID(report_id))
    except Unavailable as error:
        reports.report_fail(report_id=UUID(report_id), message=error.detail)
    except Exception:
        reports.report_fail(
            report_id=UUID(report_id), message="The report could not be made because of a fault on our side."
        )
        raise
