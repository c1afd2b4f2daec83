"""From a request's flat body to what is scored: units, impossible values, what is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from companies.services import CompanyFacts, money
from companies.sheets.units import unit_factor
from ml.features import LARGEST_AMOUNT, LINE_ITEMS
from ml.features import RATIOS as RATIO_TABLE
from predictions.services.scoring import RATIOS, Inputs, ScoreRequest
from tenants.kernel.errors import InvalidInput

# Millions of US dollars (10 trillion): a market capitalisation beyond is a placeholder.
LARGEST_MARKET_CAP = 1.0e7
MOST_FAULTS = 100


def _fault(pointer: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "detail": detail}


def _ratio_faults(ratios: Mapping[str, float]) -> list[dict[str, str]]:
    faults = []
    for name, value in ratios.items():
        ratio = RATIO_TABLE[name]
        if not math.isfinite(value) or not ratio.low <= value <= ratio.high:
            limits = f"between {ratio.low:g} and {ratio.high:g} {ratio.unit}"
            faults.append(_fault(f"/{name}", "impossible_value", f"A possible value is {limits}."))
    return faults


def _amounts(
    given: Mapping[str, float], factor: float, pointer: str
) -> tuple[dict[str, float], list[dict[str, str]]]:
    amounts, faults = {}, []
    for name, value in given.items():
        item = LINE_ITEMS.get(name)
        if item is None:
            shown = name.encode("ascii", "replace").decode()[:60]
            faults.append(_fault(f"{pointer}/{shown}", "unknown_item", "There is no such line item."))
            continue
        amount = value * factor
        if not math.isfinite(amount) or abs(amount) > LARGEST_AMOUNT:
            faults.append(_fault(f"{pointer}/{name}", "impossible_value", "No company has such an amount."))
        elif (item.sign == "non_negative" and amount < 0) or (item.sign == "positive" and amount <= 0):
            word = "positive" if item.sign == "positive" else "zero or more"
            faults.append(_fault(f"{pointer}/{name}", "impossible_value", f"{item.label} must be {word}."))
        else:
            amounts[name] = amount
    return amounts, faults


def request_from_body(kind: str, body: Mapping[str, Any]) -> ScoreRequest:
    """A scoring request from validated JSON; raises InvalidInput that names every impossible field.

    Amounts come in ``unit`` of ``currency`` and are scored in millions of US dollars, so statements in
    another currency need ``fx_to_usd``. Ratios have no currency.
    """
    ratios = {n: float(body[n]) for n in RATIOS[kind] if body.get(n) is not None}  # type: ignore[index]
    faults = _ratio_faults(ratios)
    currency = (body.get("currency") or "USD").upper()
    rate = float(body["fx_to_usd"]) if body.get("fx_to_usd") else 1.0
    statement_given = {k: v for k, v in (body.get("statement") or {}).items() if v is not None}
    if statement_given and currency != "USD" and not body.get("fx_to_usd"):
        detail = "Say how many US dollars one unit of the currency is worth."
        faults.append(_fault("/fx_to_usd", "required", detail))
    factor = (unit_factor(body.get("unit") or "millions") or 1_000_000) / 1e6 * rate
    statement, more = _amounts(statement_given, factor, "/statement")
    faults += more
    prior = []
    for position, period in enumerate(body.get("prior") or []):
        known = {k: v for k, v in period.items() if v is not None}
        amounts, more = _amounts(known, factor, f"/prior/{position}")
        prior.append(amounts)
        faults += more
    warnings = []
    market_cap = float(body["market_cap"]) if body.get("market_cap") is not None else None
    # The limit is one in dollars: of a currency without a rate nothing is known.
    in_dollars = market_cap * rate if market_cap and (currency == "USD" or body.get("fx_to_usd")) else 0.0
    if in_dollars > LARGEST_MARKET_CAP:
        text = "Above 10 trillion US dollars: taken as missing."
        warnings.append({"column": "market_cap", "code": "impossible_value", "message": text})
        market_cap = None
    if market_cap is not None and statement:
        statement.setdefault("market_cap", market_cap * rate)
    if not faults and not ratios and not statement:
        faults.append(_fault("", "no_inputs", "At least one ratio or line item is needed."))
    if faults:
        raise InvalidInput(errors=faults[:MOST_FAULTS])
    quarter = body.get("reporting_quarter") or ""
    return ScoreRequest(
        company=CompanyFacts(
            symbol=body["company_symbol"],
            name=body.get("company_name") or "",
            sector=body.get("sector") or "",
            market_cap=money(market_cap),
            currency=(body.get("currency") or "").upper(),
        ),
        fiscal_year=int(body["reporting_year"]),
        fiscal_quarter=int(quarter[1]) if kind == "quarterly" else None,
        quarter_label=quarter if kind == "annual" else "",
        inputs=Inputs(ratios=ratios, statement=statement, prior=tuple(prior)),
        warnings=tuple(warnings),
    )
