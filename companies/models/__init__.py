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
from companies.models.following import FollowsCompany, following_models
from companies.models.history import CompanyMerge, RatingChange, RatingScheme
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
from companies.models.uploaded import SheetChunk, UploadedSheet

__all__ = [
    "FIELD_NAME",
    "FIRST_YEAR",
    "LAST_YEAR",
    "SYMBOL",
    "SYMBOL_PATTERN",
    "AmountUnit",
    "Basis",
    "Company",
    "CompanyMerge",
    "CompanyState",
    "CustomField",
    "CustomKind",
    "DefaultKind",
    "FollowsCompany",
    "LegalForm",
    "PeriodKind",
    "Quality",
    "RatingChange",
    "RatingScheme",
    "SheetChunk",
    "SourceKind",
    "Statement",
    "UploadedSheet",
    "following_models",
]
