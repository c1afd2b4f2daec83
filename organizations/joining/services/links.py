"""Join links: made, changed, rotated, switched off, counted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.permissions import Role
from organizations.authority import authority
from organizations.joining import tokens
from organizations.joining.models import JoinLink
from organizations.models import Organization
from tenants.kernel import audit
from tenants.kernel.errors import Conflict, InvalidInput
from tenants.kernel.request import Actor


def _assert_gives(organization: Organization, role: str, actor: Actor) -> None:
    authority(actor, organization.id).assert_gives(Role(role or organization.default_role))


def _check(expires_at: datetime | None, max_uses: int | None) -> None:
    if expires_at is not None and expires_at <= timezone.now():
        error = {"pointer": "/expires_at", "code": "past", "detail": "This moment is past."}
        raise InvalidInput(errors=[error])
    if max_uses is not None and max_uses < 1:
        error = {"pointer": "/max_uses", "code": "out_of_range", "detail": "At least one use is needed."}
        raise InvalidInput(errors=[error])


@transaction.atomic
def link_create(
    *,
    organization: Organization,
    label: str = "",
    role: str = "",
    expires_at: datetime | None = None,
    max_uses: int | None = None,
    is_primary: bool = False,
    actor: Actor,
) -> JoinLink:
    """A new link. Raises Forbidden for a role that the actor may not give."""
    _assert_gives(organization, role, actor)
    _check(expires_at, max_uses)
    token = tokens.new_token()
    link: JoinLink = JoinLink.objects.create(
        organization=organization,
        label=label.strip(),
        role=role,
        expires_at=expires_at,
        max_uses=max_uses,
        is_primary=is_primary,
        digest=tokens.digest_of(token),
        sealed=tokens.sealed(token),
        created_by_id=actor.user_id,
    )
    changes = {"role": role, "expires_at": str(expires_at), "max_uses": max_uses}
    audit.record("organizations.joining.link_created", on=link, changes=changes, actor=actor)
    return link


def _locked(link: JoinLink) -> JoinLink:
    locked: JoinLink = JoinLink.objects.select_for_update(of=("self",), no_key=True).get(id=link.id)
    return locked


@transaction.atomic
def link_update(*, link: JoinLink, changes: dict[str, Any], actor: Actor) -> JoinLink:
    """Change label, role, expiry, limit, or switch it off and on."""
    link = _locked(link)
    wanted = {field: value for field, value in changes.items() if getattr(link, field) != value}
    if wanted.keys() - {"label"} and wanted.get("is_on") is not False:
        # A later end or more uses give the link's role to more people, as a new link would.
        _assert_gives(link.organization, link.role, actor)
        _assert_gives(link.organization, wanted.get("role", link.role), actor)
    _check(wanted.get("expires_at"), wanted.get("max_uses"))
    if (limit := wanted.get("max_uses")) is not None and limit < link.uses:
        detail = f"It was used {link.uses} times already."
        raise InvalidInput(errors=[{"pointer": "/max_uses", "code": "too_few", "detail": detail}])
    if not wanted:
        return link
    record = {field: [str(getattr(link, field)), str(value)] for field, value in wanted.items()}
    for field, value in wanted.items():
        setattr(link, field, value)
    link.save(update_fields=list(wanted))
    audit.record("organizations.joining.link_changed", on=link, changes=record, actor=actor)
    return link


@transaction.atomic
def link_rotate(*, link: JoinLink, actor: Actor) -> str:
    """Give a link another secret; the old one opens nothing from now on. Tells the new one.

    Raises Forbidden for a link whose role the actor may not give: he would hold the new secret.
    """
    link = _locked(link)
    _assert_gives(link.organization, link.role, actor)
    token = tokens.new_token()
    link.digest, link.sealed = tokens.digest_of(token), tokens.sealed(token)
    link.rotated_at = timezone.now()
    link.save(update_fields=["digest", "sealed", "rotated_at"])
    audit.record("organizations.joining.link_rotated", on=link, actor=actor)
    return token


@transaction.atomic
def link_delete(*, link: JoinLink, actor: Actor) -> None:
    """Remove a link; who came by it stays. The organization's own link is rotated or switched off instead."""
    link = _locked(link)
    if link.is_primary:
        raise Conflict(
            "This is the organization's own link: switch it off or rotate it.", code="primary_link"
        )
    audit.record("organizations.joining.link_deleted", on=link, changes={"uses": link.uses}, actor=actor)
    link.delete()


@transaction.atomic
def primary_rotate(*, organization: Organization, actor: Actor) -> str:
    """A new secret for the organization's own link, which is made where it is missing."""
    Organization.objects.select_for_update(no_key=True).get(id=organization.id)
    link = JoinLink.objects.filter(organization=organization, is_primary=True).first()
    if link is None:
        link = link_create(organization=organization, is_primary=True, actor=actor)
        return tokens.unsealed(link.sealed) or ""
    return link_rotate(link=link, actor=actor)
