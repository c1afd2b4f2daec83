"""The amounts of a statement as columns; the same names as ``ml.features.LINE_ITEMS`` (a test holds them
together)."""

from __future__ import annotations

from django.db import models


class MoneyField(models.DecimalField):  # type: ignore[type-arg]
    """An amount in millions of the statement's currency; empty when it is not known."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        options = {"max_digits": 20, "decimal_places": 6, "null": True, "blank": True} | kwargs
        super().__init__(*args, **options)  # type: ignore[arg-type]


class LineItems(models.Model):
    """Balance sheet and income statement of one period."""

    # Balance sheet
    current_assets = MoneyField()
    inventory = MoneyField()
    total_receivables = MoneyField()
    total_assets = MoneyField()
    total_current_liabilities = MoneyField()
    total_long_term_debt = MoneyField()
    total_liabilities = MoneyField()
    retained_earnings = MoneyField()
    cash = MoneyField()
    total_debt = MoneyField()
    short_term_debt = MoneyField()
    total_equity = MoneyField()
    common_equity = MoneyField()
    net_fixed_assets = MoneyField()
    accounts_payable = MoneyField()
    shares_outstanding = MoneyField()
    market_cap = MoneyField()
    # Flows of the period
    net_sales = MoneyField()
    cost_of_goods_sold = MoneyField()
    gross_profit = MoneyField()
    total_operating_expenses = MoneyField()
    ebitda = MoneyField()
    depreciation_amortization = MoneyField()
    ebit = MoneyField()
    net_income = MoneyField()
    interest_expense = MoneyField()
    capex = MoneyField()
    operating_cash_flow = MoneyField()
    sga_expense = MoneyField()
    amortization = MoneyField()
    pretax_income = MoneyField()
    unusual_items = MoneyField()
    income_tax = MoneyField()
    continuing_income = MoneyField()
    preferred_dividends = MoneyField()

    class Meta:
        abstract = True

    @classmethod
    def item_names(cls) -> tuple[str, ...]:
        """The columns that are amounts."""
        return tuple(f.name for f in cls._meta.get_fields() if isinstance(f, MoneyField))

    def amounts(self) -> dict[str, float]:
        """What is known, as the scoring engine takes it: millions as floats."""
        known = {name: getattr(self, name) for name in self.item_names()}
        return {name: float(value) for name, value in known.items() if value is not None}
