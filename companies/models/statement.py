"""A period of a company as somebody reported it; each amendment is a row of its own."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from companies.line_items import LineItems
from companies.models.company import Company
from companies.models.following import FollowsCompany, PresentRows
from tenants.kernel.owned import OwnedManager

FIRST_YEAR, LAST_YEAR = 1950, 2100


class PeriodKind(models.TextChoices):
    ANNUAL = "annual", "Annual"
    QUARTERLY = "quarterly", "Quarterly"
    TRAILING = "ttm", "Trailing twelve months"


class Basis(models.TextChoices):
    REPORTED = "reported", "As reported"
    RESTATED = "restated", "Restated"


class AmountUnit(models.TextChoices):
    UNITS = "units", "Units"
    THOUSANDS = "thousands", "Thousands"
    MILLIONS = "millions", "Millions"


class SourceKind(models.TextChoices):
    TYPED = "typed", "Typed in"
    FILE = "file", "File"
    CONNECTOR = "connector", "Connector"
    DERIVED = "derived", "Derived from other periods"


class Quality(models.TextChoices):
    """The worst of what the checks found."""

    CLEAN = "clean", "Nothing found"
    INFO = "info", "Information"
    WARNING = "warning", "Warning"
    ERROR = "error", "Error"


class PresentStatements(PresentRows):
    """Statements that nobody has deleted, neither alone nor with their company, within the active scope."""

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(deleted_at=None)


class Statement(LineItems, FollowsCompany):
    """One version of one period: amounts in millions of ``currency``, never changed once stored.

    An amendment is a further version and becomes the current one; the ones before it stay, so that a score
    can be traced to the very version that it used. One that was entered by mistake is taken out of sight and
    stays as well: ``objects`` does not see it, ``all_objects`` does.
    """

    once_by = ("kind", "fiscal_year", "fiscal_quarter")

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="statements")
    kind = models.CharField(max_length=10, choices=PeriodKind.choices)
    fiscal_year = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(FIRST_YEAR), MaxValueValidator(LAST_YEAR)]
    )
    fiscal_quarter = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(4)]
    )
    period_end = models.DateField(null=True, blank=True)
    months = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Months that the flows cover, where the source says it."
    )
    basis = models.CharField(max_length=10, choices=Basis.choices, default=Basis.REPORTED)
    version = models.PositiveSmallIntegerField(default=1, editable=False)
    current = models.BooleanField(default=True, editable=False, help_text="The version that holds now.")
    currency = models.CharField(max_length=3, default="USD")
    unit = models.CharField(
        max_length=10,
        choices=AmountUnit.choices,
        default=AmountUnit.MILLIONS,
        help_text="As the source had it.",
    )
    source_kind = models.CharField(max_length=10, choices=SourceKind.choices, default=SourceKind.TYPED)
    source = models.CharField(max_length=200, blank=True, help_text="Where the amounts come from, in words.")
    source_ref = models.JSONField(
        default=dict, blank=True, help_text="File, sheet, row and cell by line item; or connector and tags."
    )
    filing_id = models.CharField(
        max_length=60, blank=True, help_text="The source's own number of the filing."
    )
    filed_on = models.DateField(null=True, blank=True)
    content_hash = models.CharField(max_length=64, blank=True, editable=False)
    findings = models.JSONField(default=list, blank=True, editable=False, help_text="What the checks found.")
    quality = models.CharField(max_length=8, choices=Quality.choices, default=Quality.CLEAN, editable=False)
    unscored = models.CharField(
        max_length=40, blank=True, editable=False, help_text="Why it bears no score, as a code."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by_id = models.UUIDField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    deleted_by_id = models.UUIDField(null=True, editable=False)
    delete_reason = models.CharField(max_length=200, blank=True, editable=False)

    objects: ClassVar[PresentStatements] = PresentStatements()
    all_objects: ClassVar[OwnedManager] = OwnedManager()

    class Meta(FollowsCompany.Meta):
        ordering = ["-fiscal_year", "-fiscal_quarter", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["company", "kind", "fiscal_year", "fiscal_quarter", "version"],
                nulls_distinct=False,
                name="statement_version_once",
            ),
            models.UniqueConstraint(
                fields=["company", "kind", "fiscal_year", "fiscal_quarter"],
                condition=models.Q(current=True),
                nulls_distinct=False,
                name="statement_current_once",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="annual", fiscal_quarter__isnull=True)
                | models.Q(kind__in=["quarterly", "ttm"], fiscal_quarter__isnull=False),
                name="statement_quarter_fits",
            ),
            models.CheckConstraint(
                condition=models.Q(current=False) | models.Q(deleted_at=None),
                name="statement_deleted_holds_not",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-created_at", "-id"], name="statement_newest"),
            # For those who reach several organizations (decision 0034).
            models.Index(
                fields=["-created_at", "-id"],
                condition=models.Q(deleted_at=None, company_deleted_at=None),
                name="statement_newest_of_all",
            ),
        ]

    def __str__(self) -> str:
        quarter = f" Q{self.fiscal_quarter}" if self.fiscal_quarter else ""
        return f"{self.company_id} {self.fiscal_year}{quarter}"
