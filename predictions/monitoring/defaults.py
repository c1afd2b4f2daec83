"""Outcomes that follow from a company's state: marked as defaulted, its default is one.

Named in COMPANY_DEFAULTS: whoever changes the state has it done in the same transaction.
"""

from __future__ import annotations

from datetime import date
from typing import Final
from uuid import UUID

from django.db import transaction

from companies.models import Company, CompanyState, DefaultKind
from predictions.monitoring.models import Outcome, OutcomeKind
from tenants.kernel import audit
from tenants.kernel.request import Actor

SOURCE: Final = "state of the company"
_KINDS: Final = {
    DefaultKind.CHAPTER_7: OutcomeKind.BANKRUPTCY,
    DefaultKind.CHAPTER_11: OutcomeKind.BANKRUPTCY,
    DefaultKind.BANKRUPTCY: OutcomeKind.BANKRUPTCY,
    DefaultKind.PAYMENT: OutcomeKind.PAYMENT_DEFAULT,
    DefaultKind.EXCHANGE: OutcomeKind.DISTRESSED_EXCHANGE,
    DefaultKind.OTHER: OutcomeKind.UNLIKELY_TO_PAY,
}


@transaction.atomic
def default_note(*, company_id: UUID, actor: Actor) -> bool:
    """Record the outcome of a company that is marked as defaulted; an outcome of that day stays as it is.

    Tells whether one was recorded. Safe to run twice.
    """
    company = Company.objects.select_for_update(no_key=True).filter(id=company_id).first()
    if company is None or company.state != CompanyState.DEFAULTED:
        return False
    outcome, fresh = Outcome.objects.get_or_create(
        company=company,
        occurred_on=company.defaulted_on,
        defaults={
            "organization_id": company.organization_id,
            "kind": _KINDS[DefaultKind(company.default_kind)]
            if company.default_kind
            else OutcomeKind.UNLIKELY_TO_PAY,
            "source": SOURCE,
            "created_by_id": actor.user_id,
        },
    )
    if fresh:
        changes = {"company": company.symbol, "source": SOURCE}
        audit.record("monitoring.outcome.recorded", on=outcome, changes=changes, actor=actor)
    return bool(fresh)


@transaction.atomic
def default_forget(*, company_id: UUID, occurred_on: date, actor: Actor) -> bool:
    """Remove the outcome that a mistaken state has left; what somebody recorded himself stays."""
    rows = Outcome.objects.filter(company_id=company_id, occurred_on=occurred_on, source=SOURCE)
    outcome = rows.select_for_update(of=("self",)).first()
    if outcome is None or Company.objects.filter(id=company_id, defaulted_on=occurred_on).exists():
        return False
    audit.record(
        "monitoring.outcome.removed", on=outcome, changes={"reason": "marked by mistake"}, actor=actor
    )
    outcome.delete()
    return True
