"""Two entries of one company become one; what is needed to take it back is kept."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from companies.models import Company, CompanyMerge, CompanyState, FollowsCompany, following_models
from companies.services.identity import IDENTITY, save_once
from companies.services.lifecycle import rows_hide
from tenants.kernel import audit
from tenants.kernel.console_forms import plain
from tenants.kernel.errors import Absent, Conflict, InvalidInput
from tenants.kernel.etags import ANY_STATE, Precondition
from tenants.kernel.request import Actor

_NONE = object()


@transaction.atomic
def companies_merge(
    *,
    survivor: Company,
    merged: Company,
    reason: str = "",
    expected: Precondition = ANY_STATE,
    actor: Actor,
) -> CompanyMerge:
    """Move everything of one company to another and put the first away.

    A period that both have is the survivor's: the other's rows of it stay with the merged company, hidden.
    The survivor takes over what it lacks. Both are locked in the order of their ids. Raises InvalidInput
    where they are one or of two organizations, Absent where one is gone, Stale by ``expected``.
    """
    if survivor.id == merged.id or survivor.organization_id != merged.organization_id:
        detail = "Two companies of one organization are merged."
        raise InvalidInput(detail, errors=[{"pointer": "/merged", "code": "invalid", "detail": detail}])
    rows = _lock(survivor.id, merged.id)
    if len(rows) < 2:
        raise Absent()
    survivor, merged = rows[survivor.id], rows[merged.id]
    expected.check(survivor)
    moved: dict[str, list[str]] = {}
    kept: dict[str, int] = {}
    for model in following_models():
        ids, left = _movable(model, survivor, merged)
        if ids:
            model.all_objects.filter(id__in=ids).update(company_id=survivor.id)
            moved[model._meta.label] = [str(i) for i in ids]
        if left:
            kept[model._meta.label] = left
    _put_away(merged, survivor, actor)
    learnt = _learn(survivor, merged)
    save_once(survivor, fields=learnt)
    merge = CompanyMerge(
        organization_id=survivor.organization_id,
        survivor=survivor,
        merged=merged,
        moved=moved,
        kept=kept,
        learnt=learnt,
        reason=reason,
        created_by_id=actor.user_id,
    )
    merge.save()
    changes = {
        "into": str(survivor),
        "moved": {label: len(ids) for label, ids in moved.items()},
        "kept": kept,
        "reason": reason,
    }
    audit.record("companies.company.merged", on=merged, changes=changes, actor=actor)
    said = {"merged": str(merged), "merge_id": str(merge.id), "learnt": learnt}
    audit.record("companies.company.survived", on=survivor, changes=said, actor=actor)
    return merge


def _lock(*ids: UUID) -> dict[UUID, Company]:
    rows = Company.objects.filter(id__in=ids).order_by("id").select_for_update(no_key=True)
    return {row.id: row for row in rows}


def _movable(model: type[FollowsCompany], survivor: Company, merged: Company) -> tuple[list[UUID], int]:
    """Ids of the merged company's rows that the survivor has no match for, and how many stay."""
    key = model.once_by
    if key is None:
        return list(model.all_objects.filter(company_id=merged.id).values_list("id", flat=True)), 0
    there = set(model.all_objects.filter(company_id=survivor.id).values_list(*key))
    rows = list(model.all_objects.filter(company_id=merged.id).values_list("id", *key))
    ids = [row[0] for row in rows if row[1:] not in there]
    return ids, len(rows) - len(ids)


def _put_away(merged: Company, survivor: Company, actor: Actor) -> None:
    now = timezone.now()
    merged.state, merged.merged_into = CompanyState.MERGED, survivor
    merged.deleted_at, merged.deleted_by_id = now, actor.user_id
    merged.version += 1
    fields = ["state", "merged_into", "deleted_at", "deleted_by_id", "version", "updated_at"]
    merged.save(update_fields=fields)
    rows_hide([merged.id], now)


def _learn(survivor: Company, merged: Company) -> dict[str, list[Any]]:
    """Fill the survivor's gaps; tells before and after by field."""
    learnt: dict[str, list[Any]] = {}
    follows = survivor.reference_id is not None
    for name in (*IDENTITY, "internal_rating", "reference_id"):
        before, said = getattr(survivor, name), getattr(merged, name)
        if before in (None, "") and said not in (None, "") and not (follows and name in IDENTITY):
            setattr(survivor, name, said)
            learnt[name] = [plain(before), plain(said)]
    if tags := [tag for tag in merged.tags if tag not in survivor.tags]:
        learnt["tags"] = [list(survivor.tags), [*survivor.tags, *tags]]
        survivor.tags = [*survivor.tags, *tags]
    if custom := {name: value for name, value in merged.custom.items() if name not in survivor.custom}:
        learnt["custom"] = [dict(survivor.custom), {**survivor.custom, **custom}]
        survivor.custom = {**survivor.custom, **custom}
    survivor.version += 1
    return learnt


@transaction.atomic
def merge_undo(*, merge: CompanyMerge, actor: Actor) -> Company:
    """Take a merger back: the rows that moved go home, and what the survivor took over and still has goes.

    Raises Conflict ``undone`` the second time, ``no_merged_company`` where the merged one was purged,
    ``duplicate_company`` where its symbol was given away.
    """
    row: CompanyMerge | None = (
        CompanyMerge.objects.select_for_update(of=("self",)).filter(id=merge.id).first()
    )
    if row is None:
        raise Absent()
    if row.undone_at is not None:
        raise Conflict("This merger was taken back already.", code="undone")
    rows = Company.all_objects.filter(id__in=[row.survivor_id, row.merged_id]).order_by("id")
    found = {company.id: company for company in rows.select_for_update(no_key=True)}
    survivor: Company | None = found.get(row.survivor_id)
    merged: Company | None = found.get(row.merged_id)
    if survivor is None or merged is None or survivor.deleted_at is not None:
        raise Conflict("One of the two companies is gone.", code="no_merged_company")
    taken_back = _unlearn(survivor, row.learnt)
    save_once(survivor, fields={name: None for name in taken_back})
    merged.state = CompanyState.DEFAULTED if merged.defaulted_on else CompanyState.ALIVE
    merged.merged_into = None
    merged.deleted_at = merged.deleted_by_id = None
    merged.version += 1
    names = ("state", "merged_into", "deleted_at", "deleted_by_id")
    save_once(merged, fields=dict.fromkeys(names))
    tables = {model._meta.label: model for model in following_models()}
    for label, ids in row.moved.items():
        rows_of = tables[label].all_objects.filter(id__in=ids, company_id=survivor.id)
        rows_of.update(company_id=merged.id)
    rows_hide([merged.id], None)
    row.undone_at, row.undone_by_id = timezone.now(), actor.user_id
    row.save(update_fields=["undone_at", "undone_by_id"])
    changes = {"from": str(survivor), "merge_id": str(row.id), "taken_back": taken_back}
    audit.record("companies.company.unmerged", on=merged, changes=changes, actor=actor)
    return merged


def _unlearn(survivor: Company, learnt: dict[str, list[Any]]) -> list[str]:
    """Give back what was taken over, unless somebody has changed it since."""
    back: list[str] = []
    for name, (before, after) in learnt.items():
        if name == "tags":
            added = [tag for tag in after if tag not in before]
            survivor.tags = [tag for tag in survivor.tags if tag not in added]
        elif name == "custom":
            fresh = {key: value for key, value in after.items() if key not in before}
            survivor.custom = {k: v for k, v in survivor.custom.items() if fresh.get(k, _NONE) != v}
        elif plain(getattr(survivor, name)) != after:
            continue
        else:
            field = Company._meta.get_field(name)
            setattr(survivor, name, None if field.null else before)  # type: ignore[union-attr]
        back.append(name)
    survivor.version += 1
    return back
