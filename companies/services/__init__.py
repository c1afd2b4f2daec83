"""Writes to companies and their statements: one by one, and in sets for files and connectors."""

from companies.services.companies import CompanyFacts, companies_ensure, company_delete
from companies.services.corrections import statement_delete
from companies.services.drafts import Recorded, StatementDraft
from companies.services.identity import company_create, company_update
from companies.services.statements import statements_record
from companies.services.upsert import Upserted, companies_upsert

__all__ = [
    "CompanyFacts",
    "Recorded",
    "StatementDraft",
    "Upserted",
    "companies_ensure",
    "companies_upsert",
    "company_create",
    "company_delete",
    "company_update",
    "statement_delete",
    "statements_record",
]
