"""Made-up statements of borrowers, in the layout of the import's template."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

HEADER = (
    *("Symbol", "Company name", "Country", "Sector", "Fiscal year", "Currency", "Unit", "Total assets"),
    *("Current assets", "Current liabilities", "Total liabilities", "Total equity", "Total debt"),
    *("Long-term debt", "Inventory", "Receivables", "Cash", "Net sales", "Cost of goods sold", "EBITDA"),
    *("EBIT", "Interest expense", "Net income", "Retained earnings"),
)


@dataclass(frozen=True)
class Year:
    """A year of a company: in good health, or with sales and profits that break down."""

    symbol: str
    name: str
    year: int
    size: float = 500.0
    health: float = 1.0
    """1 is sound; at 0 sales have fallen by a third, debt weighs, and there is a loss."""
    sector: str = "Industrials"

    def amounts(self) -> dict[str, float]:
        """In millions of dollars; assets are claims."""
        assets, ill = self.size, 1.0 - self.health
        owed = assets * (0.45 + 0.45 * ill)
        sales = assets * (1.1 - 0.4 * ill)
        ebit = sales * (0.11 - 0.16 * ill)
        interest = owed * 0.04
        debt = owed * 0.6
        return {
            "total_assets": assets,
            "current_assets": assets * (0.45 - 0.2 * ill),
            "total_current_liabilities": owed * (0.35 + 0.2 * ill),
            "total_liabilities": owed,
            "total_equity": assets - owed,
            "total_debt": debt,
            "total_long_term_debt": debt * 0.8,
            "inventory": assets * 0.12,
            "total_receivables": assets * 0.1,
            "cash": assets * (0.12 - 0.1 * ill),
            "net_sales": sales,
            "cost_of_goods_sold": sales * (0.62 + 0.16 * ill),
            "ebitda": ebit + assets * 0.04,
            "ebit": ebit,
            "interest_expense": interest,
            "net_income": (ebit - interest) * (0.75 if ebit > interest else 1.0),
            "retained_earnings": (assets - owed) * (0.5 - 0.6 * ill),
        }


def as_csv(years: list[Year]) -> bytes:
    """The file that somebody uploads: one row a company and year."""
    out = io.StringIO()
    sheet = csv.writer(out)
    sheet.writerow(HEADER)
    for year in years:
        said = [year.symbol, year.name, "US", year.sector, year.year, "USD", "millions"]
        sheet.writerow([*said, *(f"{amount:.2f}" for amount in year.amounts().values())])
    return out.getvalue().encode()
