"""Organizations of a tenant, in the tenant's schema."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.permissions import Role
from tenants.kernel import scope
from tenants.kernel.audit import AuditHeadBase, AuditRecord, AuditSealBase
from tenants.kernel.errors import OutOfScope
from tenants.kernel.idempotency import IdempotencyBase
from tenants.kernel.owned import OrganizationOwned, SchemaBound, SchemaBoundQuerySet, Scoped
from tenants.models import OrganizationState


class OrganizationManager(Scoped, models.Manager.from_queryset(SchemaBoundQuerySet)):  # type: ignore[misc]
    """Organizations of the active scope."""

    scope_field = "id"


class Organization(SchemaBound):
    """A part of a tenant that owns its companies and predictions."""

    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=60, unique=True)
    description = models.TextField(blank=True)
    state = models.CharField(
        max_length=20, choices=OrganizationState.choices, default=OrganizationState.ACTIVE, editable=False
    )
    is_default = models.BooleanField(
        default=False,
        editable=False,
        help_text="Takes what tenant admins make without naming an organization.",
    )
    max_users = models.PositiveIntegerField(default=500)
    default_role = models.CharField(
        max_length=20,
        choices=[(role.value, role.value) for role in (Role.ADMIN, Role.ANALYST, Role.VIEWER)],
        default=Role.ANALYST,
    )
    domain = models.CharField(max_length=253, blank=True, help_text="The organization's own web domain.")
    join_enabled = models.BooleanField(
        default=True, help_text="Whether people may join by a link, a code or the whitelist."
    )
    whitelist_required = models.BooleanField(
        default=True, help_text="Whether a link or code admits only addresses on the whitelist."
    )
    allow_global_data_access = models.BooleanField(
        default=True, help_text="Whether members read the reference data of the platform."
    )
    archived_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    created_by_id = models.UUIDField(null=True, editable=False)

    objects = OrganizationManager()

    class Meta:
        ordering = ["name"]
        base_manager_name = "objects"
        constraints = [
            models.UniqueConstraint(Lower("name"), name="organization_name_once"),
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="organization_one_default"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def version(self) -> int:
        """The state's number, for ETags: every change moves ``updated_at``."""
        return int(self.updated_at.timestamp() * 1_000_000)

    @property
    def is_active(self) -> bool:
        return bool(self.state == OrganizationState.ACTIVE)

    @property
    def organization_id(self) -> UUID:
        """Its own owner: lets audit and the own-rows rule treat it like every other row."""
        return self.id

    def assert_writable(self) -> None:
        super().assert_writable()
        # A new organization is in nobody's scope yet: making one is for those who see all of them.
        active = scope.current()
        if active.organization_ids is not None and self.id not in active.organization_ids:
            raise OutOfScope("an organization outside the active scope")


class StateChange(OrganizationOwned):
    """One step in an organization's life: switched off or on, suspended, lifted, archived, restored."""

    from_state = models.CharField(max_length=20, choices=OrganizationState.choices)
    to_state = models.CharField(max_length=20, choices=OrganizationState.choices)
    reason = models.TextField(blank=True)
    at = models.DateTimeField(default=timezone.now)
    by_id = models.UUIDField(null=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-id"]
        indexes = [models.Index(fields=["organization", "-id"], name="state_change_newest")]

    def __str__(self) -> str:
        return f"{self.from_state} to {self.to_state}"


class OfferState(models.TextChoices):
    PENDING = "pending", "Pending"
    ACCEPTED = "accepted", "Accepted"
    DECLINED = "declined", "Declined"
    CANCELLED = "cancelled", "Cancelled"
    EXPIRED = "expired", "Expired"


class OwnershipOffer(OrganizationOwned):
    """The ownership of an organization, offered to a member who has yet to accept it."""

    to_user_id = models.UUIDField()
    from_user_id = models.UUIDField(null=True, help_text="The owner at the time; empty where there was none.")
    state = models.CharField(max_length=20, choices=OfferState.choices, default=OfferState.PENDING)
    message = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by_id = models.UUIDField(null=True)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization"],
                condition=models.Q(state=OfferState.PENDING),
                name="ownership_offer_one_pending",
            )
        ]

    def __str__(self) -> str:
        return f"ownership for {self.to_user_id}"


class AuditEvent(AuditRecord):
    """What happened in this tenant."""


class AuditSeal(AuditSealBase):
    """The chain of what happened in this tenant."""


class AuditHead(AuditHeadBase):
    """The ends of this tenant's chain."""


class IdempotencyRecord(IdempotencyBase):
    """Kept answers of writes in this tenant."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "route", "key"], name="idempotency_once")]


class ChangeStampManager(Scoped, models.Manager.from_queryset(SchemaBoundQuerySet)):  # type: ignore[misc]
    """Stamps of the active scope."""


class ChangeStamp(SchemaBound):
    """That rows of a topic have changed in an organization; written by triggers (tenants.kernel.stamps)."""

    # Without a constraint: it must not hold an organization that goes.
    organization_id = models.UUIDField()
    topic = models.CharField(max_length=20)
    mark = models.DecimalField(max_digits=40, decimal_places=0)
    at = models.DateTimeField(default=timezone.now)

    objects = ChangeStampManager()

    class Meta:
        indexes = [
            models.Index(fields=["topic", "organization_id"], include=["mark"], name="change_stamp_sum"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} of {self.organization_id}"
