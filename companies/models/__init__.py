"""Companies of an organization and their statements."""

from companies.models.company import (
    SYMBOL,
    SYMBOL_PATTERN,
    Company,
    CompanyState,
    DefaultKind,
    LegalForm,
)
from companies.models.custom_field import FIELD_NAME, CustomField, CustomKind
from companies.models.statement import (
    FIRST_YEAR,
    LAST_YEAR,
    AmountUnit,
    Basis,
    PeriodKind,
    Quality,
    SourceKind,
    Statement,
)

__all__ = [
    "FIELD_NAME",
    "FIRST_YEAR",
    "LAST_YEAR",
    "SYMBOL",
    "SYMBOL_PATTERN",
    "AmountUnit",
    "Basis",
    "Company",
    "CompanyState",
    "CustomField",
    "CustomKind",
    "DefaultKind",
    "LegalForm",
    "PeriodKind",
    "Quality",
    "SourceKind",
    "Statement",
]
