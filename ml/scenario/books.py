"""A statement under shocks: each moves primary lines, and every total follows by what it is the sum of.

All is worked out in differences from the base, in exact decimals. A base that balances therefore still does,
to the last digit; one that does not keeps its gap, and no shock hides it. Lines that are not known stay
unknown. Shocks are measured on the base, so their order does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from ml.scenario.kinds import KINDS, ORDER, Shock, checked
from ml.scenario.sums import EXACT, Amounts

_ZERO = Decimal(0)
_STEP = Decimal("0.000001")  # movements are whole dollars; amounts are in USD millions
_DAYS = Decimal(365)


@dataclass(frozen=True)
class Assumptions:
    """By which rules the rest of the statement follows a shock. Shares and rates are fractions."""

    variable_cost_share: Decimal = Decimal("0.75")
    """Part of cost of goods sold that moves with sales."""
    variable_overhead_share: Decimal = Decimal("0.25")
    """Part of the other operating costs that moves with sales."""
    working_capital_share: Decimal = Decimal(1)
    """How far receivables, inventory and payables move with sales; 1 keeps their days."""
    pass_through: Decimal = Decimal(0)
    """Part of a change of costs that customers pay."""
    tax_rate: Decimal = Decimal("0.25")
    floating_share: Decimal = Decimal(1)
    """Part of total debt whose rate moves."""
    new_debt_rate: Decimal = Decimal("0.07")
    """Interest of a year on debt that a shock draws or repays."""
    payout: Decimal = Decimal(0)
    """Part of the change of net income that changes dividends; the rest moves retained earnings."""

    def __post_init__(self) -> None:
        for part in fields(self):
            if not 0 <= getattr(self, part.name) <= 1:
                raise ValueError(f"{part.name} must lie between 0 and 1")


@dataclass(frozen=True)
class Shocked:
    """A statement after its shocks."""

    amounts: dict[str, Decimal]
    """USD millions; the same lines as the base."""
    moved: dict[str, Decimal]
    """What each known line moved by; lines that stayed are absent."""
    notes: tuple[str, ...]
    """What could not be done, or not in full."""


def apply(
    base: Amounts, shocks: Iterable[Shock], assumptions: Assumptions | None = None, *, periods: int = 1
) -> Shocked:
    """The statement under all shocks at once.

    Parameters
    ----------
    base : mapping of line item to Decimal
        USD millions, only what is known.
    shocks : iterable of Shock
    assumptions : Assumptions, optional
    periods : int
        Periods of the statement in a year: 1 for annual, 4 for quarterly flows.

    Raises
    ------
    ShockError
        For a shock that cannot be.
    """
    with localcontext(EXACT):
        ledger = _Ledger(dict(base), assumptions or Assumptions(), Decimal(periods))
        for shock in sorted((checked(s) for s in shocks), key=lambda s: (ORDER[s.kind], s.mode, s.value)):
            if shock.value != 0:
                ledger.take(shock)
        return ledger.closed()


class _Ledger:
    """Differences from the base while shocks are taken."""

    def __init__(self, base: dict[str, Decimal], rules: Assumptions, periods: Decimal) -> None:
        self.base, self.rules, self.periods = base, rules, periods
        # What moves by itself; all other lines are sums of these.
        self.cash = self.inventory = self.receivables = self.fixed = self.other_assets = _ZERO
        self.payables = self.short_debt = self.long_debt = self.paid_in = self.dividends = _ZERO
        self.sales = self.cogs = self.overhead = self.interest = self.unusual = _ZERO
        self.not_deductible = self.written_off = _ZERO
        self.market_value = _ZERO
        self.notes: list[str] = []

    # -- reading the base ---------------------------------------------------------------------

    def known(self, *names: str) -> Decimal | None:
        """The first of the lines that is known."""
        return next((self.base[name] for name in names if name in self.base), None)

    def costs(self) -> tuple[Decimal | None, Decimal | None]:
        """Cost of goods sold, and the other operating costs; what is not known follows from the sums."""
        sales, get = self.known("net_sales"), self.base.get
        cogs = get("cost_of_goods_sold")
        if cogs is None and sales is not None and "gross_profit" in self.base:
            cogs = sales - self.base["gross_profit"]
        whole = get("total_operating_expenses")
        if whole is None and sales is not None:
            if "ebitda" in self.base:
                whole = sales - self.base["ebitda"]
            elif "ebit" in self.base:
                whole = sales - self.base["ebit"] - get("depreciation_amortization", _ZERO)
        if cogs is None:
            return whole, None  # they cannot be told apart: all of them count as cost of goods
        return cogs, None if whole is None else whole - cogs

    def _debt(self) -> Decimal | None:
        whole = self.known("total_debt")
        if whole is not None:
            return whole
        parts = [self.base[n] for n in ("total_long_term_debt", "short_term_debt") if n in self.base]
        return sum(parts, _ZERO) if parts else None

    def _other_assets(self) -> Decimal | None:
        parts = ("total_assets", "current_assets", "net_fixed_assets")
        if not set(parts) <= self.base.keys():
            return None
        return max(self.base[parts[0]] - self.base[parts[1]] - self.base[parts[2]], _ZERO)

    def size(self, shock: Shock, base: Decimal | None) -> Decimal | None:
        """What the shock moves in USD millions; None, with a note, where its base is not known."""
        kind = KINDS[shock.kind]
        if shock.mode == "absolute":
            return _whole(shock.value)
        if base is None:
            self.notes.append(f"{kind.label}: not applied, since {kind.base} is not known.")
            return None
        return _whole(shock.value * base)

    # -- taking shocks ------------------------------------------------------------------------

    def take(self, shock: Shock) -> None:
        name = shock.kind
        if name.startswith("write_down_"):
            self._write_down(shock)
        elif name.endswith("_days"):
            self._days(shock)
        else:
            getattr(self, f"_take_{name}")(shock)

    def _take_sales(self, shock: Shock) -> None:
        sales = self.known("net_sales")
        moved = self.size(shock, sales)
        if moved is None:
            return
        if sales is None or sales <= 0:
            self.notes.append("Net sales: not applied, since there are none.")
            return
        moved = max(moved, -(sales + self.sales))
        part = moved / sales
        self.sales += moved
        cogs, overhead = self.costs()
        if cogs is None:
            # Nothing tells what the sales cost: they are taken to cost their variable share.
            self.cogs += _whole(self.rules.variable_cost_share * moved)
        else:
            self.cogs += _whole(self.rules.variable_cost_share * cogs * part)
        if overhead is not None:
            self.overhead += _whole(self.rules.variable_overhead_share * overhead * part)
        tied = part * self.rules.working_capital_share
        for place, line in _WORKING_CAPITAL.items():
            if line in self.base:
                self._shift(place, line, _whole(self.base[line] * tied))

    def _take_cost_of_goods_sold(self, shock: Shock) -> None:
        moved = self.size(shock, self.costs()[0])
        if moved is not None:
            self.cogs += moved
            self._pass_on(moved)

    def _take_operating_costs(self, shock: Shock) -> None:
        moved = self.size(shock, self.costs()[1])
        if moved is not None:
            self.overhead += moved
            self._pass_on(moved)

    def _pass_on(self, costs: Decimal) -> None:
        passed = _whole(costs * self.rules.pass_through)
        self.sales += max(passed, -(self.known("net_sales") or _ZERO) - self.sales)

    def _take_interest_rate(self, shock: Shock) -> None:
        debt = self._debt()
        if debt is None:
            self.notes.append("Interest rate: not applied, since no debt is known.")
            return
        rate = shock.value / Decimal(10_000)
        self.interest += _whole(debt * self.rules.floating_share * rate / self.periods)

    def _write_down(self, shock: Shock) -> None:
        what = shock.kind.removeprefix("write_down_")
        place, line = _WRITTEN_OFF[what]
        base = self.known(line) if line else self._other_assets()
        moved = self.size(shock, base)
        if moved is None:
            return
        if base is None:
            self.notes.append(f"{KINDS[shock.kind].label}: not applied, since the line is not known.")
            return
        room = base + getattr(self, place)
        lost = min(moved, max(room, _ZERO))
        if lost < moved:
            self.notes.append(f"{KINDS[shock.kind].label}: no more than {room:,.2f} is there.")
        setattr(self, place, getattr(self, place) - lost)
        self.written_off += lost
        if what == "inventory":
            self.cogs += lost
        elif what == "receivables":
            self.overhead += lost
        else:
            self.unusual -= lost
            self.not_deductible += lost

    def _take_long_term_debt(self, shock: Shock) -> None:
        self._borrow(shock, "long_debt", "total_long_term_debt")

    def _take_short_term_debt(self, shock: Shock) -> None:
        self._borrow(shock, "short_debt", "short_term_debt")

    def _borrow(self, shock: Shock, place: str, line: str) -> None:
        moved = self.size(shock, self.known(line))
        if moved is not None:
            moved = self._shift(place, line, moved)
            self.interest += _whole(moved * self.rules.new_debt_rate / self.periods)

    def _days(self, shock: Shock) -> None:
        place = {"receivable_days": "receivables", "inventory_days": "inventory"}.get(shock.kind, "payables")
        line = _WORKING_CAPITAL[place]
        if line not in self.base:
            self.notes.append(f"{KINDS[shock.kind].label}: not applied, since the line is not known.")
            return
        if shock.mode == "relative":
            self._shift(place, line, _whole(shock.value * self.base[line]))
            return
        flow = self.known("net_sales") if place == "receivables" else self.costs()[0]
        if flow is None or flow <= 0:
            self.notes.append(f"{KINDS[shock.kind].label}: not applied, since no day's flow is known.")
            return
        self._shift(place, line, _whole(shock.value * flow * self.periods / _DAYS))

    def _take_fixed_assets(self, shock: Shock) -> None:
        moved = self.size(shock, self.known("net_fixed_assets"))
        if moved is not None:
            self._shift("fixed", "net_fixed_assets", moved)

    def _take_equity(self, shock: Shock) -> None:
        moved = self.size(shock, self.known("total_assets"))
        if moved is not None:
            self.paid_in += moved

    def _take_dividend(self, shock: Shock) -> None:
        income = self.known("net_income")
        moved = self.size(shock, None if income is None else max(income, _ZERO))
        if moved is not None:
            self.dividends += moved

    def _take_market_value(self, shock: Shock) -> None:
        value = self.known("market_cap")
        moved = self.size(shock, value)
        if moved is not None and value is not None:
            self.market_value += moved

    def _market_moved(self) -> Decimal:
        """Bounded once all is added up, so that the order of shocks does not matter."""
        value = self.base.get("market_cap")
        return max(self.market_value, _STEP - value if value else _ZERO)

    def _shift(self, place: str, line: str, moved: Decimal) -> Decimal:
        """Move a line of the balance sheet, no further than to nothing; tells how far."""
        held = self.base.get(line)
        if held is not None and held + getattr(self, place) + moved < 0:
            moved = -(held + getattr(self, place))
            self.notes.append(f"{line.replace('_', ' ').capitalize()}: no further than to zero.")
        elif held is None and moved < 0:
            self.notes.append(f"{line.replace('_', ' ').capitalize()}: not lowered, since it is not known.")
            return _ZERO
        setattr(self, place, getattr(self, place) + moved)
        return moved

    # -- closing the books --------------------------------------------------------------------

    def closed(self) -> Shocked:
        operating = self.sales - self.cogs - self.overhead
        pretax = operating - self.interest + self.unusual
        tax = self._tax(pretax)
        income = pretax - tax
        paid = _whole(income * self.rules.payout) + self.dividends
        retained = income - paid
        tied = self.receivables + self.inventory + self.written_off_in_stocks - self.payables
        self.cash = (self.payables + self.short_debt + self.long_debt + retained + self.paid_in) - (
            self.inventory + self.receivables + self.fixed + self.other_assets
        )
        self._plug()
        current = self.cash + self.inventory + self.receivables
        owed = self.payables + self.short_debt
        moved = {
            "cash": self.cash,
            "inventory": self.inventory,
            "total_receivables": self.receivables,
            "current_assets": current,
            "net_fixed_assets": self.fixed,
            "total_assets": current + self.fixed + self.other_assets,
            "accounts_payable": self.payables,
            "short_term_debt": self.short_debt,
            "total_current_liabilities": owed,
            "total_long_term_debt": self.long_debt,
            "total_debt": self.short_debt + self.long_debt,
            "total_liabilities": owed + self.long_debt,
            "retained_earnings": retained,
            "total_equity": retained + self.paid_in,
            "common_equity": retained + self.paid_in,
            "market_cap": self._market_moved(),
            "net_sales": self.sales,
            "cost_of_goods_sold": self.cogs,
            "gross_profit": self.sales - self.cogs,
            "total_operating_expenses": self.cogs + self.overhead,
            "sga_expense": self.overhead,
            "ebitda": operating,
            "ebit": operating,
            "interest_expense": self.interest,
            "unusual_items": self.unusual,
            "pretax_income": pretax,
            "income_tax": tax,
            "net_income": income,
            "continuing_income": income,
            "operating_cash_flow": income + self.written_off - tied,
        }
        known = {name: by for name, by in moved.items() if by != 0 and name in self.base}
        amounts = {name: value + known.get(name, _ZERO) for name, value in self.base.items()}
        return Shocked(amounts, known, tuple(dict.fromkeys(self.notes)))

    @property
    def written_off_in_stocks(self) -> Decimal:
        """Write-downs of receivables and inventory: they lower the stocks without bringing cash."""
        return self.written_off - self.not_deductible

    def _tax(self, pretax: Decimal) -> Decimal:
        """Tax on the change: none on a loss, and no more comes back than was due."""
        taxable = pretax + self.not_deductible
        if taxable == 0:
            return _ZERO
        rate, due, income = self.rules.tax_rate, self.known("income_tax"), self.known("net_income")
        before = self.known("pretax_income")
        if before is None and income is not None:
            if due is not None:
                before = income + due
            else:
                before = income / (1 - rate) if income > 0 and rate < 1 else income
        if before is None:
            return _whole(rate * taxable)
        moved = _whole(rate * (max(before + taxable, _ZERO) - max(before, _ZERO)))
        if due is None:
            due = rate * max(before, _ZERO)
        return max(moved, -_whole(max(due, _ZERO)))

    def _plug(self) -> None:
        """Cash takes the difference; what cash cannot is borrowed for a short term."""
        held = self.known("cash")
        if held is None:
            current = self.known("current_assets")
            stocks = sum((self.base.get(n, _ZERO) for n in ("inventory", "total_receivables")), _ZERO)
            held = _ZERO if current is None else max(current - stocks, _ZERO)
        short = -(held + self.cash)
        if short > 0 and self.cash < 0:
            # A base with less than nothing in cash is left as it is.
            short = min(short, -self.cash)
            self.cash += short
            self.short_debt += short
            self.notes.append(f"Cash does not suffice: {short:,.2f} million is borrowed for a short term.")


_WORKING_CAPITAL = {
    "receivables": "total_receivables",
    "inventory": "inventory",
    "payables": "accounts_payable",
}
_WRITTEN_OFF = {
    "inventory": ("inventory", "inventory"),
    "receivables": ("receivables", "total_receivables"),
    "fixed_assets": ("fixed", "net_fixed_assets"),
    "other_assets": ("other_assets", ""),
}


def _whole(amount: Decimal) -> Decimal:
    return amount.quantize(_STEP, rounding=ROUND_HALF_EVEN)
