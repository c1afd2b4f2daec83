"""What may be taken out of a log, each by one guarded way that leaves the chain verifiable."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.apps import apps
from django.db import transaction

from tenants.kernel.audit import canonical, database, records
from tenants.kernel.audit.chain import FORGOTTEN
from tenants.kernel.audit.people import address_tag
from tenants.kernel.context import PUBLIC, TenantRef, in_public, in_tenant
from tenants.kernel.request import Actor

logger = logging.getLogger(__name__)


@transaction.atomic
def retain(*, before: datetime, actor: Actor) -> int:
    """Remove the current schema's rows from before a moment; the number of rows.

    The chain then begins after them: its head remembers the last removed link. The last 30 days are
    never removed.
    """
    removed = database.remove_until(database.tables_of(records.table()), before)
    if removed:
        changes = {"rows": removed, "before": before.isoformat()}
        records.record("security.audit.truncated", changes=changes, security=True, actor=actor)
    return removed


def _every_tenant() -> list[TenantRef]:
    with in_public():
        return [tenant.ref for tenant in apps.get_model("tenants.Tenant")._default_manager.all()]


@transaction.atomic
def forget(
    user_id: UUID,
    *,
    words: Iterable[str] = (),
    objects: Iterable[str] = (),
    tenants: Iterable[TenantRef] | None = None,
    actor: Actor,
) -> int:
    """Take a person's network addresses and devices out of the platform's log and the tenants', and what
    older rows say of his name.

    ``words`` are his e-mail address, name and the like: rows that hold one lose their label and changes.
    ``objects`` are ids of further rows about him (sessions, memberships). Without ``tenants`` every log
    is gone through. What happened and when stays, under his id, and every chain still verifies.
    """
    about = [str(user_id), *map(str, objects)]
    named = [part for word in words if word for part in (word, *([address_tag(word)] if "@" in word else []))]
    with in_public():
        rows = _forget_here(user_id, about, named, actor)
    for tenant in _every_tenant() if tenants is None else tenants:
        with in_tenant(tenant):
            rows += _forget_here(user_id, about, named, actor)
    return rows


def _forget_here(user_id: UUID, about: list[str], words: list[str], actor: Actor) -> int:
    tables = database.tables_of(records.table())
    count = database.blank_who(tables, user_id)
    blanked = database.blank_what(tables, about, words)
    if not count and not blanked:
        return 0
    records.table()._default_manager.create(
        actor_id=actor.user_id if actor.user_id != user_id else None,
        actor_label=actor.label[:254] if actor.user_id != user_id else "the person",
        action=FORGOTTEN,
        category=records.Category.SECURITY,
        object_type="accounts.User",
        object_id=str(user_id),
        changes={"rows": [str(identifier) for identifier in blanked]},
        via="service",
    )
    return count + len(blanked)


def checkpoint() -> int:
    """Sign where every chain stands, outside the chains; the number of chains that have grown.

    One query over all schemas. Each note is a line of the log too, for where logs are shipped to.
    """
    notes = apps.get_model("tenants.AuditCheckpoint")._default_manager
    with in_public(), transaction.atomic():
        tables = {PUBLIC: database.PLATFORM_TABLES[2]}
        tables |= {tenant.schema_name: database.TENANT_TABLES[2] for tenant in _every_tenant()}
        known = dict(notes.order_by("sequence").values_list("schema_name", "sequence"))
        made = []
        for schema, (sequence, mark) in database.heads(tables).items():
            if sequence <= known.get(schema, 0):
                continue
            text = f"{schema}:{sequence}:{mark}"
            made.append(
                notes.model(
                    schema_name=schema, sequence=sequence, hash=mark, signature=canonical.signature(text)
                )
            )
            stands = {"schema": schema, "sequence": sequence, "hash": mark}
            logger.info("audit checkpoint", extra=stands)
        notes.bulk_create(made)
    return len(made)
