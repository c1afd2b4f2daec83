"""Tasks of the directory: exports, deletions, figures, the pulse."""

from __future__ import annotations

from uuid import UUID

import structlog
from celery import shared_task

from tenants import metering
from tenants.kernel.jobs import PlatformTask
from tenants.services import deletion, exports

logger = structlog.get_logger(__name__)


@shared_task(base=PlatformTask, name="tenants.run_export", soft_time_limit=3300, time_limit=3500)
def run_export(*, export_id: str) -> None:
    """Make one archive."""
    try:
        exports.export_run(export_id=UUID(export_id))
    except Exception:
        exports.export_fail(
            export_id=UUID(export_id), message="The archive failed because of a fault of ours."
        )
        raise


@shared_task(base=PlatformTask, name="tenants.execute_deletions", soft_time_limit=3300, time_limit=3500)
def execute_deletions() -> int:
    """Carry out the deletions whose grace is over; one that fails does not stop the others."""
    done = 0
    for identifier in deletion.deletions_due():
        try:
            done += deletion.deletion_execute(deletion_id=identifier)
        except Exception:
            logger.exception("a deletion failed", deletion=str(identifier))
    exports.exports_sweep()
    return done


@shared_task(base=PlatformTask, name="tenants.roll_up_calls")
def roll_up_calls() -> int:
    """Bring the calls that Redis has counted to the table."""
    return metering.roll_up()


@shared_task(base=PlatformTask, name="tenants.pulse")
def pulse() -> None:
    """Say that the platform is alive."""
    metering.pulse()
