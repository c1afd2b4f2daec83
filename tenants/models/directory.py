"""Who is on the platform and where he lives: tenants, hosts, organizations, usage."""

from __future__ import annotations

from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django_tenants.models import DomainMixin, TenantMixin

from tenants.kernel.audit import AuditHeadBase, AuditRecord, AuditSealBase
from tenants.kernel.context import RESERVED, TenantRef
from tenants.kernel.idempotency import IdempotencyBase
from tenants.kernel.owned import Identified


class TenantState(models.TextChoices):
    ACTIVE = "active", "Active"
    SUSPENDED = "suspended", "Suspended"
    CLOSING = "closing", "To be deleted"


class TenantKind(models.TextChoices):
    INSTITUTION = "institution", "Institution"
    REFERENCE = "reference", "Reference data of the platform"
    PERSONAL = "personal", "Workspaces of individuals"


class TenantQuerySet(models.QuerySet["Tenant"]):
    def institutions(self) -> TenantQuerySet:
        """Customers; the reserved tenants are no institutions."""
        return self.filter(kind=TenantKind.INSTITUTION)

    def refs(self) -> list[TenantRef]:
        """What doors need of these tenants, in one query."""
        return [tenant.ref for tenant in self.select_related("settings")]


class Tenant(TenantMixin, Identified):  # type: ignore[django-manager-missing]
    """An institution: a bank, a credit union, an adviser's firm. One PostgreSQL schema each."""

    # Schemas are made by tenants.provisioning, in the transaction that makes the row.
    auto_create_schema = False
    auto_drop_schema = False

    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=50, unique=True)
    description = models.TextField(blank=True)
    kind = models.CharField(
        max_length=20, choices=TenantKind.choices, default=TenantKind.INSTITUTION, editable=False
    )
    state = models.CharField(
        max_length=20, choices=TenantState.choices, default=TenantState.ACTIVE, editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    medium_from = models.DecimalField(
        max_digits=6, decimal_places=5, default=Decimal("0.03"), help_text="PD at which Medium begins."
    )
    high_from = models.DecimalField(
        max_digits=6, decimal_places=5, default=Decimal("0.07"), help_text="PD at which High begins."
    )
    critical_from = models.DecimalField(
        max_digits=6, decimal_places=5, default=Decimal("0.15"), help_text="PD at which Critical begins."
    )

    version = models.PositiveIntegerField(default=1, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TenantQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(Lower("name"), name="tenant_name_once"),
            models.CheckConstraint(
                condition=models.Q(
                    medium_from__gt=0,
                    medium_from__lt=models.F("high_from"),
                    high_from__lt=models.F("critical_from"),
                    critical_from__lt=1,
                ),
                name="tenant_cutoffs_ascend",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if not 0 < self.medium_from < self.high_from < self.critical_from < 1:
            raise ValidationError("Cut-offs must ascend between 0 and 1.")

    @property
    def is_reserved(self) -> bool:
        return self.schema_name in RESERVED

    @property
    def ref(self) -> TenantRef:
        """What requests and doors need of this tenant."""
        cutoffs = (float(self.medium_from), float(self.high_from), float(self.critical_from))
        return TenantRef(
            self.id,
            self.schema_name,
            self.name,
            self.slug,
            self.state,
            self.kind,
            cutoffs,
            settings=self.settings.ref,
            brand=self.settings.brand,
        )


class Domain(DomainMixin):
    """A host on which a tenant's console and API answer."""

    domain = models.CharField(
        max_length=253,
        unique=True,
        validators=[
            RegexValidator(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", "A host name in lower case is needed.")
        ],
    )

    class Meta:
        ordering = ["domain"]

    def __str__(self) -> str:
        return str(self.domain)


class OrganizationState(models.TextChoices):
    ACTIVE = "active", "Active"
    INACTIVE = "inactive", "Inactive"
    SUSPENDED = "suspended", "Suspended"
    ARCHIVED = "archived", "Archived"


class OrganizationEntry(models.Model):
    """The directory's copy of an organization, kept by ``organizations.services``.

    Log-in, switching and lists for super admins read it, so that none of them loops over schemas.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="organization_entries")
    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=60)
    state = models.CharField(max_length=20, choices=OrganizationState.choices)
    is_default = models.BooleanField(default=False)
    description = models.TextField(blank=True)
    domain = models.CharField(max_length=253, blank=True)
    max_users = models.PositiveIntegerField(default=500)
    default_role = models.CharField(max_length=20, default="analyst")
    join_enabled = models.BooleanField(default=True)
    allow_global_data_access = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    code = models.CharField(  # noqa: DJ001 - unique where there is one, so none is NULL and not ''
        max_length=12,
        null=True,
        unique=True,
        help_text="A short code by which people find the organization to join it.",
    )

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "organization entries"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "slug"], name="organization_entry_slug_once"),
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(is_default=True), name="one_default_organization"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Usage(models.Model):
    """How much a tenant holds; counted by a scheduled task."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, primary_key=True, related_name="usage")
    users = models.PositiveIntegerField(default=0)
    organizations = models.PositiveIntegerField(default=0)
    companies = models.PositiveIntegerField(default=0)
    predictions = models.PositiveIntegerField(default=0)
    scores = models.PositiveBigIntegerField(default=0)
    active_users = models.PositiveIntegerField(default=0, help_text="Signed in within thirty days.")
    storage_bytes = models.PositiveBigIntegerField(default=0, help_text="Tables and files.")
    counted_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "usage"

    def __str__(self) -> str:
        return f"usage of {self.tenant_id}"


class UsageDay(models.Model):
    """What a tenant held and did on a day; without a tenant: what was asked of the platform itself."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, null=True, related_name="usage_days")
    day = models.DateField(db_index=True)
    calls = models.PositiveBigIntegerField(default=0, help_text="Requests to the API.")
    users = models.PositiveIntegerField(default=0)
    active_users = models.PositiveIntegerField(default=0)
    organizations = models.PositiveIntegerField(default=0)
    companies = models.PositiveIntegerField(default=0)
    predictions = models.PositiveIntegerField(default=0)
    scores = models.PositiveBigIntegerField(default=0)
    storage_bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["-day"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "day"], nulls_distinct=False, name="usage_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.day}, {self.tenant or 'the platform'}"


class JobTicket(models.Model):
    """A job as the platform sees it: no names, only state and size. Written with the job itself."""

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="job_tickets")
    kind = models.CharField(max_length=40)
    state = models.CharField(max_length=20, db_index=True)
    rows = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    heartbeat = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class SchemaImage(models.Model):
    """The statements that build an empty tenant schema, recorded from the migrations themselves."""

    fingerprint = models.CharField(max_length=64, primary_key=True)
    statements = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.fingerprint[:12]


class PlatformAuditEvent(AuditRecord):
    """What happened on the platform outside any tenant's schema."""


class PlatformAuditSeal(AuditSealBase):
    """The chain of what happened on the platform."""


class PlatformAuditHead(AuditHeadBase):
    """The ends of the platform's chain."""


class AuditCheckpoint(models.Model):
    """A signed note of where a chain stood, kept outside the chain.

    Whoever rewrites a whole chain cannot rewrite these without the platform's secret; each is also a
    line of the log that is shipped away.
    """

    schema_name = models.CharField(max_length=63)
    sequence = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)
    signature = models.CharField(max_length=64)

    class Meta:
        ordering = ["schema_name", "sequence"]
        constraints = [
            models.UniqueConstraint(fields=["schema_name", "sequence"], name="audit_checkpoint_once")
        ]

    def __str__(self) -> str:
        return f"{self.schema_name} {self.sequence}"


class PlatformIdempotencyRecord(IdempotencyBase):
    """Kept answers of writes on the platform."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["caller", "route", "key"], name="platform_idempotency_once")
        ]
