"""Ways into an organization: its whitelist, its links, its invitations, and who came by which."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.permissions import Role
from tenants.kernel.owned import OrganizationOwned

JOIN_ROLES = [(role.value, role.value) for role in (Role.ADMIN, Role.ANALYST, Role.VIEWER)]


def role_field(**options: Any) -> models.CharField[str, str]:
    """A role that somebody gets on joining: never that of the owner."""
    return models.CharField(max_length=20, choices=JOIN_ROLES, **options)


class EntryKind(models.TextChoices):
    ADDRESS = "address", "Address"
    DOMAIN = "domain", "Domain"


class WhitelistEntry(OrganizationOwned):
    """An address, or every address of a domain, that may join, and the role it gets."""

    kind = models.CharField(max_length=10, choices=EntryKind.choices)
    value = models.CharField(max_length=254, help_text="In lower case; a domain without the @.")
    role = role_field(blank=True, help_text="Empty: the organization's default role.")
    added_at = models.DateTimeField(default=timezone.now)
    created_by_id = models.UUIDField(null=True, editable=False)

    class Meta(OrganizationOwned.Meta):
        ordering = ["value"]
        verbose_name_plural = "whitelist entries"
        constraints = [
            models.UniqueConstraint(fields=["organization", "value"], name="whitelist_once"),
        ]

    def __str__(self) -> str:
        return f"@{self.value}" if self.kind == EntryKind.DOMAIN else self.value


class JoinLink(OrganizationOwned):
    """A secret by which people join. Its admins see it again, so it is sealed; it is found by its hash."""

    label = models.CharField(max_length=100, blank=True)
    is_primary = models.BooleanField(default=False, help_text="The organization's own join token.")
    digest = models.CharField(max_length=64, unique=True)
    sealed = models.TextField()
    role = role_field(blank=True, help_text="Empty: the organization's default role.")
    expires_at = models.DateTimeField(null=True, blank=True)
    max_uses = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: no limit.")
    uses = models.PositiveIntegerField(default=0)
    last_used_at = models.DateTimeField(null=True)
    is_on = models.BooleanField(default=True)
    rotated_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by_id = models.UUIDField(null=True, editable=False)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-is_primary", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization"], condition=models.Q(is_primary=True), name="join_link_one_primary"
            ),
            models.CheckConstraint(
                condition=models.Q(max_uses=None) | models.Q(uses__lte=models.F("max_uses")),
                name="join_link_within_limit",
            ),
        ]

    def __str__(self) -> str:
        return self.label or ("the organization's own link" if self.is_primary else str(self.id))

    @property
    def given_role(self) -> str:
        """The role of whoever comes by it and is not on the whitelist."""
        return self.role or str(self.organization.default_role)

    @property
    def admits(self) -> bool:
        """Whether it is on, in time and not used up."""
        in_time = self.expires_at is None or self.expires_at > timezone.now()
        return self.is_on and in_time and (self.max_uses is None or self.uses < self.max_uses)


class InvitationState(models.TextChoices):
    PENDING = "pending", "Pending"
    ACCEPTED = "accepted", "Accepted"
    REVOKED = "revoked", "Revoked"


class Invitation(OrganizationOwned):
    """A letter to one address that lets its owner in, once."""

    email = models.EmailField()
    full_name = models.CharField(max_length=200, blank=True)
    job_title = models.CharField(max_length=100, blank=True)
    role = role_field()
    state = models.CharField(max_length=10, choices=InvitationState.choices, default=InvitationState.PENDING)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by_id = models.UUIDField(null=True, editable=False)
    sent_at = models.DateTimeField(default=timezone.now)
    times_sent = models.PositiveSmallIntegerField(default=1)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    accepted_by_id = models.UUIDField(null=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                "organization",
                Lower("email"),
                condition=models.Q(state=InvitationState.PENDING),
                name="invitation_one_pending",
            )
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def standing(self) -> str:
        """The state as people see it: a pending one may have run out."""
        if self.state == InvitationState.PENDING and self.expires_at <= timezone.now():
            return "expired"
        return str(self.state)


class Way(models.TextChoices):
    LINK = "link", "Join link"
    CODE = "code", "Organization code"
    INVITATION = "invitation", "Invitation"


class Arrival(OrganizationOwned):
    """Who joined by which way: what the statistics of links are made of."""

    user_id = models.UUIDField()
    way = models.CharField(max_length=12, choices=Way.choices)
    role = models.CharField(max_length=20)
    link = models.ForeignKey(JoinLink, on_delete=models.SET_NULL, null=True, related_name="arrivals")
    at = models.DateTimeField(default=timezone.now)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.user_id} by {self.way}"
