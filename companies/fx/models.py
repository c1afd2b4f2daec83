"""Exchange rates as data, each with its day and its source."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone

from tenants.kernel.owned import Identified


class FxRate(Identified):
    """What one unit of a currency was worth on a day."""

    currency = models.CharField(max_length=3, help_text="ISO 4217.")
    on = models.DateField(help_text="The day that the rate is of.")
    usd_per_unit = models.DecimalField(
        max_digits=20,
        decimal_places=10,
        validators=[MinValueValidator(0)],
        help_text="US dollars for one unit of the currency.",
    )
    source = models.CharField(max_length=60, help_text="Who published the rate.")
    loaded_at = models.DateTimeField(default=timezone.now, editable=False)
    loaded_by_label = models.CharField(max_length=254, blank=True, editable=False)

    class Meta:
        ordering = ["-on", "currency"]
        constraints = [
            models.UniqueConstraint(fields=["currency", "on"], name="fx_rate_once"),
            models.CheckConstraint(condition=models.Q(usd_per_unit__gt=0), name="fx_rate_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.on}"
