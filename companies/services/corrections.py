"""A statement that was entered by mistake is taken out of sight; it stays, with who did it and why."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from companies.models import Company, Statement
from companies.services.statements import scores_ask, trailing_refresh
from tenants.kernel import audit
from tenants.kernel.errors import Absent, Conflict
from tenants.kernel.request import Actor


@transaction.atomic
def statement_delete(*, statement: Statement, reason: str, actor: Actor) -> Statement | None:
    """Take a version out of sight; tells the version of its period that holds now, or None.

    The latest version that is left becomes the current one, and whatever looked at this one is scored anew.
    What is derived from quarters follows them and is not deleted by hand: Conflict.
    """
    # Every writer of statements and scores locks the company first.
    company = Company.objects.select_for_update(no_key=True).filter(id=statement.company_id).first()
    row = Statement.objects.filter(id=statement.id).first()
    if company is None or row is None:
        raise Absent()
    if row.source_kind == "derived":
        raise Conflict("It follows from its quarters: correct those.", code="derived_statement")
    was_current = row.current
    row.current, row.deleted_at, row.deleted_by_id = False, timezone.now(), actor.user_id
    row.delete_reason = reason
    row.save(update_fields=["current", "deleted_at", "deleted_by_id", "delete_reason"])
    audit.record(
        "companies.statement.deleted",
        on=row,
        changes={"version": row.version, "reason": reason},
        actor=actor,
    )
    rest = Statement.objects.filter(
        company=company, kind=row.kind, fiscal_year=row.fiscal_year, fiscal_quarter=row.fiscal_quarter
    ).order_by("-version")
    now: Statement | None = rest.first()
    if was_current:
        if now is not None:
            now.current = True
            now.save(update_fields=["current"])
        trailing_refresh([row], organization_id=company.organization_id, actor=actor)
        scores_ask([company.id], organization_id=company.organization_id, actor=actor)
    return now
