"""Companies of the platform that an organization works on: a copy of who they are, kept up to date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from companies import selectors
from companies.models import Company
from companies.services.identity import IDENTITY, locked, save_once
from tenants.kernel import audit
from tenants.kernel.console_forms import plain
from tenants.kernel.errors import Absent, Conflict
from tenants.kernel.request import Actor

# What is copied: who it is, and whether it lives.
COPIED: Final = (*IDENTITY, "state", "defaulted_on", "default_kind")
_AT_ONCE: Final = 500


@transaction.atomic
def company_track(
    *,
    reference_id: UUID,
    organization_id: UUID,
    symbol: str = "",
    company: Company | None = None,
    actor: Actor,
) -> Company:
    """Have an organization follow a company of the reference tenant: as a new company of its own, or as one
    that it has (``company``). Whether it may read reference data is the caller's matter.

    Raises Absent for an unknown one, Conflict ``duplicate_company`` with ``company_id`` where it is tracked
    already or the organization has another company of this symbol, LEI or CIK.
    """
    known = _reference([reference_id]).get(reference_id)
    if known is None:
        raise Absent()
    if company is None:
        row = Company(
            organization_id=organization_id, symbol=symbol or known["symbol"], created_by_id=actor.user_id
        )
    else:
        row = locked(company.id)
        if row.reference_id not in {None, reference_id}:
            raise Conflict("It follows another company of the platform; untrack it first.", code="tracked")
    changes = _take(row, known)
    row.reference_id = reference_id
    fields = None
    if company is not None:
        row.version += 1
        fields = {**changes, "reference_id": None}
    save_once(row, fields=fields)
    said = {"reference_id": str(reference_id), "symbol": row.symbol}
    audit.record("companies.company.tracked", on=row, changes=said | {"took": changes}, actor=actor)
    return row


@transaction.atomic
def company_untrack(*, company: Company, actor: Actor) -> Company:
    """Stop following; what was copied stays and is the organization's own from now on."""
    row = locked(company.id)
    if row.reference_id is None:
        raise Conflict("The company is not tracked.", code="same_state")
    before, row.reference_id = row.reference_id, None
    row.version += 1
    row.save(update_fields=["reference_id", "version", "updated_at"])
    audit.record(
        "companies.company.untracked", on=row, changes={"reference_id": [str(before), ""]}, actor=actor
    )
    return row


def tracked_refresh(*, company: Company | None = None, actor: Actor) -> int:
    """Bring tracked companies of the scope (or this one) up to date; tells how many changed."""
    rows = Company.objects.exclude(reference_id=None)
    if company is not None:
        rows = rows.filter(id=company.id)
    pairs = list(rows.order_by("id").values_list("id", "reference_id"))
    changed = 0
    for start in range(0, len(pairs), _AT_ONCE):
        part = pairs[start : start + _AT_ONCE]
        known = _reference([reference for _, reference in part])
        current = {row.id: row for row in Company.objects.filter(id__in=[i for i, _ in part])}
        for identifier, reference in part:
            row, said = current.get(identifier), known.get(reference)
            if row is None or said is None or all(getattr(row, n) == said[n] for n in COPIED):
                continue
            changed += _refresh_one(identifier, reference, said, actor)
    return changed


@transaction.atomic
def _refresh_one(identifier: UUID, reference: UUID, said: dict[str, Any], actor: Actor) -> int:
    try:
        row = locked(identifier)
    except Absent:
        return 0
    if row.reference_id != reference:
        return 0
    if not (changes := _take(row, said)):
        return 0
    row.version += 1
    try:
        save_once(row, fields=changes)
    except Conflict:  # the organization has given its LEI or CIK to another company of its own
        return 0
    audit.record("companies.company.refreshed", on=row, changes=changes, actor=actor)
    return 1


def _take(row: Company, said: dict[str, Any]) -> dict[str, list[Any]]:
    changes: dict[str, list[Any]] = {}
    for name in COPIED:
        before = getattr(row, name)
        if before != said[name]:
            setattr(row, name, said[name])
            changes[name] = [plain(before), plain(said[name])]
    return changes


def _reference(ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """What the platform says of these companies, as plain values: nothing of its rows leaves the door."""
    with selectors.in_reference(reason="tracked companies"):
        rows = Company.objects.filter(id__in=ids).values("id", "symbol", *COPIED)
        return {row["id"]: row for row in rows}
