"""Checks of the amounts of one statement: what cannot be, and what does not add up."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from companies.quality.frames import ITEMS, Array, Books
from companies.quality.limits import LARGEST_OTHER, LARGEST_USD, RATIO_BOUNDS
from companies.quality.naming import amount, label, named
from companies.sheets.plausibility import is_sentinel
from ml.features import LINE_ITEMS
from ml.features.arithmetic import percent, ratio

Hit = tuple[str, int, float, tuple[str, ...], str]
"""Check, position, measure, items, message."""


def amounts(books: Books) -> Iterator[Hit]:
    """Amounts that are no amounts: missing altogether, of an impossible sign, placeholders, too large."""
    for at in np.flatnonzero(np.isnan(books.now).all(axis=0)).tolist():
        yield "no_amounts", at, 1.0, (), "The statement has no amount."
    currency = np.array([case.now.currency == "USD" for case in books.cases], dtype=bool)
    largest = np.where(currency, LARGEST_USD, LARGEST_OTHER)
    with np.errstate(invalid="ignore"):
        too_large = np.abs(books.now) > largest
        suspicious = (np.abs(books.now) >= 998.0) & (np.mod(np.abs(books.now), 10.0) >= 9.0)
    for row, at in zip(*np.nonzero(too_large), strict=True):
        name, value = ITEMS[row], books.now[row, at]
        yield "too_large", int(at), 1.0, (name,), f"{label(name)} of {amount(value)} is no company's amount."
    for row, at in zip(*np.nonzero(suspicious & ~too_large), strict=True):
        name, value = ITEMS[row], float(books.now[row, at])
        if is_sentinel(value, amount=True):
            yield "placeholder", int(at), 1.0, (name,), f"{label(name)} of {amount(value)} is a placeholder."
    for name, item in LINE_ITEMS.items():
        values = books[name]
        if item.sign == "any":
            continue
        with np.errstate(invalid="ignore"):
            wrong = values <= 0 if item.sign == "positive" else values < 0
        word = "positive" if item.sign == "positive" else "zero or more"
        for at in np.flatnonzero(wrong).tolist():
            text = f"{label(name)} must be {word}, not {amount(values[at])}."
            yield "impossible_sign", at, 1.0, (name,), text


def _scale(gap: Array, slack: Array, whole: Array) -> Array:
    """A gap beyond rounding in percent of the whole; NaN unless the whole is positive."""
    return percent(np.maximum(gap - slack, 0.0), whole)


def sums(books: Books) -> Iterator[Hit]:
    """Totals that are not the sum of their parts."""
    b = books
    equity = np.where(np.isnan(b["total_equity"]), b["common_equity"], b["total_equity"])
    debts = b["total_long_term_debt"] + b["short_term_debt"]
    rows: tuple[tuple[str, Array, Array, Array], ...] = (
        ("balance_off", b["total_assets"], b["total_liabilities"] + equity, b["total_assets"]),
        ("debt_parts_off", b["total_debt"], debts, np.maximum(b["total_debt"], debts)),
        ("gross_profit_off", b["gross_profit"], b["net_sales"] - b["cost_of_goods_sold"], b["net_sales"]),
        ("ebitda_off", b["ebitda"], b["ebit"] + b["depreciation_amortization"], b["net_sales"]),
        ("operating_expenses_off", b["ebitda"], b["net_sales"] - b["total_operating_expenses"],
         b["net_sales"]),
        ("tax_off", b["continuing_income"], b["pretax_income"] - b["income_tax"], b["net_sales"]),
    )  # fmt: skip
    words = {
        "balance_off": "liabilities and equity",
        "debt_parts_off": "long-term and short-term debt",
        "gross_profit_off": "net sales less cost of goods sold",
        "ebitda_off": "EBIT and depreciation",
        "operating_expenses_off": "net sales less operating expenses",
        "tax_off": "pre-tax income less tax",
    }
    firsts = {
        "balance_off": "total_assets", "debt_parts_off": "total_debt", "gross_profit_off": "gross_profit",
        "ebitda_off": "ebitda", "operating_expenses_off": "ebitda", "tax_off": "continuing_income",
    }  # fmt: skip
    for code, total, parts, whole in rows:
        measure = _scale(np.abs(total - parts), b.slack, whole)
        for at in _positive(measure):
            text = (
                f"{label(firsts[code])} of {amount(total[at])} and {words[code]} of {amount(parts[at])} "
                f"differ by {amount(abs(total[at] - parts[at]))} ({measure[at]:.1f} %)."
            )
            yield code, at, float(measure[at]), (), text


def parts(books: Books) -> Iterator[Hit]:
    """Parts that are larger than what they are a part of."""
    b = books
    noncurrent = np.maximum(b["total_liabilities"] - b["total_current_liabilities"], 0.0)
    rows: tuple[tuple[str, Array, Array], ...] = (
        ("current_assets_above_total", b["current_assets"], b["total_assets"]),
        ("current_liabilities_above_total", b["total_current_liabilities"], b["total_liabilities"]),
        ("fixed_and_current_above_total", b["net_fixed_assets"] + b["current_assets"], b["total_assets"]),
        ("current_parts_above_whole", b["inventory"] + b["total_receivables"], b["current_assets"]),
        ("cash_above_current_assets", b["cash"], b["current_assets"]),
        ("long_debt_above_noncurrent", b["total_long_term_debt"], noncurrent),
        ("debt_above_liabilities", b["total_debt"], b["total_liabilities"]),
        ("short_debt_above_current", b["short_term_debt"], b["total_current_liabilities"]),
        ("payables_above_current", b["accounts_payable"], b["total_current_liabilities"]),
        ("amortization_above_total", b["amortization"], b["depreciation_amortization"]),
        ("gross_profit_above_sales", b["gross_profit"], b["net_sales"]),
    )
    for code, part, whole in rows:
        over = np.maximum(part - whole - b.slack, 0.0)
        # A part of nothing is all of it.
        measure = np.where((whole <= 0) & (over > 0), 1e6, percent(over, whole))
        for at in _positive(measure):
            yield (
                code,
                at,
                float(measure[at]),
                (),
                f"{named(code)}: {amount(part[at])} to {amount(whole[at])}.",
            )
    measure = percent(b["net_income"], b["net_sales"])
    for at in _positive(measure):
        text = f"Net income of {amount(b['net_income'][at])} on net sales of {amount(b['net_sales'][at])}."
        yield "income_above_sales", at, float(measure[at]), (), text


def ratios(books: Books) -> Iterator[Hit]:
    """Ratios outside what a company can have, or nearly ever has."""
    b = books
    debt = np.where(np.isnan(b["total_debt"]), b["total_long_term_debt"], b["total_debt"])
    rows = {
        "return_on_assets": (percent(b["net_income"], b["total_assets"]), ("net_income", "total_assets")),
        "net_income_margin": (percent(b["net_income"], b["net_sales"]), ("net_income", "net_sales")),
        "gross_margin": (percent(b["gross_profit"], b["net_sales"]), ("gross_profit", "net_sales")),
        "asset_turnover": (ratio(b["net_sales"], b["total_assets"]), ("net_sales", "total_assets")),
        "liabilities_to_assets": (
            percent(b["total_liabilities"], b["total_assets"]),
            ("total_liabilities", "total_assets"),
        ),
        "current_ratio": (
            ratio(b["current_assets"], b["total_current_liabilities"]),
            ("current_assets", "total_current_liabilities"),
        ),
        "days_sales_outstanding": (
            365.0 * ratio(b["total_receivables"], b["net_sales"]),
            ("total_receivables", "net_sales"),
        ),
        "interest_to_debt": (percent(b["interest_expense"], debt), ("interest_expense", "total_debt")),
    }
    for name, (values, items) in rows.items():
        low, high, rare_low, rare_high = RATIO_BOUNDS[name]
        with np.errstate(invalid="ignore"):
            impossible = (values < low) | (values > high)
            rare = ((values < rare_low) | (values > rare_high)) & ~impossible
        for mask, code in ((impossible, "impossible_ratio"), (rare, "unlikely_ratio")):
            for at in np.flatnonzero(mask).tolist():
                text = f"{name.replace('_', ' ').capitalize()} of {values[at]:,.1f}."
                yield code, at, 1.0, items, text


def _positive(measure: Array) -> list[int]:
    with np.errstate(invalid="ignore"):
        found: list[int] = np.flatnonzero(measure > 0).tolist()
    return found
