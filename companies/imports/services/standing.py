"""How a company stands and is rated, where a file says it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from companies import services
from companies.models import Company, CompanyState, DefaultKind
from tenants.kernel.request import Actor

STANDING: Final = ("state", "defaulted_on", "default_kind", "internal_rating")
# What the history of ratings and states says of such a change.
REASON: Final = "Said by an imported file."


def standing_learn(*, company: Company, said: Mapping[str, Any], gaps_only: bool, actor: Actor) -> bool:
    """Default, revive and rate the company as the row says; tells whether anything changed.

    With ``gaps_only`` a company that stands defaulted or is rated already stays as it is.
    """
    changed = False
    if day := said.get("defaulted_on"):
        kind = said.get("default_kind") or company.default_kind or DefaultKind.OTHER
        told = (CompanyState.DEFAULTED, date.fromisoformat(day), kind)
        stands = (company.state, company.defaulted_on, company.default_kind)
        if told != stands and not (gaps_only and company.state == CompanyState.DEFAULTED):
            services.company_default(company=company, occurred_on=told[1], kind=kind, actor=actor)
            changed = True
    elif (
        said.get("state") == CompanyState.ALIVE and company.state == CompanyState.DEFAULTED and not gaps_only
    ):
        services.company_revive(company=company, reason=REASON, actor=actor)
        changed = True
    rating = " ".join(str(said.get("internal_rating") or "").split())
    if rating and rating != company.internal_rating and not (gaps_only and company.internal_rating):
        services.company_rate(company=company, rating=rating, reason=REASON, actor=actor)
        changed = True
    return changed
