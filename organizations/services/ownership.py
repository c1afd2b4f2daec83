"""Ownership: offered by who has it (or stands above), taken by who accepts it, nobody's in between."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import memberships
from accounts.models import Membership, MembershipState, User
from accounts.permissions import Role
from organizations.authority import authority, organization_lock
from organizations.models import OfferState, Organization, OwnershipOffer
from tenants.kernel import audit
from tenants.kernel.context import current_tenant, in_public
from tenants.kernel.errors import Conflict, Forbidden
from tenants.kernel.request import Actor
from tenants.models import OrganizationState


@transaction.atomic
def ownership_offer(
    *, organization_id: UUID, user_id: UUID, message: str = "", actor: Actor
) -> OwnershipOffer:
    """Offer the ownership to a member; it changes hands when he accepts. Replaces no pending offer."""
    organization = organization_lock(organization_id)
    standing = authority(actor, organization_id)
    if standing.role != Role.OWNER and not standing.governs:
        raise Forbidden("Only the owner gives the organization away.")
    if organization.state == OrganizationState.ARCHIVED:
        raise Conflict("The organization is archived.", code="wrong_state")
    _expire(organization)
    tenant_id = current_tenant().id
    with in_public():
        _candidate(user_id, tenant_id, organization_id)
        owner = Membership.objects.filter(organization_id=organization_id, role=Role.OWNER).first()
    if owner is not None and owner.user_id == user_id:
        raise Conflict("He is the owner already.", code="same_owner")
    if OwnershipOffer.objects.filter(organization=organization, state=OfferState.PENDING).exists():
        raise Conflict("Another offer is waiting; cancel it first.", code="offer_pending")
    offer: OwnershipOffer = OwnershipOffer.objects.create(
        organization=organization,
        to_user_id=user_id,
        from_user_id=owner.user_id if owner else None,
        message=message.strip(),
        created_by_id=actor.user_id,
        expires_at=timezone.now() + timedelta(days=settings.OWNERSHIP_OFFER_DAYS),
    )
    changes = {"to": str(user_id)}
    audit.record("organizations.member.ownership_offered", on=organization, changes=changes, actor=actor)
    return offer


def _candidate(user_id: UUID, tenant_id: UUID, organization_id: UUID) -> Membership:
    """Lock a member who could take the ownership; raises Absent, or Conflict where he could not enter."""
    membership = memberships.membership_lock(
        user_id=user_id, tenant_id=tenant_id, organization_id=organization_id
    )
    user = User.objects.get(pk=user_id)  # afresh, behind the lock
    if not user.is_active or membership.state != MembershipState.ACTIVE:
        raise Conflict("This member cannot enter the organization.", code="member_inactive")
    return membership


@transaction.atomic
def ownership_accept(*, organization_id: UUID, actor: Actor) -> Membership:
    """Take the offered ownership. The owner until now stays as an admin."""
    organization = organization_lock(organization_id)
    offer = _offer_to(organization, actor)
    user_id = offer.to_user_id
    tenant_id = current_tenant().id
    with in_public():
        taking = _candidate(user_id, tenant_id, organization_id)
        owner = (
            Membership.objects.select_for_update(of=("self",))
            .select_related("user")
            .filter(organization_id=organization_id, role=Role.OWNER)
            .first()
        )
        if (owner.user_id if owner else None) != offer.from_user_id:
            raise Conflict("The owner has changed since; ask for a new offer.", code="offer_stale")
        # One owner at any moment: the old one steps down first.
        if owner is not None:
            memberships.membership_change(membership=owner, role=Role.ADMIN, actor=actor)
        memberships.membership_change(membership=taking, role=Role.OWNER, actor=actor)
    _end(offer, OfferState.ACCEPTED)
    changes = {"owner": [str(owner.user_id) if owner else None, str(user_id)]}
    audit.record("organizations.member.ownership_accepted", on=organization, changes=changes, actor=actor)
    return taking


@transaction.atomic
def ownership_decline(*, organization_id: UUID, actor: Actor) -> OwnershipOffer:
    """Refuse the offered ownership."""
    organization = organization_lock(organization_id)
    offer = _offer_to(organization, actor)
    _end(offer, OfferState.DECLINED)
    audit.record("organizations.member.ownership_declined", on=organization, actor=actor)
    return offer


@transaction.atomic
def ownership_cancel(*, organization_id: UUID, actor: Actor) -> OwnershipOffer:
    """Take a pending offer back."""
    organization = organization_lock(organization_id)
    standing = authority(actor, organization_id)
    if standing.role != Role.OWNER and not standing.governs:
        raise Forbidden("Only the owner takes an offer back.")
    offer = _pending(organization)
    _end(offer, OfferState.CANCELLED)
    audit.record("organizations.member.ownership_cancelled", on=organization, actor=actor)
    return offer


def offers_withdraw(*, organization: Organization, user_id: UUID, actor: Actor) -> None:
    """End what was offered to somebody who leaves; the caller holds the organization's lock."""
    offers = OwnershipOffer.objects.filter(
        organization=organization, to_user_id=user_id, state=OfferState.PENDING
    )
    if offers.update(state=OfferState.CANCELLED, ended_at=timezone.now()):
        audit.record("organizations.member.ownership_cancelled", on=organization, actor=actor)


def _pending(organization: Organization) -> OwnershipOffer:
    offer: OwnershipOffer | None = OwnershipOffer.objects.filter(
        organization=organization, state=OfferState.PENDING
    ).first()
    if offer is None:
        raise Conflict("No ownership is on offer.", code="no_offer")
    if offer.expires_at <= timezone.now():
        raise Conflict("The offer has run out.", code="offer_expired")
    return offer


def _offer_to(organization: Organization, actor: Actor) -> OwnershipOffer:
    offer = _pending(organization)
    if offer.to_user_id != actor.user_id:
        # To everybody else there is no offer.
        raise Conflict("No ownership is on offer.", code="no_offer")
    return offer


def _expire(organization: Organization) -> None:
    OwnershipOffer.objects.filter(
        organization=organization, state=OfferState.PENDING, expires_at__lte=timezone.now()
    ).update(state=OfferState.EXPIRED, ended_at=timezone.now())


def _end(offer: OwnershipOffer, state: str) -> None:
    offer.state, offer.ended_at = state, timezone.now()
    offer.save(update_fields=["state", "ended_at"])
