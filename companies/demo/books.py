"""The books of a made-up company: balance sheet and flows in whole thousands, so that sums hold exactly."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Books:
    """A balance sheet in thousands. Assets equal claims after every step."""

    cash: int = 0
    receivables: int = 0
    inventory: int = 0
    other_current: int = 0
    fixed: int = 0
    other_assets: int = 0
    payables: int = 0
    accrued: int = 0
    short_debt: int = 0
    long_debt: int = 0
    other_liabilities: int = 0
    paid_in: int = 0
    retained: int = 0

    @property
    def current_assets(self) -> int:
        return self.cash + self.receivables + self.inventory + self.other_current

    @property
    def assets(self) -> int:
        return self.current_assets + self.fixed + self.other_assets

    @property
    def current_liabilities(self) -> int:
        return self.payables + self.accrued + self.short_debt

    @property
    def liabilities(self) -> int:
        return self.current_liabilities + self.long_debt + self.other_liabilities

    @property
    def working_capital(self) -> int:
        """What operations tie up."""
        return self.receivables + self.inventory + self.other_current - self.payables - self.accrued

    def balance(self) -> None:
        """Let cash take the difference, and short-term debt what cash cannot."""
        self.cash += self.liabilities + self.paid_in + self.retained - self.assets
        if self.cash < 0:
            self.short_debt -= self.cash
            self.cash = 0

    def items(self) -> dict[str, int]:
        equity = self.assets - self.liabilities
        return {
            "current_assets": self.current_assets,
            "inventory": self.inventory,
            "total_receivables": self.receivables,
            "total_assets": self.assets,
            "total_current_liabilities": self.current_liabilities,
            "total_long_term_debt": self.long_debt,
            "total_liabilities": self.liabilities,
            "retained_earnings": self.retained,
            "cash": self.cash,
            "total_debt": self.long_debt + self.short_debt,
            "short_term_debt": self.short_debt,
            "total_equity": equity,
            "common_equity": equity,
            "net_fixed_assets": self.fixed,
            "accounts_payable": self.payables,
        }


@dataclass(frozen=True, slots=True)
class Flows:
    """The primary flows of a period in thousands; the others follow from them."""

    sales: int
    cost: int
    overhead: int
    depreciation: int
    amortization: int
    interest: int
    unusual: int
    tax: int
    capex: int
    operating_cash: int
    dividends: int

    @property
    def ebitda(self) -> int:
        return self.sales - self.cost - self.overhead

    @property
    def pretax(self) -> int:
        return self.ebitda - self.depreciation - self.interest + self.unusual

    @property
    def net_income(self) -> int:
        return self.pretax - self.tax

    def items(self) -> dict[str, int]:
        return {
            "net_sales": self.sales,
            "cost_of_goods_sold": self.cost,
            "gross_profit": self.sales - self.cost,
            "total_operating_expenses": self.cost + self.overhead,
            "ebitda": self.ebitda,
            "depreciation_amortization": self.depreciation,
            "ebit": self.ebitda - self.depreciation,
            "net_income": self.net_income,
            "interest_expense": self.interest,
            "capex": self.capex,
            "operating_cash_flow": self.operating_cash,
            "sga_expense": self.overhead,
            "amortization": self.amortization,
            "pretax_income": self.pretax,
            "unusual_items": self.unusual,
            "income_tax": self.tax,
            "continuing_income": self.net_income,
            "preferred_dividends": 0,
        }


@dataclass(frozen=True, slots=True)
class Year:
    """A finished year: what flowed, the books at its end, and the value of the shares."""

    flows: Flows
    books: Books
    market_value: int
