"""The shocks there are: what each moves, in which unit, and how far it may go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Mode = Literal["relative", "absolute"]


class ShockError(ValueError):
    """A shock that cannot be: of an unknown kind, in a mode it does not have, or beyond its limits."""


@dataclass(frozen=True)
class Kind:
    """One kind of shock. A relative value is a fraction of the base (-0.2 takes a fifth away)."""

    name: str
    label: str
    modes: tuple[Mode, ...]
    unit: str
    """Of an absolute value: ``USD m``, ``days`` or ``bp``."""
    base: str
    """What a relative value is a fraction of; empty where there is none."""
    low: Decimal
    """Least relative value."""
    rule: str


@dataclass(frozen=True)
class Shock:
    """One movement away from the base."""

    kind: str
    mode: Mode
    value: Decimal

    def scaled(self, factor: Decimal) -> Shock:
        """The same shock, ``factor`` times as strong."""
        return Shock(self.kind, self.mode, self.value * factor)


_BOTH: tuple[Mode, ...] = ("relative", "absolute")
_ALL, _NONE = Decimal(-1), Decimal(0)


def _table(*kinds: Kind) -> Mapping[str, Kind]:
    return {kind.name: kind for kind in kinds}


# Their order is the order in which they are worked out, whatever order they are asked in.
KINDS: Mapping[str, Kind] = _table(
    Kind("sales", "Net sales", _BOTH, "USD m", "net sales", _ALL,
         "Variable costs follow sales by their shares, fixed costs stay. Receivables, inventory and payables "
         "keep their days."),
    Kind("cost_of_goods_sold", "Cost of goods sold", _BOTH, "USD m", "cost of goods sold", _ALL,
         "Costs change at the same volume; the part that is passed on raises sales."),
    Kind("operating_costs", "Other operating costs", _BOTH, "USD m", "operating costs without cost of goods",
         _ALL, "Costs change at the same volume; the part that is passed on raises sales."),
    Kind("interest_rate", "Interest rate", ("absolute",), "bp", "", _ALL,
         "The floating part of total debt costs so many basis points a year more."),
    Kind("write_down_inventory", "Write-down of inventory", _BOTH, "USD m", "inventory", _NONE,
         "No cash moves; the loss is part of cost of goods sold."),
    Kind("write_down_receivables", "Write-down of receivables", _BOTH, "USD m", "receivables", _NONE,
         "No cash moves; the loss is an operating cost."),
    Kind("write_down_fixed_assets", "Write-down of fixed assets", _BOTH, "USD m", "net fixed assets", _NONE,
         "No cash moves; the loss is an unusual item, and no tax is saved by it."),
    Kind("write_down_other_assets", "Write-down of other assets", _BOTH, "USD m",
         "assets that are neither current nor fixed", _NONE,
         "No cash moves; the loss is an unusual item, and no tax is saved by it."),
    Kind("long_term_debt", "Long-term debt", _BOTH, "USD m", "long-term debt", _ALL,
         "Drawn into cash or repaid out of it; interest of a year on the difference."),
    Kind("short_term_debt", "Short-term debt", _BOTH, "USD m", "short-term debt", _ALL,
         "Drawn into cash or repaid out of it; interest of a year on the difference."),
    Kind("receivable_days", "Days of receivables", _BOTH, "days", "receivables", _ALL,
         "Customers pay later or sooner; cash takes the difference."),
    Kind("inventory_days", "Days of inventory", _BOTH, "days", "inventory", _ALL,
         "More or less is kept in stock; cash takes the difference."),
    Kind("payable_days", "Days of payables", _BOTH, "days", "accounts payable", _ALL,
         "Suppliers are paid later or sooner; cash takes the difference."),
    Kind("fixed_assets", "Fixed assets", _BOTH, "USD m", "net fixed assets", _ALL,
         "Bought or sold for cash at book value; depreciation stays."),
    Kind("equity", "Paid-in equity", _BOTH, "USD m", "total assets", _ALL,
         "Paid in, or bought back, in cash; retained earnings stay."),
    Kind("dividend", "Dividend", _BOTH, "USD m", "net income, where it is positive", _NONE,
         "Paid in cash out of retained earnings."),
    Kind("market_value", "Market value of equity", _BOTH, "USD m", "market value", _ALL,
         "The shares are worth more or less. Without this shock their value stays."),
)  # fmt: skip

ORDER = {name: place for place, name in enumerate(KINDS)}
MOST_RELATIVE = Decimal(10)
MOST = {"USD m": Decimal(20_000_000), "days": Decimal(3650), "bp": Decimal(10_000)}


def checked(shock: Shock) -> Shock:
    """The shock, if it can be; raises ShockError with a sentence."""
    kind = KINDS.get(shock.kind)
    if kind is None:
        raise ShockError(f"There is no shock {shock.kind[:40]!r}.")
    if shock.mode not in kind.modes:
        raise ShockError(f"{kind.label} can only be moved {' or '.join(kind.modes)}.")
    if not shock.value.is_finite():
        raise ShockError(f"{kind.label}: a number is needed.")
    if shock.mode == "relative":
        if not kind.low <= shock.value <= MOST_RELATIVE:
            raise ShockError(
                f"{kind.label}: a fraction from {kind.low} to {MOST_RELATIVE}; -0.2 is 20 % less."
            )
    elif abs(shock.value) > MOST[kind.unit] or (kind.low == 0 and shock.value < 0):
        word = "from 0" if kind.low == 0 else f"from -{MOST[kind.unit]}"
        raise ShockError(f"{kind.label}: {word} to {MOST[kind.unit]} {kind.unit}.")
    return shock
