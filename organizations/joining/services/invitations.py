"""Invitations by mail: written to one address, good once, for a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from accounts.models import Membership, User
from accounts.permissions import Role
from organizations.authority import authority, organization_lock
from organizations.joining import tokens
from organizations.joining.models import Invitation, InvitationState
from organizations.joining.roles import role_named
from organizations.joining.services.whitelist import RowResult, words_of
from organizations.models import Organization
from organizations.services.members import member_add
from tenants.kernel import audit, mail, scope
from tenants.kernel.context import current_tenant, in_public
from tenants.kernel.errors import Absent, Conflict, DomainError, InvalidInput
from tenants.kernel.request import Actor

# Letters to one address for one invitation: nobody is to be pestered.
MOST_LETTERS = 5
# Invitations of one organization that wait for an answer.
MOST_PENDING = 2_000
# They hold addresses of people who may never have come.
KEPT = timedelta(days=90)


def _until() -> datetime:
    return timezone.now() + timedelta(days=settings.INVITATION_DAYS)


@transaction.atomic
def invitation_create(
    *,
    organization: Organization,
    email: str,
    role: str = "",
    full_name: str = "",
    job_title: str = "",
    actor: Actor,
) -> Invitation:
    """Invite somebody by mail. A pending invitation takes no place: the limit is held when it is accepted.

    Raises Forbidden for a role that the actor may not give, Conflict for a member and for an address that is
    invited already (send that one again).
    """
    address = email.strip()
    try:
        validate_email(address)
    except ValidationError:
        error = {"pointer": "/email", "code": "invalid", "detail": "Enter an e-mail address."}
        raise InvalidInput(errors=[error]) from None
    organization = organization_lock(organization.id)
    given = Role(role_named(role) or organization.default_role)
    authority(actor, organization.id).assert_gives(given)
    if not organization.is_active:
        raise Conflict("The organization is not active.", code="wrong_state")
    with in_public():
        here = Membership.objects.filter(organization_id=organization.id)
        if here.filter(user__email__lower=address.lower()).exists():
            raise Conflict("This person is a member already.", code="duplicate_member")
    pending = Invitation.objects.filter(organization=organization, state=InvitationState.PENDING)
    if pending.filter(email__iexact=address).exists():
        raise Conflict("This address is invited already; send it again.", code="duplicate_invitation")
    if pending.count() >= MOST_PENDING:
        raise Conflict("Too many invitations wait for an answer.", code="too_many_invitations")
    token = tokens.new_token()
    invitation: Invitation = Invitation.objects.create(
        organization=organization,
        email=address,
        full_name=full_name.strip(),
        job_title=job_title.strip(),
        role=given,
        digest=tokens.digest_of(token),
        created_by_id=actor.user_id,
        expires_at=_until(),
    )
    audit.record("organizations.joining.invited", on=invitation, changes={"role": given}, actor=actor)
    _send(invitation, organization, token)
    return invitation


def _send(invitation: Invitation, organization: Organization, token: str) -> None:
    mail.send(
        template="organizations/invitation",
        to=invitation.email,
        context={
            "organization": organization.name,
            "name": invitation.full_name,
            "link": mail.link("join", token=token),
            "token": token,
            "until": invitation.expires_at,
        },
    )


def _locked(invitation: Invitation) -> Invitation:
    """The invitation behind its own lock, still pending; raises Conflict for an ended one."""
    locked: Invitation = Invitation.objects.select_for_update(of=("self",), no_key=True).get(id=invitation.id)
    if locked.state != InvitationState.PENDING:
        raise Conflict(f"The invitation is {locked.get_state_display().lower()}.", code="invitation_ended")
    return locked


@transaction.atomic
def invitation_resend(*, invitation: Invitation, actor: Actor) -> Invitation:
    """Send it again with a new secret and a new end; the earlier letter opens nothing any more."""
    organization = organization_lock(invitation.organization_id)
    invitation = _locked(invitation)
    authority(actor, organization.id).assert_gives(Role(invitation.role))
    if invitation.times_sent >= MOST_LETTERS:
        raise Conflict("It was sent often enough; revoke it and invite anew.", code="sent_too_often")
    token = tokens.new_token()
    invitation.digest, invitation.expires_at = tokens.digest_of(token), _until()
    invitation.sent_at, invitation.times_sent = timezone.now(), invitation.times_sent + 1
    invitation.save(update_fields=["digest", "expires_at", "sent_at", "times_sent"])
    changes = {"times": invitation.times_sent}
    audit.record("organizations.joining.invitation_resent", on=invitation, changes=changes, actor=actor)
    _send(invitation, organization, token)
    return invitation


@transaction.atomic
def invitation_revoke(*, invitation: Invitation, actor: Actor) -> None:
    """Take it back: its letter opens nothing any more."""
    organization_lock(invitation.organization_id)
    invitation = _locked(invitation)
    invitation.state, invitation.ended_at = InvitationState.REVOKED, timezone.now()
    invitation.save(update_fields=["state", "ended_at"])
    audit.record("organizations.joining.invitation_revoked", on=invitation, actor=actor)


def invitations_purge() -> int:
    """Remove invitations of the tenant that ended, or ran out, long ago; the log keeps that they were."""
    before = timezone.now() - KEPT
    with scope.every_organization(reason="purge of old invitations"):
        gone = Invitation.objects.filter(expires_at__lt=before).exclude(state=InvitationState.ACCEPTED)
        accepted = Invitation.objects.filter(state=InvitationState.ACCEPTED, ended_at__lt=before)
        return int(gone.delete()[0]) + int(accepted.delete()[0])


@transaction.atomic
def member_add_or_invite(
    *,
    organization: Organization,
    user_id: UUID | None = None,
    email: str = "",
    role: Role | None = None,
    actor: Actor,
) -> tuple[Membership | None, Invitation | None]:
    """Make somebody of the institution a member at once; invite anybody else.

    Whether an address outside the institution has an account shows in neither answer.
    """
    given = role or Role(organization.default_role)
    tenant = current_tenant()
    with in_public():
        people = User.objects.select_related("profile").filter(is_active=True)
        people = people.filter(memberships__tenant_id=tenant.id).distinct()
        wanted = people.filter(pk=user_id) if user_id else people.filter(email__lower=email.strip().lower())
        user = wanted.first()
    if user is not None:
        return member_add(user=user, organization_id=organization.id, role=given, actor=actor), None
    if user_id is not None:
        raise Absent("Nobody of your institution has this id.")
    return None, invitation_create(organization=organization, email=email, role=given, actor=actor)


@transaction.atomic
def people_import(
    *, organization: Organization, rows: Sequence[tuple[int, dict[str, str]]], preview: bool, actor: Actor
) -> list[RowResult]:
    """Invite everybody in a file, each for himself: what became of every row is told, nothing is silent.

    With ``preview`` nothing is written and no letter leaves.
    """
    results: list[RowResult] = []
    with scope.organizations({organization.id}, reason="import of people"):
        for number, row in rows:
            email, role = row.get("email", ""), row.get("role", "")
            try:
                with transaction.atomic():
                    invitation = invitation_create(
                        organization=organization,
                        email=email,
                        role=role,
                        full_name=row.get("full_name", ""),
                        job_title=row.get("job_title", ""),
                        actor=actor,
                    )
                status = "would_be_invited" if preview else "invited"
                found = None if preview else invitation.id
                results.append(
                    RowResult(number, email, status, role=str(invitation.role), invitation_id=found)
                )
            except Conflict as known:
                results.append(RowResult(number, email, "known", known.detail, role))
            except DomainError as error:
                results.append(RowResult(number, email, "refused", words_of(error), role))
        if preview:
            transaction.set_rollback(True)
    return results
