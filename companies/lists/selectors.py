"""Who sees which watchlist."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from companies.lists.models import Watchlist, WatchlistEntry
from tenants.kernel.errors import Absent


def seen_by(user_id: UUID | None, *, prefix: str = "") -> Q:
    """Lists that a person made, and those that are shared."""
    return Q(**{f"{prefix}shared": True}) | Q(**{f"{prefix}created_by_id": user_id})


def watchlist_of(watchlist_id: UUID, user_id: UUID | None) -> Watchlist:
    """A list that the person sees; raises Absent."""
    row: Watchlist | None = Watchlist.objects.filter(seen_by(user_id), id=watchlist_id).first()
    if row is None:
        raise Absent()
    return row


def companies_on(watchlist_id: UUID, user_id: UUID | None) -> QuerySet[Any]:
    """Identifiers of the companies on a list; none where the person does not see it."""
    entries = WatchlistEntry.objects.filter(seen_by(user_id, prefix="watchlist__"), watchlist_id=watchlist_id)
    ids: QuerySet[Any] = entries.order_by().values("company_id")
    return ids
