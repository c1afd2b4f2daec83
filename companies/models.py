"""Companies of an organization and their statements."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from companies.line_items import LineItems
from tenants.kernel.owned import OrganizationOwned

SYMBOL_PATTERN = r"^[A-Z0-9][A-Z0-9.\-_/&]{0,29}$"
SYMBOL = RegexValidator(SYMBOL_PATTERN, "Letters, digits and . - _ / & (30 at most).")
FIRST_YEAR, LAST_YEAR = 1950, 2100


class PeriodKind(models.TextChoices):
    ANNUAL = "annual", "Annual"
    QUARTERLY = "quarterly", "Quarterly"


class Company(OrganizationOwned):
    """An obligor. Its symbol is unique in the organization: people and files know it by that."""

    symbol = models.CharField(max_length=30, validators=[SYMBOL])
    name = models.CharField(max_length=255, blank=True)
    sector = models.CharField(max_length=100, blank=True)
    currency = models.CharField(max_length=3, default="USD")
    market_cap = models.DecimalField(
        max_digits=20,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="Millions of the company's currency.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    created_by_id = models.UUIDField(null=True, editable=False)

    class Meta(OrganizationOwned.Meta):
        ordering = ["symbol"]
        verbose_name_plural = "companies"
        constraints = [models.UniqueConstraint(fields=["organization", "symbol"], name="company_symbol_once")]

    def __str__(self) -> str:
        return f"{self.symbol} {self.name}".strip()


class Statement(LineItems, OrganizationOwned):
    """One period of a company as reported: amounts in millions of the company's currency."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="statements")
    kind = models.CharField(max_length=10, choices=PeriodKind.choices)
    fiscal_year = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(FIRST_YEAR), MaxValueValidator(LAST_YEAR)]
    )
    fiscal_quarter = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(4)]
    )
    source = models.CharField(max_length=200, blank=True, help_text="Where the amounts come from.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by_id = models.UUIDField(null=True, editable=False)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-fiscal_year", "-fiscal_quarter"]
        constraints = [
            models.UniqueConstraint(
                fields=["company", "kind", "fiscal_year", "fiscal_quarter"],
                nulls_distinct=False,
                name="statement_once",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="annual", fiscal_quarter__isnull=True)
                | models.Q(kind="quarterly", fiscal_quarter__isnull=False),
                name="statement_quarter_fits",
            ),
        ]

    def __str__(self) -> str:
        quarter = f" Q{self.fiscal_quarter}" if self.fiscal_quarter else ""
        return f"{self.company_id} {self.fiscal_year}{quarter}"
