"""Writes to companies and their statements: one by one, and in sets for files and connectors."""

from companies.services.companies import CompanyFacts, companies_ensure
from companies.services.corrections import statement_delete
from companies.services.custom_fields import (
    custom_field_archive,
    custom_field_create,
    custom_field_update,
)
from companies.services.drafts import Recorded, StatementDraft
from companies.services.identity import company_create, company_update
from companies.services.lifecycle import (
    companies_delete,
    companies_purge,
    company_default,
    company_delete,
    company_purge,
    company_rate,
    company_restore,
    company_revive,
    tags_change,
)
from companies.services.merging import companies_merge, merge_undo
from companies.services.sets import CompanySet, companies_take, money
from companies.services.statements import statements_record
from companies.services.tracking import company_track, company_untrack, tracked_refresh
from companies.services.upsert import Upserted, companies_upsert

__all__ = [
    "CompanyFacts",
    "CompanySet",
    "Recorded",
    "StatementDraft",
    "Upserted",
    "companies_delete",
    "companies_ensure",
    "companies_merge",
    "companies_purge",
    "companies_take",
    "companies_upsert",
    "company_create",
    "company_default",
    "company_delete",
    "company_purge",
    "company_rate",
    "company_restore",
    "company_revive",
    "company_track",
    "company_untrack",
    "company_update",
    "custom_field_archive",
    "custom_field_create",
    "custom_field_update",
    "merge_undo",
    "money",
    "statement_delete",
    "statements_record",
    "tags_change",
    "tracked_refresh",
]
