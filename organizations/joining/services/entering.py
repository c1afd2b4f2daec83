"""Coming in: by a join link, by a code, by an invitation. Each is decided behind the organization's lock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import services as accounts
from accounts.memberships import session_move
from accounts.models import Membership, User
from accounts.permissions import Role
from accounts.recovery.services import account_reclaim
from organizations.authority import organization_lock
from organizations.joining import tokens
from organizations.joining.models import Arrival, Invitation, InvitationState, JoinLink, Way
from organizations.joining.services import whitelist
from organizations.models import Organization
from organizations.services.members import enter
from tenants import modules
from tenants import selectors as directory
from tenants.kernel import audit, scope
from tenants.kernel.context import RESERVED, TenantRef, in_public, in_tenant
from tenants.kernel.errors import Absent, Conflict, Forbidden
from tenants.kernel.request import Actor
from tenants.models import OrganizationEntry

NOWHERE = "This link or code leads nowhere."


@dataclass(frozen=True, slots=True)
class Found:
    """Where a secret leads."""

    tenant: TenantRef
    organization: Organization
    link: JoinLink | None = None
    invitation: Invitation | None = None

    @property
    def way(self) -> str:
        if self.invitation is not None:
            return str(Way.INVITATION)
        return str(Way.LINK if self.link is not None else Way.CODE)


@dataclass(frozen=True, slots=True)
class Joined:
    """A new member's place."""

    tenant: TenantRef
    organization: Organization
    membership: Membership
    user: User


@contextmanager
def opened(secret: str) -> Iterator[Found]:
    """The place a secret leads to, with its tenant entered and its organization in scope; raises Absent.

    One answer for what never was, what is switched off and what has run out: who holds no good secret
    learns nothing. It is the one door through which somebody without a place looks into a tenant.
    """
    token = secret.strip()[: tokens.LONGEST]
    if "." in token:
        with in_tenant(tokens.tenant_of(token)) as tenant:
            modules.require("joining")
            with scope.every_organization(reason="find what a token opens"):
                link = JoinLink.objects.filter(digest=tokens.digest_of(token)).first()
                invitation = (
                    None if link else Invitation.objects.filter(digest=tokens.digest_of(token)).first()
                )
            holder = link or invitation
            if holder is None:
                raise Absent(NOWHERE)
            with _within(holder.organization_id) as organization:
                if not (_is_open(organization, link) if link else _is_waiting(organization, invitation)):
                    raise Absent(NOWHERE)
                yield Found(tenant, organization, link, invitation)
        return
    tenant, organization_id = _place_of_code(token)
    with in_tenant(tenant):
        modules.require("joining")
        with _within(organization_id) as organization:
            if not _is_open(organization, None):
                raise Absent(NOWHERE)
            yield Found(tenant, organization)


def _place_of_code(text: str) -> tuple[TenantRef, UUID]:
    code = tokens.plain_code(text)
    with in_public():
        entry = OrganizationEntry.objects.filter(code=code).first() if code else None
    tenant = directory.tenant_by_id(entry.tenant_id) if entry else None
    if entry is None or tenant is None or tenant.state != "active" or tenant.schema_name in RESERVED:
        raise Absent(NOWHERE)
    return tenant, entry.id


@contextmanager
def _within(organization_id: UUID) -> Iterator[Organization]:
    with scope.organizations({organization_id}, reason="join an organization"):
        yield Organization.objects.get(id=organization_id)


def _is_open(organization: Organization, link: JoinLink | None) -> bool:
    """Whether a link (or, without one, the code) admits anybody at all just now."""
    if not organization.is_active or not organization.join_enabled:
        return False
    return link is None or link.admits


def _is_waiting(organization: Organization, invitation: Invitation | None) -> bool:
    return organization.is_active and invitation is not None and invitation.standing == "pending"


@transaction.atomic
def join(*, user: User, secret: str, session_id: UUID | None = None, actor: Actor) -> Joined:
    """Make a signed-in user a member by what he holds: a join token, a code, or an invitation to him.

    His personal workspace and what is in it stay his. A session that works there goes on in the
    organization. Raises Unverified, Absent, Forbidden (no entry on the whitelist), Conflict (member, limit).
    """
    with opened(secret) as found:
        if found.invitation is not None:
            joined = _take_up(found, user, actor)
        else:
            accounts.user_require_verified(user)
            joined = _walk_in(found, user, actor)
        if session_id is not None:
            session_move(
                session_id=session_id,
                tenant_id=found.tenant.id,
                organization_id=found.organization.id,
                actor=actor,
            )
        return joined


def _walk_in(found: Found, user: User, actor: Actor) -> Joined:
    organization = organization_lock(found.organization.id)
    link = None
    if found.link is not None:
        # Read again behind the lock: of many at once, no more come in than the link admits.
        link = JoinLink.objects.select_for_update(of=("self",), no_key=True).get(id=found.link.id)
    if not _is_open(organization, link):
        raise Absent(NOWHERE)
    listed = whitelist.match(organization, user.email)
    if listed is None and organization.whitelist_required:
        raise Forbidden("Your address is not on this organization's whitelist.", code="not_whitelisted")
    given = (listed.role if listed else "") or (link.role if link else "") or organization.default_role
    membership = enter(user=user, organization=organization, role=Role(given), actor=actor)
    if link is not None:
        link.uses, link.last_used_at = link.uses + 1, timezone.now()
        link.save(update_fields=["uses", "last_used_at"])
    _note_arrival(organization, membership, found.way, link)
    changes = {"way": found.way, "role": given, "whitelisted": listed is not None}
    audit.record("organizations.joining.joined", on=organization, changes=changes, actor=actor)
    return Joined(found.tenant, organization, membership, user)


def _take_up(found: Found, user: User, actor: Actor) -> Joined:
    """Accept an invitation: bound to its address, good once, whatever the whitelist says."""
    organization = organization_lock(found.organization.id)
    wanted = found.invitation
    if wanted is None:
        raise Absent(NOWHERE)
    invitation = Invitation.objects.select_for_update(of=("self",), no_key=True).get(id=wanted.id)
    if invitation.digest != wanted.digest or not _is_waiting(organization, invitation):
        raise Absent(NOWHERE)
    if invitation.email.lower() != user.email.lower():
        raise Forbidden("This invitation is for another address.", code="other_address")
    if user.email_verified_at is None:
        # Whoever holds the letter has the address: that is what a verification asks.
        accounts.email_prove(user=user, actor=actor)
    membership = enter(user=user, organization=organization, role=Role(invitation.role), actor=actor)
    invitation.state, invitation.ended_at = InvitationState.ACCEPTED, timezone.now()
    invitation.accepted_by_id = user.pk
    invitation.save(update_fields=["state", "ended_at", "accepted_by_id"])
    _note_arrival(organization, membership, Way.INVITATION, None)
    audit.record(
        "organizations.joining.accepted", on=invitation, changes={"role": invitation.role}, actor=actor
    )
    return Joined(found.tenant, organization, membership, user)


def _note_arrival(organization: Organization, member: Membership, way: str, link: JoinLink | None) -> None:
    Arrival.objects.create(
        organization=organization, user_id=member.user_id, way=way, role=member.role, link=link
    )


@transaction.atomic
def invitation_accept(*, secret: str, password: str | None = None, full_name: str = "") -> Joined:
    """Take an invitation up by its letter alone: with the account of its address, or with a new one.

    An existing account gets its new place and no session: to use it, its owner signs in. One whose address
    was never proved is handed to whoever holds the letter, with a password of his own: anybody could have
    registered it. Raises Conflict (``password_needed``) where a password is needed and none is given.
    """
    with opened(secret) as found:
        if found.invitation is None:
            raise Absent(NOWHERE)
        invited = found.invitation
        with in_public():
            user = User.objects.by_email(invited.email)
        if user is not None and not user.is_active:
            raise Absent(NOWHERE)
        if (user is None or user.email_verified_at is None) and not password:
            raise Conflict("Choose a password for your account.", code="password_needed")
        if user is None:
            user = accounts.user_create(
                email=invited.email,
                password=password,
                full_name=full_name.strip() or invited.full_name,
                job_title=invited.job_title,
                verified=True,
                actor=Actor(None, invited.email),
            )
        elif user.email_verified_at is None:
            account_reclaim(user=user, password=password, actor=Actor(None, invited.email))
        return _take_up(found, user, user.actor)


@dataclass(frozen=True, slots=True)
class Preview:
    """What may be said of a place before somebody has come in."""

    organization_name: str
    way: str
    needs_account: bool


def preview(secret: str) -> Preview:
    """The name of the organization a secret opens; raises Absent."""
    with opened(secret) as found:
        needs = False
        if found.invitation is not None:
            with in_public():
                known = User.objects.by_email(found.invitation.email)
                needs = known is None or known.email_verified_at is None
        return Preview(found.organization.name, found.way, needs)
