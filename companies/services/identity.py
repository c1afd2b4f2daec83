"""One company at a time: made, and changed by people who may have read an older state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from companies import selectors
from companies.cleaning import Cleaned, Fault, clean
from companies.models import Company
from tenants.kernel import audit
from tenants.kernel.console_forms import plain
from tenants.kernel.errors import Absent, Conflict, InvalidInput
from tenants.kernel.etags import ANY_STATE, Precondition
from tenants.kernel.request import Actor

# What the platform says of a company that follows one of its own; the rest is the organization's.
IDENTITY = (
    *("name", "legal_form", "country", "sector", "industry", "ticker", "exchange", "cik", "lei"),
    *("national_id", "currency", "fiscal_year_end", "market_cap", "market_cap_currency", "market_cap_on"),
)
# Unique in an organization, by constraint.
_ONCE = {
    "company_symbol_once": ("symbol", "There is a company of this symbol already."),
    "company_lei_once": ("lei", "Another company has this LEI."),
    "company_cik_once": ("cik", "Another company has this CIK."),
    "company_tracked_once": ("reference_id", "Your organization tracks this company already."),
}


@transaction.atomic
def company_create(*, values: Mapping[str, Any], organization_id: UUID, actor: Actor) -> Company:
    """Make a company of what is said of it (the names of ``companies.cleaning.EDITABLE``, and ``custom``).

    Raises InvalidInput with every faulty field, Conflict ``duplicate_company`` with ``company_id`` where the
    organization has one of this symbol, LEI or CIK.
    """
    definitions = selectors.custom_fields_by_name()
    cleaned = clean(values, definitions=definitions, creating=True)
    refuse(cleaned.faults)
    company = Company(
        organization_id=organization_id,
        custom={name: value for name, value in cleaned.custom.items() if value is not None},
        created_by_id=actor.user_id,
        **cleaned.values,
    )
    save_once(company)
    changes = {"symbol": company.symbol, "name": company.name}
    audit.record("companies.company.created", on=company, changes=changes, actor=actor)
    return company


@transaction.atomic
def company_update(
    *, company: Company, values: Mapping[str, Any], expected: Precondition = ANY_STATE, actor: Actor
) -> Company:
    """Change what is said, and nothing else; an empty value empties its field. Own fields come one by one.

    Raises Stale where the row is in another state than the caller saw, InvalidInput with every faulty
    field, Conflict ``duplicate_company`` and ``follows_global``.
    """
    row = locked(company.id)
    expected.check(row)
    cleaned = clean(values, definitions=selectors.custom_fields_by_name(), country=row.country)
    refuse(cleaned.faults)
    if row.reference_id is not None:
        foreign = [name for name in IDENTITY if name in cleaned.values]
        if any(cleaned.values[name] != getattr(row, name) for name in foreign):
            raise Conflict(
                "This company follows the platform's data; untrack it to change who it is.",
                code="follows_global",
            )
    if changes := apply(row, cleaned):
        save_once(row, fields=changes)
        audit.record("companies.company.changed", on=row, changes=changes, actor=actor)
    return row


def locked(company_id: UUID) -> Company:
    """The company under a lock that lets statements and scores refer to it; raises Absent."""
    row: Company | None = Company.objects.select_for_update(no_key=True).filter(id=company_id).first()
    if row is None:
        raise Absent()
    return row


def refuse(faults: list[Fault]) -> None:
    """Raise InvalidInput where there is a fault."""
    if faults:
        first = faults[0]
        raise InvalidInput(f"{first.field}: {first.detail}"[:200], errors=[f.as_error() for f in faults])


def apply(company: Company, cleaned: Cleaned, *, gaps_only: bool = False) -> dict[str, list[Any]]:
    """Put cleaned values on the row; tells each field's value before and after. ``gaps_only`` fills what
    is empty and leaves the rest."""
    changes: dict[str, list[Any]] = {}
    for name, value in cleaned.values.items():
        before = getattr(company, name)
        if value == before or (gaps_only and before not in (None, "", [])):
            continue
        setattr(company, name, value)
        changes[name] = [plain(before), plain(value)]
    custom = dict(company.custom)
    for name, value in cleaned.custom.items():
        before = custom.get(name)
        if value == before or (gaps_only and before is not None):
            continue
        if value is None:
            custom.pop(name, None)
        else:
            custom[name] = value
        changes[f"custom.{name}"] = [before, value]
    company.custom = custom
    if changes:
        company.version += 1
        company.updated_at = timezone.now()
    return changes


def columns(changes: Mapping[str, Any]) -> list[str]:
    """The columns that changed fields stand in, with the marks of every change."""
    names = {"custom" if name.startswith("custom.") else name for name in changes}
    return sorted(names | {"version", "updated_at"})


def save_once(company: Company, *, fields: Mapping[str, Any] | None = None) -> None:
    """Save, and say as a Conflict what is there already."""
    try:
        with transaction.atomic():
            company.save(update_fields=columns(fields) if fields is not None else None)
    except IntegrityError as error:
        name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
        if name not in _ONCE:
            raise
        field, detail = _ONCE[name]
        others = Company.objects.filter(organization_id=company.organization_id)
        other = others.filter(**{field: getattr(company, field)}).exclude(id=company.id).first()
        raise Conflict(
            detail,
            code="duplicate_company",
            company_id=str(other.id) if other else None,
            errors=[{"pointer": f"/{field}", "code": "duplicate", "detail": detail}],
        ) from None
