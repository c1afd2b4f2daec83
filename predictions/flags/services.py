"""Looking through new scores for changes of risk, and answering what was found."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from companies.lists.models import WatchlistEntry
from organizations.notices.services import notify
from predictions.flags.models import Flag, FlagRule
from predictions.models import Prediction, Score
from tenants.kernel import audit
from tenants.kernel.errors import Absent, Conflict
from tenants.kernel.request import Actor

AT_ONCE: Final = 5_000
# Identifiers are given before the commit: look so far back again. A score is flagged once all the same.
_OVERLAP: Final = 10 * 60 * 1000 << 80


def rule_of_institution() -> FlagRule:
    """The institution's rule, made with its defaults where there is none."""
    return FlagRule.objects.get_or_create(only=True)[0]  # type: ignore[no-any-return]


@transaction.atomic
def flag_rule_update(*, changes: dict[str, Any], actor: Actor) -> FlagRule:
    """Change what is flagged from now on."""
    rule_of_institution()
    row: FlagRule = FlagRule.objects.select_for_update().get(only=True)
    said: dict[str, Any] = {}
    for name in ("points", "relative", "on_level"):
        if name in changes and changes[name] != getattr(row, name):
            said[name] = [getattr(row, name), changes[name]]
            setattr(row, name, changes[name])
    if said:
        row.save()
        audit.record("flags.rule.changed", on=row, changes=said, actor=actor)
    return row


@transaction.atomic
def flags_review(*, actor: Actor) -> int:
    """Flag what has changed since the last look, within the scope; tells how many companies.

    A score is held against the one before of the same period, else against the period before. What was there
    before the first look is not flagged.
    """
    rule_of_institution()
    rule: FlagRule = FlagRule.objects.select_for_update().get(only=True)
    if rule.reviewed_to is None:
        rule.reviewed_to = Score.objects.order_by("-id").values_list("id", flat=True).first()
        rule.save(update_fields=["reviewed_to"])
        return 0
    since = UUID(int=max(rule.reviewed_to.int - _OVERLAP, 0))
    known = Flag.all_objects.filter(score_id__gt=since).values("score_id")
    rows = list(
        Score.objects.filter(id__gt=since, prediction__company_deleted_at=None)
        .exclude(id__in=known)
        .order_by("id")
        .select_related("prediction")[:AT_ONCE]
    )
    flags = [flag for score, before in _with_basis(rows) if (flag := _flag(rule, score, before))]
    fresh = Flag.objects.bulk_create(flags)
    for flag in fresh:
        older = Flag.objects.filter(company_id=flag.company_id, kind=flag.kind, replaced_at=None)
        older.filter(acknowledged_at=None).exclude(id=flag.id).update(replaced_at=timezone.now())
    if rows and rows[-1].id > rule.reviewed_to:
        rule.reviewed_to = rows[-1].id
        rule.save(update_fields=["reviewed_to"])
    _tell(fresh, actor)
    return len(fresh)


def _with_basis(scores: list[Score]) -> list[tuple[Score, tuple[float, str]]]:
    """Scores that hold for the newest period of their company, each with PD and level before."""
    companies = {score.prediction.company_id for score in scores}
    heads: dict[Any, list[Any]] = defaultdict(list)
    found = Prediction.objects.filter(company_id__in=companies).order_by("-fiscal_year", "-fiscal_quarter")
    for row in found.values_list("company_id", "kind", "id", "pd", "risk_level"):
        heads[row[0], row[1]].append(row[2:])
    earlier: dict[UUID, list[tuple[UUID, float, str]]] = defaultdict(list)
    past = Score.objects.filter(prediction_id__in={score.prediction_id for score in scores}).order_by("-id")
    for prediction_id, *told in past.values_list("prediction_id", "id", "pd", "risk_level"):
        earlier[prediction_id].append(tuple(told))  # type: ignore[arg-type]
    pairs = []
    for score in scores:
        head = score.prediction
        periods = heads[head.company_id, head.kind]
        if head.current_id != score.id or not periods or periods[0][0] != head.id:
            continue
        same = next(((pd, level) for i, pd, level in earlier[head.id] if i < score.id), None)
        before = same or next(((pd, level) for _, pd, level in periods[1:] if pd is not None), None)
        if before is not None:
            pairs.append((score, before))
    return pairs


def _flag(rule: FlagRule, score: Score, before: tuple[float, str]) -> Flag | None:
    pd, level = before
    change = abs(score.pd - pd)
    # A change of just the limit counts, whatever floats make of it.
    reasons = [
        name
        for name, holds in (
            ("points", rule.points is not None and change >= rule.points - 1e-12),
            ("relative", rule.relative is not None and pd > 0 and change / pd >= rule.relative - 1e-12),
            ("level", rule.on_level and level != score.risk_level),
        )
        if holds
    ]
    if not reasons:
        return None
    return Flag(
        organization_id=score.organization_id,
        company_id=score.prediction.company_id,
        prediction_id=score.prediction_id,
        kind=score.prediction.kind,
        score_id=score.id,
        reasons=reasons,
        pd=score.pd,
        pd_before=pd,
        risk_level=score.risk_level,
        level_before=level,
    )


def _tell(flags: list[Flag], actor: Actor) -> None:
    """Tell those who watch the companies, each once for all of them."""
    watched = WatchlistEntry.objects.filter(company_id__in={flag.company_id for flag in flags})
    companies: dict[tuple[UUID, UUID], set[UUID]] = defaultdict(set)
    for organization_id, user_id, company_id in watched.exclude(watchlist__created_by_id=None).values_list(
        "organization_id", "watchlist__created_by_id", "company_id"
    ):
        companies[organization_id, user_id].add(company_id)
    for (organization_id, user_id), found in companies.items():
        subject = "One company" if len(found) == 1 else f"{len(found):,} companies"
        notify(
            user_ids=[user_id],
            kind="alerts",
            title=f"The risk of {subject.lower()} on your lists has changed",
            organization_id=organization_id,
            actor=actor,
        )


@transaction.atomic
def flag_acknowledge(*, flag: Flag, note: str = "", actor: Actor) -> Flag:
    """Say that somebody has looked at it. Raises Conflict ``same_state`` the second time."""
    row: Flag | None = Flag.objects.select_for_update(of=("self",)).filter(id=flag.id).first()
    if row is None:
        raise Absent()
    if row.acknowledged_at is not None:
        raise Conflict("Somebody has acknowledged this already.", code="same_state")
    row.acknowledged_at, row.acknowledged_by_id, row.note = timezone.now(), actor.user_id, note
    row.save(update_fields=["acknowledged_at", "acknowledged_by_id", "note"])
    audit.record("flags.flag.acknowledged", on=row, changes={"note": note}, actor=actor)
    return row
