"""How far runs are."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, Sum

from predictions.rescoring.models import RunState


def counted(rows: Any) -> Any:
    """Runs with the counts of their parts and what came of them."""
    # Sums over one relation: no part is counted twice.
    return rows.annotate(
        parts_all=Count("parts"),
        parts_done=Count("parts", filter=Q(parts__done_at__isnull=False)),
        parts_failed=Count("parts", filter=Q(parts__failed=True, parts__done_at=None)),
        scored=Sum("parts__scored"),
        refused=Sum("parts__refused"),
    )


def state_of(run: Any) -> RunState:
    """The state of a counted run."""
    left = run.parts_all - run.parts_done
    if run.finished_at is not None:
        return RunState.COMPLETED
    return RunState.STALLED if left and run.parts_failed == left else RunState.PROCESSING
