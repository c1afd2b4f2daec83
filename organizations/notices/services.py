"""Telling people: a notice in the app, a letter, or both, as each of them prefers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.permissions import Role, extent
from accounts.profiles.preferences import APP, MAIL, NOTICE_KINDS, notice_key, with_defaults
from organizations.notices.models import Notice
from organizations.notices.selectors import notices_of, receivers
from tenants.kernel import mail
from tenants.kernel.context import RESERVED, current_tenant, in_public
from tenants.kernel.errors import Absent
from tenants.kernel.request import Actor
from tenants.models import Domain

# Rows that go in one statement.
BATCH = 5_000


@transaction.atomic
def notify(
    *,
    user_ids: Iterable[UUID],
    kind: str,
    title: str,
    text: str = "",
    link: str = "",
    organization_id: UUID,
    actor: Actor,
) -> int:
    """Tell people about something in an organization; gives how many were told, in whichever way.

    Call it in the transaction of what happened: nothing is told of what is rolled back. ``kind`` is one of
    NOTICE_KINDS; ``link`` the path of a page on the institution's console. People who may not see the
    organization (any more) are left out without a word. Letters go to proved addresses only.
    """
    if kind not in NOTICE_KINDS:
        raise ValueError(f"unknown kind of notice {kind!r}")
    title = " ".join(title.split())[:200]
    rows, told = [], set()
    for user, role in receivers(user_ids, organization_id).items():
        chosen = with_defaults(user.profile.preferences)
        if chosen[notice_key(kind, APP)]:
            told.add(user.id)
            rows.append(
                Notice(
                    organization_id=organization_id,
                    user_id=user.id,
                    kind=kind,
                    title=title,
                    text=text[:1000],
                    link=link[:300],
                    created_by_id=actor.user_id,
                )
            )
        if chosen[notice_key(kind, MAIL)] and user.email_verified_at is not None:
            told.add(user.id)
            context = {
                "title": title,
                "text": text,
                "link": _address(link, role),
                "name": user.get_full_name(),
            }
            mail.send(template="notices/notice", to=user.email, context=context)
    Notice.objects.bulk_create(rows)
    return len(told)


def _address(link: str, role: Role) -> str:
    """Where a letter leads: to the page on the institution's host for those who may enter its console."""
    tenant = current_tenant()
    if not link or tenant.schema_name in RESERVED or extent(role, "console.enter") is None:
        return mail.link("home")
    with in_public():
        host = (
            Domain.objects.filter(tenant_id=tenant.id, is_primary=True)
            .values_list("domain", flat=True)
            .first()
        )
    app = urlsplit(settings.PUBLIC_APP_URL)
    port = f":{app.port}" if app.port else ""
    return f"{app.scheme}://{host}{port}{link}" if host else mail.link("home")


@transaction.atomic
def notice_mark(*, notice_id: UUID, read: bool, actor: Actor) -> Notice:
    """Mark one of the actor's notices as read or as new again; raises Absent for anybody else's."""
    row = notices_of(_own(actor)).select_for_update(of=("self",)).filter(id=notice_id).first()
    if row is None:
        raise Absent()
    if read != (row.read_at is not None):
        row.read_at = timezone.now() if read else None
        row.save(update_fields=["read_at"])
    return row


@transaction.atomic
def notices_read(*, actor: Actor) -> int:
    """Mark all of the actor's notices in sight as read; tells how many were new."""
    return int(notices_of(_own(actor)).filter(read_at=None).update(read_at=timezone.now()))


@transaction.atomic
def notice_remove(*, notice_id: UUID, actor: Actor) -> None:
    """Remove one of the actor's notices; raises Absent for anybody else's."""
    row = notices_of(_own(actor)).filter(id=notice_id).first()
    if row is None:
        raise Absent()
    row.delete()


def _own(actor: Actor) -> UUID:
    if actor.user_id is None:
        raise Absent()
    return actor.user_id


def notices_purge(*, now: datetime) -> int:
    """Remove what is older than NOTICE_RETENTION_DAYS, in the scope's organizations; tells how many."""
    old = Notice.objects.filter(created_at__lt=now - timedelta(days=settings.NOTICE_RETENTION_DAYS))
    removed = 0
    while batch := list(old.values_list("id", flat=True)[:BATCH]):
        removed += Notice.objects.filter(id__in=batch).delete()[0]
    return removed
