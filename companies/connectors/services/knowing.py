"""The companies that documents are about: found by their identifiers, or made; and their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from companies.connectors.base import DefaultFound, Refused
from companies.models import Company, CompanyState, DefaultKind
from companies.services import companies_upsert, company_default
from tenants.kernel.errors import InvalidInput
from tenants.kernel.request import Actor

# Without these a row leads to no company; any other fault costs its own field only.
_NEEDED = frozenset({"symbol", "cik"})


@dataclass(slots=True)
class Known:
    """Companies by the connector's key, and what became of them."""

    companies: dict[str, Company] = field(default_factory=dict)
    new: int = 0
    changed: int = 0
    refused: list[Refused] = field(default_factory=list)


def companies_known(
    *, rows: Mapping[str, Mapping[str, Any]], gaps_only: bool, organization_id: UUID, actor: Actor
) -> Known:
    """Find or make the company of each row. A field that is refused is told of, and the row goes on without.

    With ``gaps_only`` a company that is known only learns what it lacks: an old document says what was true
    then.
    """
    known = Known()
    prepared = _prepared(rows, gaps_only=gaps_only, organization_id=organization_id)
    left = dict(prepared)
    for _ in range(2):
        if not left:
            break
        outcomes = companies_upsert(rows=list(left.values()), organization_id=organization_id, actor=actor)
        again: dict[str, dict[str, Any]] = {}
        for (key, row), outcome in zip(left.items(), outcomes, strict=True):
            if outcome.company is not None:
                known.companies[key] = outcome.company
                known.new += outcome.outcome == "created"
                known.changed += outcome.outcome == "updated"
                continue
            for fault in outcome.faults:
                known.refused.append(Refused(f"{row['symbol']}, {fault.field}", fault.code, fault.detail))
            wrong = {fault.field for fault in outcome.faults}
            if not wrong & _NEEDED:
                again[key] = {name: value for name, value in row.items() if name not in wrong}
        left = again
    return known


def _prepared(
    rows: Mapping[str, Mapping[str, Any]], *, gaps_only: bool, organization_id: UUID
) -> dict[str, dict[str, Any]]:
    """The rows as they are to be taken over."""
    companies = Company.objects.filter(organization_id=organization_id)
    ciks = [row["cik"] for row in rows.values() if row.get("cik")]
    symbols = [row["symbol"] for row in rows.values()]
    by_cik = {company.cik: company for company in companies.filter(cik__in=ciks)} if ciks else {}
    by_symbol = {company.symbol: company for company in companies.filter(symbol__in=symbols)}
    prepared = {}
    for key, row in rows.items():
        row = dict(row)
        cik = row.get("cik", "")
        namesake = by_symbol.get(row["symbol"])
        if cik and namesake is not None and namesake.cik not in {"", cik}:
            # The ticker went to another company since.
            row["symbol"] = f"CIK{cik}"
        company = by_cik.get(cik) or by_symbol.get(row["symbol"])
        if gaps_only and company is not None:
            row = {
                name: value
                for name, value in row.items()
                if name in _NEEDED or not getattr(company, "sector" if name == "sic" else name)
            }
        prepared[key] = row
    return prepared


def default_mark(*, company: Company, found: DefaultFound, actor: Actor) -> bool:
    """Mark a company as defaulted; tells whether that was new. A later default replaces an earlier one."""
    if company.state == CompanyState.MERGED:
        return False
    known_on = company.defaulted_on if company.state == CompanyState.DEFAULTED else None
    if known_on is not None and known_on >= found.on:
        return False
    try:
        company_default(company=company, occurred_on=found.on, kind=DefaultKind(found.kind), actor=actor)
    except InvalidInput:  # a day that cannot be
        return False
    return True
