"""Companies go, come back, and go for good; and how they stand: alive or in default, and how rated."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from companies.defaults import defaults
from companies.models import (
    Company,
    CompanyState,
    DefaultKind,
    RatingChange,
    RatingScheme,
    following_models,
)
from companies.services.identity import locked, save_once
from ml.masterscale import default_scale, parse
from tenants.kernel import audit
from tenants.kernel.context import current_tenant
from tenants.kernel.errors import Absent, Conflict, InvalidInput
from tenants.kernel.etags import ANY_STATE, Precondition
from tenants.kernel.request import Actor

_FIRST_DAY = date(1950, 1, 1)


def rows_hide(company_ids: Collection[UUID], at: datetime | None) -> None:
    """Hide every row of these companies, or show them again (None). The companies must be locked."""
    for model in following_models():
        model.all_objects.filter(company_id__in=company_ids).update(company_deleted_at=at)


@transaction.atomic
def company_delete(*, company: Company, expected: Precondition = ANY_STATE, actor: Actor) -> None:
    """Put a company away with everything of it: hidden everywhere, and restored whole while it is kept.

    Writers of its statements and predictions hold the company's lock: none of theirs is left out.
    """
    row = locked(company.id)
    expected.check(row)
    _put_away([row], actor)


@transaction.atomic
def companies_delete(*, company_ids: Collection[UUID], actor: Actor) -> list[UUID]:
    """The same for many at a time, in as many statements as for one; which of them were there."""
    rows = Company.objects.select_for_update(no_key=True).filter(id__in=company_ids)
    found = list(rows.order_by("symbol"))
    _put_away(found, actor)
    return [row.id for row in found]


def _put_away(rows: list[Company], actor: Actor) -> None:
    ids, now = [row.id for row in rows], timezone.now()
    changes = {"deleted_at": now, "deleted_by_id": actor.user_id, "updated_at": now}
    Company.objects.filter(id__in=ids).update(version=F("version") + 1, **changes)
    rows_hide(ids, now)
    audit.record_all(
        "companies.company.deleted", ((row, {"symbol": row.symbol}) for row in rows), actor=actor
    )


def locked_deleted(company_id: UUID) -> Company:
    """A deleted company under a lock; raises Absent."""
    rows = Company.all_objects.select_for_update(no_key=True)
    row: Company | None = rows.filter(id=company_id).exclude(deleted_at=None).first()
    if row is None:
        raise Absent()
    return row


@transaction.atomic
def company_restore(*, company: Company, symbol: str = "", actor: Actor) -> Company:
    """Bring a deleted company back with everything of it, under another symbol if one is given.

    Raises Conflict ``duplicate_company`` where its symbol, LEI or CIK was given away meanwhile, and
    ``merged`` for one that was merged: that is taken back at the survivor.
    """
    row = locked_deleted(company.id)
    if row.state == CompanyState.MERGED:
        raise Conflict("It was merged into another company; take the merger back.", code="merged")
    before = row.symbol
    row.symbol = symbol or row.symbol
    row.deleted_at = row.deleted_by_id = None
    row.version += 1
    fields = {"symbol": None, "deleted_at": None, "deleted_by_id": None}
    save_once(row, fields=fields)
    rows_hide([row.id], None)
    changes = {"symbol": [before, row.symbol]} if before != row.symbol else {"symbol": row.symbol}
    audit.record("companies.company.restored", on=row, changes=changes, actor=actor)
    return row


@transaction.atomic
def company_purge(*, company: Company, actor: Actor) -> None:
    """Remove a deleted company for good, with its statements, predictions and scores."""
    row = locked_deleted(company.id)
    audit.record("companies.company.purged", on=row, changes={"symbol": row.symbol}, actor=actor)
    row.delete()


def companies_purge(*, before: datetime, actor: Actor) -> int:
    """Remove what was deleted before that moment, in the scope's organizations; tells how many."""
    old = Company.all_objects.filter(deleted_at__lt=before).order_by("deleted_at", "id")
    removed = 0
    for company in old.iterator(chunk_size=200):
        try:
            company_purge(company=company, actor=actor)
        except Absent:  # restored or purged meanwhile
            continue
        removed += 1
    return removed


# -- how it stands --------------------------------------------------------------------------------


@transaction.atomic
def company_default(
    *,
    company: Company,
    occurred_on: date,
    kind: str = DefaultKind.OTHER,
    expected: Precondition = ANY_STATE,
    actor: Actor,
) -> Company:
    """Mark a company as defaulted; its outcome is noted with it. The same again changes nothing.

    Raises InvalidInput for a day that cannot be.
    """
    row = locked(company.id)
    expected.check(row)
    if not _FIRST_DAY <= occurred_on <= timezone.now().date():
        detail = "A default lies in the past, and not before 1950."
        raise InvalidInput(
            detail, errors=[{"pointer": "/occurred_on", "code": "date_value", "detail": detail}]
        )
    if (row.state, row.defaulted_on, row.default_kind) == (CompanyState.DEFAULTED, occurred_on, kind):
        return row
    changes = {"state": [row.state, "defaulted"], "defaulted_on": [_text(row.defaulted_on), str(occurred_on)]}
    changes["default_kind"] = [row.default_kind, str(kind)]
    row.state, row.defaulted_on, row.default_kind = CompanyState.DEFAULTED, occurred_on, kind
    _save_state(row)
    audit.record("companies.company.defaulted", on=row, changes=changes, actor=actor)
    defaults().default_note(company_id=row.id, actor=actor)
    return row


@transaction.atomic
def company_revive(
    *,
    company: Company,
    reason: str,
    mistaken: bool = False,
    expected: Precondition = ANY_STATE,
    actor: Actor,
) -> Company:
    """Mark a defaulted company as alive again: cured, or ``mistaken``, which takes its outcome away as well.

    Raises Conflict ``same_state`` for a company that is alive.
    """
    row = locked(company.id)
    expected.check(row)
    if row.state != CompanyState.DEFAULTED or row.defaulted_on is None:
        raise Conflict("The company is not in default.", code="same_state")
    on = row.defaulted_on
    changes = {"state": ["defaulted", "alive"], "defaulted_on": [str(on), ""], "reason": reason}
    row.state, row.defaulted_on, row.default_kind = CompanyState.ALIVE, None, ""
    _save_state(row)
    audit.record("companies.company.revived", on=row, changes=changes | {"mistaken": mistaken}, actor=actor)
    if mistaken:
        defaults().default_forget(company_id=row.id, occurred_on=on, actor=actor)
    return row


def _text(day: date | None) -> str:
    return str(day) if day else ""


def _save_state(row: Company) -> None:
    row.version += 1
    row.save(update_fields=["state", "defaulted_on", "default_kind", "version", "updated_at"])


@transaction.atomic
def company_rate(
    *, company: Company, rating: str, reason: str, expected: Precondition = ANY_STATE, actor: Actor
) -> RatingChange:
    """Give a company an internal rating, by a grade of the institution's master scale or in its own words.

    An empty one withdraws. Raises Conflict ``same_state`` where nothing would change.
    """
    row = locked(company.id)
    expected.check(row)
    rating = " ".join(rating.split())
    if rating == row.internal_rating:
        raise Conflict("The company has this rating already.", code="same_state")
    change = RatingChange(
        organization_id=row.organization_id,
        company=row,
        rating=rating,
        before=row.internal_rating,
        scheme=RatingScheme.MASTER_SCALE if rating in master_grades() else RatingScheme.FREE,
        reason=reason,
        created_by_id=actor.user_id,
    )
    change.save()
    row.internal_rating = rating
    row.version += 1
    row.save(update_fields=["internal_rating", "version", "updated_at"])
    changes = {"internal_rating": [change.before, rating], "reason": reason}
    audit.record("companies.company.rated", on=row, changes=changes, actor=actor)
    return change


def master_grades() -> list[str]:
    """Grades of the institution's master scale, the best first, the grade of defaults last."""
    own = current_tenant().settings.master_scale
    scale = parse(own) if own else default_scale()
    return [*(grade.grade for grade in scale.grades), scale.default_grade]


def tags_change(*, companies: list[Company], add: list[str], remove: list[str], actor: Actor) -> int:
    """Add and remove tags of several companies; tells how many changed."""
    changed = 0
    with transaction.atomic():
        for company in sorted(companies, key=lambda c: c.symbol):
            row = locked(company.id)
            tags = [tag for tag in row.tags if tag not in remove]
            tags += [tag for tag in add if tag not in tags]
            if tags == row.tags:
                continue
            changes = {"tags": [row.tags, tags]}
            row.tags = tags
            row.version += 1
            row.save(update_fields=["tags", "version", "updated_at"])
            audit.record("companies.company.changed", on=row, changes=changes, actor=actor)
            changed += 1
    return changed
