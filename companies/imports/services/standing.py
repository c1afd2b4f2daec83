"""How a company stands and is rated, where a file says it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from companies.models import Company, CompanyState
from tenants.kernel import audit
from tenants.kernel.request import Actor

STANDING: Final = ("state", "defaulted_on", "default_kind", "internal_rating")


def standing_learn(*, company: Company, said: Mapping[str, Any], gaps_only: bool, actor: Actor) -> bool:
    """Write state, default and internal rating where the row says another one; tells whether it did."""
    told = {name: said[name] for name in STANDING if said.get(name)}
    if not told:
        return False
    if "defaulted_on" in told:
        told["defaulted_on"] = date.fromisoformat(told["defaulted_on"])
        told.setdefault("state", CompanyState.DEFAULTED)
    changes = {}
    for name, value in told.items():
        before = getattr(company, name)
        known = before not in (None, "", CompanyState.ALIVE)
        if value == before or (gaps_only and known):
            continue
        changes[name] = [str(before or ""), str(value)]
        setattr(company, name, value)
    if not changes:
        return False
    if told.get("state") == CompanyState.ALIVE and company.defaulted_on is not None:
        changes["defaulted_on"] = [str(company.defaulted_on), ""]
        company.defaulted_on, company.default_kind = None, ""
    company.version += 1
    company.save(update_fields=[*STANDING, "version", "updated_at"])
    audit.record("companies.company.changed", on=company, changes=changes, actor=actor)
    return True
