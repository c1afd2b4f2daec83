"""What beat starts by itself: platform tasks only, which open the doors they need."""

from __future__ import annotations

from datetime import timedelta

from django_celery_beat.models import IntervalSchedule, PeriodicTask

from tenants.kernel.context import in_public

# Task by name and how often it runs.
ENTRIES = {
    "predictions.sweep_jobs": timedelta(seconds=10),
    "imports.sweep": timedelta(seconds=10),
    "dry_runs.sweep": timedelta(seconds=10),
    "dry_runs.purge": timedelta(hours=1),
    "exporting.tend": timedelta(minutes=10),
    "predictions.count_usage": timedelta(minutes=5),
    "monitoring.observe_all": timedelta(days=1),
    "organizations.purge": timedelta(hours=1),
    "organizations.sign_audit": timedelta(minutes=5),
    "organizations.retain_audit": timedelta(hours=24),
    "predictions.compare_challenger": timedelta(minutes=5),
    "predictions.purge_shadows": timedelta(hours=6),
    "predictions.catch_up_scores": timedelta(hours=6),
    "tenants.execute_deletions": timedelta(minutes=5),
    "tenants.roll_up_calls": timedelta(minutes=5),
    "predictions.retain": timedelta(hours=24),
    "tenants.pulse": timedelta(minutes=1),
    "mailing.sweep": timedelta(seconds=30),
    "schedules.dispatch": timedelta(minutes=1),
    "notices.purge": timedelta(hours=24),
    "flags.review_all": timedelta(minutes=1),
    "companies.purge_deleted": timedelta(hours=24),
    "companies.refresh_tracked": timedelta(hours=6),
    "standing.lift_due": timedelta(minutes=1),
    "connectors.start_due": timedelta(minutes=5),
}


def schedule_ensure() -> int:
    """Write the schedule's rows where they are missing; an operator's changes to a row stay."""
    with in_public():
        for task, every in ENTRIES.items():
            interval, _ = IntervalSchedule.objects.get_or_create(
                every=int(every.total_seconds()), period=IntervalSchedule.SECONDS
            )
            PeriodicTask.objects.get_or_create(
                name=task, defaults={"task": task, "interval": interval, "queue": "default"}
            )
    return len(ENTRIES)
