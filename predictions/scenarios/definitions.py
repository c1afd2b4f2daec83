"""A scenario as data: read, checked and brought to a company's sector; and those that are shipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from ml.scenario import KINDS, Assumptions, Shock, ShockError, checked
from tenants.kernel.errors import InvalidInput

MOST_SHOCKS = 20
MOST_FACTOR = Decimal(5)
RULES = tuple(part.name for part in fields(Assumptions))


@dataclass(frozen=True)
class Definition:
    """Shocks, the rules by which the rest follows, and how much harder a sector is hit."""

    shocks: tuple[Shock, ...]
    assumptions: Assumptions = field(default_factory=Assumptions)
    sector_factors: Mapping[str, Decimal] = field(default_factory=dict)

    def for_sector(self, sector: str) -> tuple[Shock, ...]:
        """The shocks as they hit a sector; never beyond what can be."""
        factor = self.sector_factors.get(sector.strip().lower())
        if factor is None:
            return self.shocks
        return tuple(_bounded(shock.scaled(factor)) for shock in self.shocks)

    def as_json(self) -> dict[str, Any]:
        return {
            "shocks": [{"kind": s.kind, "mode": s.mode, "value": float(s.value)} for s in self.shocks],
            "assumptions": {name: float(getattr(self.assumptions, name)) for name in RULES},
            "sector_factors": {name: float(factor) for name, factor in self.sector_factors.items()},
        }


def _bounded(shock: Shock) -> Shock:
    if shock.mode == "relative" and shock.value < KINDS[shock.kind].low:
        return Shock(shock.kind, shock.mode, KINDS[shock.kind].low)
    if shock.kind.startswith("write_down_") and shock.mode == "relative":
        return Shock(shock.kind, shock.mode, min(shock.value, Decimal(1)))
    return shock


def definition_read(given: Mapping[str, Any]) -> Definition:
    """A definition from JSON; raises InvalidInput that names every place that cannot be."""
    faults: list[dict[str, str]] = []
    shocks = []
    listed = list(given.get("shocks") or [])
    if not listed:
        faults.append(_fault("/shocks", "required", "At least one shock is needed."))
    if len(listed) > MOST_SHOCKS:
        faults.append(_fault("/shocks", "too_many", f"Up to {MOST_SHOCKS} shocks are taken."))
    for place, row in enumerate(listed[:MOST_SHOCKS]):
        try:
            shocks.append(checked(Shock(str(row["kind"]), row["mode"], _number(row["value"]))))
        except (ShockError, KeyError, TypeError, InvalidOperation) as error:
            text = str(error) if isinstance(error, ShockError) else "kind, mode and value are needed."
            faults.append(_fault(f"/shocks/{place}", "impossible_shock", text))
    rules = _rules(given.get("assumptions") or {}, faults)
    factors = _factors(given.get("sector_factors") or {}, faults)
    if faults:
        raise InvalidInput(errors=faults)
    return Definition(tuple(shocks), rules, factors)


def rules_read(given: Mapping[str, Any]) -> Assumptions:
    """The rules from JSON; what is not said is as usual. Raises InvalidInput."""
    faults: list[dict[str, str]] = []
    rules = _rules(given, faults)
    if faults:
        raise InvalidInput(errors=faults)
    return rules


def _rules(given: Mapping[str, Any], faults: list[dict[str, str]]) -> Assumptions:
    wanted = {}
    for name, value in given.items():
        try:
            number = _number(value)
        except (InvalidOperation, TypeError):
            number = Decimal(-1)
        if name not in RULES:
            faults.append(_fault(f"/assumptions/{name[:60]}", "unknown_rule", "There is no such rule."))
        elif not 0 <= number <= 1:
            faults.append(_fault(f"/assumptions/{name}", "impossible_value", "A fraction from 0 to 1."))
        else:
            wanted[name] = number
    return Assumptions(**wanted)


def _factors(given: Mapping[str, Any], faults: list[dict[str, str]]) -> dict[str, Decimal]:
    found = {}
    for sector, value in given.items():
        try:
            factor = _number(value)
        except (InvalidOperation, TypeError):
            factor = Decimal(-1)
        if not 0 <= factor <= MOST_FACTOR:
            text = f"A factor from 0 to {MOST_FACTOR}."
            faults.append(_fault(f"/sector_factors/{sector[:60]}", "impossible_value", text))
        found[sector.strip().lower()] = factor
    return found


def _number(value: Any) -> Decimal:
    number = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    if not number.is_finite():
        raise InvalidOperation
    return number


def _fault(pointer: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "detail": detail}


@dataclass(frozen=True)
class Shipped:
    """A macro scenario of the platform."""

    key: str
    name: str
    description: str
    definition: Definition


def _shipped(
    key: str,
    name: str,
    description: str,
    shocks: dict[str, tuple[str, str]],
    rules: dict[str, str] | None = None,
    factors: dict[str, str] | None = None,
) -> Shipped:
    listed = tuple(
        checked(Shock(kind, "relative" if mode == "x" else "absolute", Decimal(value)))
        for kind, (mode, value) in shocks.items()
    )
    assumptions = Assumptions(**{rule: Decimal(value) for rule, value in (rules or {}).items()})
    hits = {sector.lower(): Decimal(value) for sector, value in (factors or {}).items()}
    return Shipped(key, name, description, Definition(listed, assumptions, hits))


_CYCLICAL = {
    "Consumer Cyclical": "1.4", "Industrials": "1.2", "Basic Materials": "1.2", "Real Estate": "1.2",
    "Technology": "1.1", "Utilities": "0.4", "Consumer Defensive": "0.4", "Healthcare": "0.4",
}  # fmt: skip


@cache
def shipped() -> dict[str, Shipped]:
    """The platform's own scenarios by key. Their sizes are assumptions, stated in docs/analysis.md."""
    rows = (
        _shipped(
            "mild_recession", "Mild recession",
            "A year of weak demand: sales fall by 8 %, customers pay 5 days later, 2 % of receivables are "
            "lost, shares lose 15 %. Rates fall by half a point. Cyclical sectors are hit harder.",
            {"sales": ("x", "-0.08"), "receivable_days": ("d", "5"), "write_down_receivables": ("x", "0.02"),
             "interest_rate": ("b", "-50"), "market_value": ("x", "-0.15")}, None, _CYCLICAL,
        ),
        _shipped(
            "severe_recession", "Severe recession",
            "A deep and long downturn: sales fall by 20 %, less of the costs can be saved, customers pay 15 "
            "days later, 6 % of receivables and 10 % of stock are lost, fixed assets lose 5 %, shares 45 %, "
            "and refinancing costs 150 basis points more.",
            {"sales": ("x", "-0.20"), "receivable_days": ("d", "15"),
             "write_down_receivables": ("x", "0.06"), "write_down_inventory": ("x", "0.10"),
             "write_down_fixed_assets": ("x", "0.05"), "interest_rate": ("b", "150"),
             "market_value": ("x", "-0.45")},
            {"variable_cost_share": "0.65", "variable_overhead_share": "0.15"}, _CYCLICAL,
        ),
        _shipped(
            "rate_shock", "Rate shock",
            "Rates rise by 300 basis points on the floating seven tenths of debt; dearer money costs 3 % of "
            "sales and 20 % of the shares' value. Real estate and utilities, which live on debt, are hit "
            "harder.",
            {"interest_rate": ("b", "300"), "sales": ("x", "-0.03"), "market_value": ("x", "-0.20")},
            {"floating_share": "0.7"}, {"Real Estate": "1.5", "Utilities": "1.3", "Technology": "0.9"},
        ),
        _shipped(
            "cost_shock", "Energy and cost shock",
            "Inputs cost 12 % more, other operations 5 %; half of it is passed on to customers within the "
            "year, who buy 3 % less. Stock is 10 days higher for fear of shortages. Producers of energy gain "
            "rather than lose: they are left out.",
            {"cost_of_goods_sold": ("x", "0.12"), "operating_costs": ("x", "0.05"), "sales": ("x", "-0.03"),
             "inventory_days": ("d", "10"), "market_value": ("x", "-0.10")},
            {"pass_through": "0.5"},
            {"Energy": "0", "Basic Materials": "1.3", "Industrials": "1.2", "Utilities": "1.2",
             "Technology": "0.5", "Financial Services": "0.3", "Communication Services": "0.5"},
        ),
        _shipped(
            "credit_crunch", "Credit crunch",
            "Short-term lenders withdraw: a quarter of short-term debt must be repaid, suppliers want their "
            "money 10 days sooner, customers pay 10 days later, and what is borrowed anew costs 400 basis "
            "points more on all debt. Shares lose 25 %.",
            {"short_term_debt": ("x", "-0.25"), "payable_days": ("d", "-10"),
             "receivable_days": ("d", "10"), "interest_rate": ("b", "400"), "market_value": ("x", "-0.25")},
            {"new_debt_rate": "0.12"},
        ),
        _shipped(
            "stagflation", "Stagflation",
            "Prices and rates rise while demand falls: inputs cost 8 % more and a third is passed on, sales "
            "fall by 6 %, rates rise by 250 basis points, shares lose 30 %.",
            {"sales": ("x", "-0.06"), "cost_of_goods_sold": ("x", "0.08"), "operating_costs": ("x", "0.06"),
             "interest_rate": ("b", "250"), "market_value": ("x", "-0.30")},
            {"pass_through": "0.33"}, {"Energy": "0.3", "Consumer Cyclical": "1.2"},
        ),
    )  # fmt: skip
    return {row.key: row for row in rows}
