"""What an institution, and the platform as a whole, has set for itself."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from tenants.kernel.context import BrandRef, PlatformRef, SettingsRef
from tenants.models.directory import Tenant

# Seven years, the longest that banking supervisors commonly ask for.
SEVEN_YEARS = 2557
YEAR = 365
COLOUR_FORM = r"^#[0-9a-fA-F]{6}\Z"
COLOUR = RegexValidator(COLOUR_FORM, "A colour is written #rrggbb.")
_empty = "Empty: the platform's."


class TenantSettings(models.Model):
    """What an institution has set for itself; one row per tenant, made with it.

    Requests read the copy in ``TenantRef.settings``, which is cached for DIRECTORY_SECONDS at most and
    forgotten at once by the services that change it.
    """

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, primary_key=True, related_name="settings")
    require_mfa = models.BooleanField(default=False, help_text="Everybody who enters needs a second factor.")
    sso_only = models.BooleanField(
        default=False, help_text="Sign in by the institution's identity provider only."
    )
    session_hours = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(720)],
        help_text=f"Longest life of a session, from its log-in. {_empty}",
    )
    allow_registration = models.BooleanField(
        default=False, help_text="Whether strangers may register an organization on the institution's host."
    )
    audit_retention_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        default=SEVEN_YEARS,
        validators=[MinValueValidator(YEAR), MaxValueValidator(36_500)],
        help_text="Audit rows are kept so long, a year at least. Empty: for ever.",
    )
    job_retention_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        default=SEVEN_YEARS,
        validators=[MinValueValidator(7), MaxValueValidator(36_500)],
        help_text="Finished jobs and their uploaded files are kept so long. Empty: for ever.",
    )
    score_retention_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(YEAR), MaxValueValidator(36_500)],
        help_text="Superseded scores are kept so long; the current one always. Empty: for ever.",
    )
    two_person_promotion = models.BooleanField(
        default=False, help_text="A model of the institution goes live only when a second person agrees."
    )
    pd_floor = models.DecimalField(
        max_digits=6,
        decimal_places=5,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(Decimal("0.1"))],
        help_text=f"Least PD that is given out. {_empty}",
    )
    master_scale = models.JSONField(
        default=dict, blank=True, help_text=f"Grades of the institution's own rating scale. {_empty}"
    )
    max_organizations = models.PositiveIntegerField(
        null=True, blank=True, help_text="Most organizations. Empty: no limit."
    )
    max_users = models.PositiveIntegerField(
        null=True, blank=True, help_text="Most people who may enter. Empty: no limit."
    )
    modules_off = models.JSONField(
        default=list, blank=True, help_text="Modules that the institution has switched off."
    )
    modules_denied = models.JSONField(
        default=list, blank=True, help_text="Modules that the platform does not give the institution."
    )
    display_name = models.CharField(
        max_length=100, blank=True, help_text="How the institution calls itself in its console and mails."
    )
    brand_colour = models.CharField(
        max_length=7, blank=True, validators=[COLOUR], help_text="Leading colour, as #rrggbb."
    )
    brand_accent = models.CharField(
        max_length=7, blank=True, validators=[COLOUR], help_text="Second colour, as #rrggbb."
    )
    logo_path = models.CharField(max_length=200, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "tenant settings"

    def __str__(self) -> str:
        return f"settings of {self.tenant}"

    @property
    def ref(self) -> SettingsRef:
        """The copy that requests carry."""
        return SettingsRef(
            require_mfa=self.require_mfa,
            sso_only=self.sso_only,
            session_hours=self.session_hours,
            allow_registration=self.allow_registration,
            audit_retention_days=self.audit_retention_days,
            job_retention_days=self.job_retention_days,
            score_retention_days=self.score_retention_days,
            two_person_promotion=self.two_person_promotion,
            pd_floor=None if self.pd_floor is None else float(self.pd_floor),
            master_scale=self.master_scale or None,
            max_organizations=self.max_organizations,
            max_users=self.max_users,
            modules_off=frozenset(self.modules_off) | frozenset(self.modules_denied),
        )

    @property
    def brand(self) -> BrandRef:
        """How the institution looks, as pages and mails read it."""
        return BrandRef(self.display_name, self.brand_colour, self.brand_accent, self.logo_path)


class PlatformSettings(models.Model):
    """What operators have set for the whole platform: one row, made by a migration."""

    ONLY: ClassVar[int] = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    registration_enabled = models.BooleanField(
        default=True, help_text="Whether strangers may register. ENABLE_REGISTRATION=false goes before it."
    )
    small_tenants_allowed = models.BooleanField(
        default=True, help_text="Whether registering with an organization makes a small institution."
    )
    deletion_grace_days = models.PositiveSmallIntegerField(
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text="Days between the order to delete an institution and its end.",
    )
    export_days = models.PositiveSmallIntegerField(
        default=7,
        validators=[MinValueValidator(1), MaxValueValidator(90)],
        help_text="Days for which an export can be fetched.",
    )
    two_person_promotion = models.BooleanField(
        default=False, help_text="Another scoring model goes live only when a second super admin agrees."
    )
    default_max_organizations = models.PositiveIntegerField(
        null=True, blank=True, help_text="Given to new institutions. Empty: no limit."
    )
    default_max_users = models.PositiveIntegerField(
        null=True, blank=True, help_text="Given to new institutions. Empty: no limit."
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "platform settings"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="platform_settings_once")]

    def __str__(self) -> str:
        return "platform settings"

    @property
    def ref(self) -> PlatformRef:
        """The copy that requests read."""
        return PlatformRef(
            registration_enabled=self.registration_enabled,
            small_tenants_allowed=self.small_tenants_allowed,
            deletion_grace_days=self.deletion_grace_days,
            export_days=self.export_days,
            two_person_promotion=self.two_person_promotion,
            default_max_organizations=self.default_max_organizations,
            default_max_users=self.default_max_users,
        )
