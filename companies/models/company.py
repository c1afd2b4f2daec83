"""An obligor: who it is, where it is known, and how it stands."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from companies.names import NameKey
from tenants.kernel.owned import OrganizationOwned, OwnedManager

SYMBOL_PATTERN = r"^[A-Z0-9][A-Z0-9.\-_/&]{0,29}$"
SYMBOL = RegexValidator(SYMBOL_PATTERN, "Letters, digits and . - _ / & (30 at most).")


class Findable(models.Func):
    """Everything that a company is searched by, in small letters."""

    template = "lower(%(expressions)s)"
    arg_joiner = " || ' ' || "
    output_field = models.TextField()


class LegalForm(models.TextChoices):
    """A sole trader is a natural person: rules for persons hold for him (GDPR 22, EU AI Act III 5 b)."""

    CORPORATION = "corporation", "Corporation"
    LIMITED = "limited", "Private limited company"
    PARTNERSHIP = "partnership", "Partnership"
    COOPERATIVE = "cooperative", "Cooperative"
    SOLE_TRADER = "sole_trader", "Sole trader"
    PUBLIC_BODY = "public_body", "Public body"
    FOUNDATION = "foundation", "Foundation or association"
    OTHER = "other", "Other"


class CompanyState(models.TextChoices):
    ALIVE = "alive", "Alive"
    DEFAULTED = "defaulted", "Defaulted"
    MERGED = "merged", "Merged"


class DefaultKind(models.TextChoices):
    CHAPTER_7 = "chapter_7", "Chapter 7 (liquidation)"
    CHAPTER_11 = "chapter_11", "Chapter 11 (reorganization)"
    BANKRUPTCY = "bankruptcy", "Bankruptcy, chapter not known"
    PAYMENT = "payment", "Missed payment"
    EXCHANGE = "exchange", "Distressed exchange"
    OTHER = "other", "Other"


class PresentCompanies(OwnedManager):
    """Companies that nobody has deleted, within the active scope."""

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(deleted_at=None)


class Company(OrganizationOwned):
    """An obligor. Its symbol is unique in the organization: people and files know it by that.

    A deleted company is kept for a while and can be restored; ``objects`` does not see it, ``all_objects``
    does.
    """

    # Without an index of its own: others begin with the organization.
    organization = models.ForeignKey(
        "organizations.Organization",
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        db_index=False,
    )
    symbol = models.CharField(max_length=30, validators=[SYMBOL])
    name = models.CharField(max_length=255, blank=True)
    legal_form = models.CharField(max_length=12, choices=LegalForm.choices, blank=True)
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166-1, two letters.")
    sector = models.CharField(max_length=100, blank=True)
    industry = models.CharField(
        max_length=120, blank=True, help_text="Narrower than the sector: a name of the scheme, or one's own."
    )
    ticker = models.CharField(max_length=20, blank=True)
    exchange = models.CharField(max_length=20, blank=True, help_text="Name or ISO 10383 code of the market.")
    cik = models.CharField(
        "CIK", max_length=10, blank=True, help_text="Central Index Key of the SEC, no zeros in front."
    )
    lei = models.CharField("LEI", max_length=20, blank=True, help_text="Legal Entity Identifier, ISO 17442.")
    national_id = models.CharField(max_length=40, blank=True, help_text="Number in a national register.")
    currency = models.CharField(max_length=3, default="USD")
    fiscal_year_end = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(12)],
        help_text="Month, 1 to 12.",
    )
    market_cap = models.DecimalField(
        max_digits=20,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="In millions of its own currency, or of the company's where that is empty.",
    )
    market_cap_currency = models.CharField(max_length=3, blank=True)
    market_cap_on = models.DateField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=CompanyState.choices, default=CompanyState.ALIVE)
    defaulted_on = models.DateField(null=True, blank=True)
    default_kind = models.CharField(max_length=12, choices=DefaultKind.choices, blank=True)
    # Hardly any company is merged: those that are have an index of their own below.
    merged_into = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="merged_from", db_index=False
    )
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    custom = models.JSONField(
        default=dict, blank=True, help_text="Values of the institution's own fields by name."
    )
    internal_rating = models.CharField(
        max_length=20, blank=True, help_text="The rating that holds now; its history is kept beside."
    )
    # The company of the reference tenant that this one follows: without constraint, since it is elsewhere.
    reference_id = models.UUIDField(null=True, editable=False)
    # The name without case, punctuation and legal forms: alike names have the same.
    name_key = models.GeneratedField(
        expression=NameKey("name"), output_field=models.CharField(max_length=255), db_persist=True
    )
    # One text to look into instead of six columns; what it holds is then compared column by column.
    findable = models.GeneratedField(
        expression=Findable("symbol", "ticker", "national_id", "lei", "cik", "name"),
        output_field=models.TextField(),
        db_persist=True,
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    created_by_id = models.UUIDField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    deleted_by_id = models.UUIDField(null=True, editable=False)

    objects: ClassVar[PresentCompanies] = PresentCompanies()
    all_objects: ClassVar[OwnedManager] = OwnedManager()

    class Meta(OrganizationOwned.Meta):
        # A prediction of a deleted company still leads to it.
        base_manager_name = "all_objects"
        ordering = ["symbol"]
        verbose_name_plural = "companies"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "symbol"],
                condition=models.Q(deleted_at=None),
                name="company_symbol_once",
            ),
            models.UniqueConstraint(
                fields=["organization", "lei"],
                condition=models.Q(deleted_at=None) & ~models.Q(lei=""),
                name="company_lei_once",
            ),
            models.UniqueConstraint(
                fields=["organization", "cik"],
                condition=models.Q(deleted_at=None) & ~models.Q(cik=""),
                name="company_cik_once",
            ),
            models.UniqueConstraint(
                fields=["organization", "reference_id"],
                condition=models.Q(deleted_at=None, reference_id__isnull=False),
                name="company_tracked_once",
            ),
            models.CheckConstraint(
                condition=~models.Q(state=CompanyState.DEFAULTED) | models.Q(defaulted_on__isnull=False),
                name="company_default_dated",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-created_at", "-id"], name="company_newest"),
            # Without the organization: for those who reach several, and for orders that lists offer
            # (decision 0034).
            models.Index(
                fields=["-created_at", "-id"],
                condition=models.Q(deleted_at=None),
                name="company_newest_of_all",
            ),
            models.Index(fields=["name", "-id"], condition=models.Q(deleted_at=None), name="company_by_name"),
            models.Index(
                fields=["-updated_at", "-id"], condition=models.Q(deleted_at=None), name="company_by_change"
            ),
            models.Index(fields=["organization", "sector"], name="company_sector"),
            models.Index(fields=["organization", "name_key"], name="company_name_key"),
            models.Index(fields=["deleted_at"], condition=~models.Q(deleted_at=None), name="company_deleted"),
            models.Index(
                fields=["merged_into"], condition=~models.Q(merged_into=None), name="company_merged"
            ),
            models.Index(
                fields=["organization", "ticker"], condition=~models.Q(ticker=""), name="company_ticker"
            ),
            models.Index(
                fields=["organization", "national_id"],
                condition=~models.Q(national_id=""),
                name="company_national_id",
            ),
            GinIndex(fields=["tags"], name="company_tags"),
            GinIndex(fields=["custom"], name="company_custom", opclasses=["jsonb_path_ops"]),
        ]

    def __str__(self) -> str:
        return f"{self.symbol} {self.name}".strip()
