"""The whitelist of an organization: who may join by a link or a code, and as what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from accounts.permissions import Role
from organizations.authority import authority, organization_lock
from organizations.joining.models import EntryKind, WhitelistEntry
from organizations.joining.roles import role_named
from organizations.models import Organization
from tenants.kernel import audit
from tenants.kernel.errors import Absent, Conflict, DomainError, InvalidInput
from tenants.kernel.request import Actor

DOMAIN = re.compile(r"^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$")
# Where anybody gets an address for the asking: the whole domain on a list would let everybody in.
PUBLIC_DOMAINS = frozenset(
    {
        *("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com"),
        *("icloud.com", "me.com", "aol.com", "proton.me", "protonmail.com", "gmx.de", "gmx.net", "web.de"),
        *("mail.com", "yandex.ru", "mail.ru", "qq.com", "163.com", "zoho.com", "fastmail.com"),
    }
)


def _error(code: str, detail: str) -> InvalidInput:
    return InvalidInput(errors=[{"pointer": "/email", "code": code, "detail": detail}])


def plain(text: str) -> tuple[str, str]:
    """What somebody has typed as kind and value: an address, or a domain with or without the @."""
    value = text.strip().lower()
    if "@" in value.removeprefix("@"):
        try:
            validate_email(value)
        except ValidationError:
            raise _error("invalid", "Enter an e-mail address or a domain.") from None
        return EntryKind.ADDRESS, value
    value = value.removeprefix("@").removeprefix("*.")
    if not DOMAIN.match(value):
        raise _error("invalid", "Enter an e-mail address or a domain.")
    if value in PUBLIC_DOMAINS:
        raise _error("public_domain", "Anybody gets an address there; list single addresses.")
    return EntryKind.DOMAIN, value


@transaction.atomic
def entry_add(*, organization: Organization, email: str, role: str = "", actor: Actor) -> WhitelistEntry:
    """Put an address or a domain on the list. Raises Conflict for one that stands there."""
    kind, value = plain(email)
    role = role_named(role)
    organization_lock(organization.id)
    authority(actor, organization.id).assert_gives(Role(role or organization.default_role))
    if WhitelistEntry.objects.filter(organization=organization, value=value).exists():
        raise Conflict("This stands on the whitelist already.", code="duplicate_entry")
    entry: WhitelistEntry = WhitelistEntry.objects.create(
        organization=organization, kind=kind, value=value, role=role, created_by_id=actor.user_id
    )
    changes = {"kind": kind, "role": role}
    audit.record("organizations.joining.whitelisted", on=entry, changes=changes, actor=actor)
    return entry


@transaction.atomic
def entry_remove(*, organization: Organization, email: str, actor: Actor) -> None:
    """Take an address or domain off the list; whoever has joined by it stays."""
    organization_lock(organization.id)
    value = email.strip().lower().removeprefix("@").replace("\0", "")
    entry = WhitelistEntry.objects.filter(organization=organization, value=value).first()
    if entry is None:
        raise Absent()
    audit.record("organizations.joining.unlisted", on=entry, changes={"kind": entry.kind}, actor=actor)
    entry.delete()


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of one row of a file, or would."""

    row: int
    email: str
    status: str
    detail: str = ""
    role: str = ""
    invitation_id: UUID | None = None


@transaction.atomic
def entries_import(
    *, organization: Organization, rows: Sequence[tuple[int, dict[str, str]]], preview: bool, actor: Actor
) -> list[RowResult]:
    """Put the rows of a file on the list, each for itself: a bad row hinders no other.

    With ``preview`` nothing is written.
    """
    results = []
    for number, row in rows:
        email = row.get("email", "")
        try:
            with transaction.atomic():
                role = row.get("role", "")
                entry = entry_add(organization=organization, email=email, role=role, actor=actor)
                results.append(RowResult(number, str(entry), "added", role=entry.role))
        except Conflict as known:
            results.append(RowResult(number, email, "known", known.detail))
        except DomainError as error:
            results.append(RowResult(number, email, "refused", words_of(error)))
    if preview:
        transaction.set_rollback(True)
    return results


def words_of(error: DomainError) -> str:
    found = error.fields.get("errors")
    return str(found[0]["detail"]) if isinstance(found, list) and found else error.detail


def match(organization: Organization, email: str) -> WhitelistEntry | None:
    """The entry that admits an address: the address's own, else that of its domain."""
    address = email.strip().lower()
    values = [address, address.rpartition("@")[2]]
    found = {e.value: e for e in WhitelistEntry.objects.filter(organization=organization, value__in=values)}
    return found.get(values[0]) or found.get(values[1])
