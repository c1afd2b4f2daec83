"""Writes to companies and their statements: one by one, and in sets for files and connectors."""

from companies.services.companies import CompanyFacts, companies_ensure, company_delete
from companies.services.statements import Recorded, StatementDraft, statements_record

__all__ = [
    "CompanyFacts",
    "Recorded",
    "StatementDraft",
    "companies_ensure",
    "company_delete",
    "statements_record",
]
