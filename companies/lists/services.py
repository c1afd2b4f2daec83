"""Watchlists, notes with mentions, and what was looked at last."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from companies.lists.models import Note, RecentView, Watchlist, WatchlistEntry
from companies.models import Company
from organizations.notices.selectors import receivers
from organizations.notices.services import notify
from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.errors import Absent, Conflict, InvalidInput
from tenants.kernel.etags import ANY_STATE, Precondition
from tenants.kernel.request import Actor

MOST_LISTS: Final = 200
MOST_ENTRIES: Final = 10_000
MOST_RECENT: Final = 50
MOST_MENTIONS: Final = 20
# An at sign and an address: "@jane@firm.com".
_MENTION = re.compile(r"(?<!\w)@([\w.+-]+@[\w-]+(?:\.[\w-]+)+)")


# -- watchlists -----------------------------------------------------------------------------------


@transaction.atomic
def watchlist_create(
    *, name: str, description: str = "", shared: bool = False, organization_id: UUID, actor: Actor
) -> Watchlist:
    """Begin a list. Raises Conflict ``duplicate_list`` for a name that the actor has used already."""
    mine = Watchlist.objects.filter(organization_id=organization_id, created_by_id=actor.user_id)
    if mine.count() >= MOST_LISTS:
        raise Conflict(f"A person keeps up to {MOST_LISTS} lists.", code="too_many_lists")
    row = Watchlist(
        organization_id=organization_id,
        name=" ".join(name.split()),
        description=description,
        shared=shared,
        created_by_id=actor.user_id,
    )
    _save_named(row)
    changes = {"name": row.name, "shared": shared}
    audit.record("lists.watchlist.created", on=row, changes=changes, actor=actor)
    return row


@transaction.atomic
def watchlist_update(
    *, watchlist: Watchlist, changes: dict[str, Any], expected: Precondition = ANY_STATE, actor: Actor
) -> Watchlist:
    """Change name, description, or who sees it."""
    row = _locked_list(watchlist.id)
    expected.check(row)
    said: dict[str, Any] = {}
    for field in ("name", "description", "shared"):
        if field in changes and changes[field] != getattr(row, field):
            said[field] = [getattr(row, field), changes[field]]
            setattr(row, field, changes[field])
    if said:
        row.version += 1
        _save_named(row)
        audit.record("lists.watchlist.changed", on=row, changes=said, actor=actor)
    return row


@transaction.atomic
def watchlist_delete(*, watchlist: Watchlist, actor: Actor) -> None:
    """Remove a list; its companies stay."""
    row = _locked_list(watchlist.id)
    audit.record("lists.watchlist.deleted", on=row, actor=actor)
    row.delete()


@transaction.atomic
def watchlist_add(*, watchlist: Watchlist, company_ids: Collection[UUID], actor: Actor) -> int:
    """Put companies of the list's organization on it; tells how many were new. One that is not to be found
    refuses all (Absent). Raises Conflict ``list_full``."""
    row = _locked_list(watchlist.id)
    wanted = set(company_ids)
    found = set(
        Company.objects.filter(organization_id=row.organization_id, id__in=wanted).values_list(
            "id", flat=True
        )
    )
    if found != wanted:
        raise Absent()
    there = set(
        WatchlistEntry.all_objects.filter(watchlist=row, company_id__in=wanted).values_list(
            "company_id", flat=True
        )
    )
    if row.entries.count() + len(wanted - there) > MOST_ENTRIES:
        raise Conflict(f"A list holds up to {MOST_ENTRIES:,} companies.", code="list_full")
    WatchlistEntry.objects.bulk_create(
        WatchlistEntry(
            organization_id=row.organization_id,
            watchlist=row,
            company_id=company_id,
            created_by_id=actor.user_id,
        )
        for company_id in sorted(wanted - there)
    )
    return _count(row, "added", len(wanted - there), actor)


@transaction.atomic
def watchlist_remove(*, watchlist: Watchlist, company_ids: Collection[UUID], actor: Actor) -> int:
    """Take companies off a list; tells how many were on it."""
    row = _locked_list(watchlist.id)
    gone, _ = WatchlistEntry.all_objects.filter(watchlist=row, company_id__in=set(company_ids)).delete()
    return _count(row, "removed", gone, actor)


def _count(row: Watchlist, verb: str, number: int, actor: Actor) -> int:
    if number:
        row.version += 1
        row.save(update_fields=["version", "updated_at"])
        audit.record(f"lists.watchlist.{verb}", on=row, changes={"companies": number}, actor=actor)
    return number


def _locked_list(watchlist_id: UUID) -> Watchlist:
    row: Watchlist | None = Watchlist.objects.select_for_update().filter(id=watchlist_id).first()
    if row is None:
        raise Absent()
    return row


def _save_named(row: Watchlist) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise Conflict("You have a list of this name already.", code="duplicate_list") from None


# -- notes ----------------------------------------------------------------------------------------


@transaction.atomic
def note_create(
    *,
    company: Company,
    text: str,
    mentions: Collection[UUID] = (),
    in_reply_to: UUID | None = None,
    actor: Actor,
) -> Note:
    """Write a note, or a reply to one of the same company. Whoever is named (by id, or as
    ``@jane@firm.com`` in the text) and may see the organization is told. Raises Absent for a note that is
    not there."""
    # Held, so that nobody deletes the company meanwhile and the note would stay in sight.
    held: Company | None = Company.objects.select_for_update(no_key=True).filter(id=company.id).first()
    if held is None:
        raise Absent()
    parent: Note | None = None
    if in_reply_to is not None:
        parent = Note.objects.filter(id=in_reply_to, company_id=held.id).first()
        if parent is None:
            raise Absent()
    note = Note(
        organization_id=held.organization_id,
        company=held,
        # Answers to an answer stand beside it.
        in_reply_to_id=(parent.in_reply_to_id or parent.id) if parent else None,
        text=text.strip(),
        mentions=_mentioned(text, mentions, held.organization_id),
        created_by_id=actor.user_id,
    )
    note.save()
    audit.record("lists.note.created", on=note, changes={"company": held.symbol}, actor=actor)
    _tell(note, held, note.mentions, actor)
    return note


@transaction.atomic
def note_update(
    *,
    note: Note,
    text: str,
    mentions: Collection[UUID] = (),
    expected: Precondition = ANY_STATE,
    actor: Actor,
) -> Note:
    """Change one's own words; who is named anew is told. The audit log keeps what stood there."""
    row: Note | None = (
        Note.objects.select_for_update(of=("self",)).select_related("company").filter(id=note.id).first()
    )
    if row is None:
        raise Absent()
    expected.check(row)
    before, known = row.text, set(row.mentions)
    row.text = text.strip()
    row.mentions = _mentioned(text, mentions, row.organization_id)
    if (row.text, set(row.mentions)) == (before, known):
        return row
    row.edited_at = timezone.now()
    row.version += 1
    row.save()
    audit.record("lists.note.changed", on=row, changes={"text": [before, row.text]}, actor=actor)
    _tell(row, row.company, [i for i in row.mentions if i not in known], actor)
    return row


@transaction.atomic
def note_delete(*, note: Note, actor: Actor) -> None:
    """Remove a note with its replies; the audit log keeps the words."""
    row: Note | None = Note.objects.select_for_update(of=("self",)).filter(id=note.id).first()
    if row is None:
        raise Absent()
    audit.record("lists.note.deleted", on=row, changes={"text": row.text}, actor=actor)
    row.delete()


def _mentioned(text: str, ids: Collection[UUID], organization_id: UUID) -> list[UUID]:
    """Ids of those who are named and may see the organization."""
    addresses = {found.lower().rstrip(".") for found in _MENTION.findall(text)}
    named = set(ids)
    if addresses:
        with in_public():
            named.update(User.objects.filter(email__in=addresses).values_list("id", flat=True))
    if len(named) > MOST_MENTIONS:
        detail = f"A note names up to {MOST_MENTIONS} people."
        raise InvalidInput(
            detail, errors=[{"pointer": "/mentions", "code": "too_many_mentions", "detail": detail}]
        )
    return sorted(user.id for user in receivers(named, organization_id)) if named else []


def _tell(note: Note, company: Company, user_ids: Collection[UUID], actor: Actor) -> None:
    told = [user_id for user_id in user_ids if user_id != actor.user_id]
    if told:
        notify(
            user_ids=told,
            kind="mentions",
            title=f"You were named in a note on {company}",
            text=note.text[:500],
            link=f"/admin/companies/company/{company.id}/change/",
            organization_id=note.organization_id,
            actor=actor,
        )


# -- what was looked at ---------------------------------------------------------------------------


@transaction.atomic
def view_remember(*, company: Company, user_id: UUID) -> None:
    """Remember that somebody has looked at a company, and forget what he looked at long ago."""
    RecentView.objects.bulk_create(
        [RecentView(organization_id=company.organization_id, user_id=user_id, company=company)],
        update_conflicts=True,
        unique_fields=["organization", "user_id", "company"],
        update_fields=["viewed_at"],
    )
    mine = RecentView.all_objects.filter(user_id=user_id)
    kept = mine.order_by("-viewed_at").values("id")[:MOST_RECENT]
    mine.exclude(id__in=kept).delete()
