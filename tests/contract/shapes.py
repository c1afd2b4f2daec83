"""What the JSON client reads, as shapes to hold an answer against.

A shape is a type, a function that takes a value, a set of words, a list of one shape, a dict of shapes
(``name?`` may be absent), or a tuple of alternatives, ``None`` among them where a value may be null.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def check(value: Any, shape: Any, at: str = "answer") -> None:
    """Fail with the place where the value departs from the shape."""
    if isinstance(shape, tuple):
        faults = []
        for one in shape:
            try:
                return check(value, one, at)
            except AssertionError as fault:
                faults.append(str(fault))
        raise AssertionError(f"{at}: none of the alternatives: {'; '.join(faults)}")
    if shape is None:
        assert value is None, f"{at}: {value!r} is not null"
    elif isinstance(shape, dict):
        assert isinstance(value, dict), f"{at}: {value!r} is no object"
        for name, inner in shape.items():
            key = name.removesuffix("?")
            if key in value:
                check(value[key], inner, f"{at}.{key}")
            else:
                assert name.endswith("?"), f"{at}: no {key}"
    elif isinstance(shape, list):
        assert isinstance(value, list), f"{at}: {value!r} is no array"
        for number, item in enumerate(value):
            check(item, shape[0], f"{at}[{number}]")
    elif isinstance(shape, set | frozenset):
        assert value in shape, f"{at}: {value!r} is none of {sorted(shape)}"
    elif shape is float:
        assert isinstance(value, int | float), f"{at}: {value!r} is no number"
        assert not isinstance(value, bool), f"{at}: {value!r} is no number"
    elif isinstance(shape, type):
        assert type(value) is shape, f"{at}: {value!r} is no {shape.__name__}"
    else:
        assert shape(value), f"{at}: {value!r} is not {shape.__name__}"
    return None


def uuid(value: Any) -> bool:
    return isinstance(value, str) and str(UUID(value)) == value


def moment(value: Any) -> bool:
    return isinstance(value, str) and MOMENT.fullmatch(value) is not None


def fraction(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def percentage(value: Any) -> bool:
    return type(value) is int and 0 <= value <= 100


ROLES = {"super_admin", "tenant_admin", "org_admin", "org_member", "user"}
LEVELS = {"LOW", "MEDIUM", "HIGH", "CRITICAL"}
QUARTERS = {"Q1", "Q2", "Q3", "Q4"}
ERROR = {"detail": str, "code?": str, "status?": int, "request_id?": str}

TOKENS = {"access_token": str, "refresh_token": str, "token_type": {"bearer"}, "expires_in": int}
ME = {
    "id": uuid,
    "email": str,
    "username": str,
    "full_name": str,
    "role": ROLES,
    "is_active": bool,
    "created_at": moment,
    "last_login": (None, moment),
    "sector": (None, str),
    "organization_id": (None, uuid),
    "tenant_id": (None, uuid),
    "organization?": (
        None,
        {
            "id": uuid,
            "name": str,
            "slug": str,
            "domain": str,
            "description": str,
            "is_active": bool,
            "join_enabled": bool,
            "default_role": {"org_member", "org_admin"},
            "max_users": int,
            "current_users": int,
            "created_at": moment,
            "join_token?": (None, str),
        },
    ),
    "tenant?": (None, {"id": uuid, "name": str, "domain": (None, str)}),
}
USER = {
    "id": uuid,
    "email": str,
    "username?": (None, str),
    "full_name?": (None, str),
    "role": ROLES,
    "is_active": bool,
    "created_at": moment,
    "last_login?": (None, moment),
    "organization_id?": (None, uuid),
    "tenant_id?": (None, uuid),
}
JOINED = {
    "success": {True},
    "message": str,
    "organization_id": uuid,
    "organization_name": str,
    "user_role": {"org_member", "org_admin"},
}

_ROW = {
    "id": uuid,
    "company_id": uuid,
    "company_symbol": str,
    "company_name": str,
    "sector": (None, str),
    "market_cap": (None, float),
    "reporting_year": str,
    "risk_level": LEVELS,
    "confidence": fraction,
    "access_level": {"personal", "organization", "system"},
    "organization_id": (None, uuid),
    "organization_name": (None, str),
    "created_by": (None, uuid),
    "created_by_email": (None, str),
    "created_at": moment,
    "updated_at": moment,
    "probability": fraction,
    "long_term_debt_to_total_capital": (None, float),
    "total_debt_to_ebitda": (None, float),
}
ANNUAL = {
    **_ROW,
    "reporting_quarter": (None, QUARTERS),
    "net_income_margin": (None, float),
    "ebit_to_interest_expense": (None, float),
    "return_on_assets": (None, float),
}
QUARTERLY = {
    **_ROW,
    "reporting_quarter": QUARTERS,
    "logistic_probability": fraction,
    "ensemble_probability": fraction,
    "gbm_probability": fraction,
    "sga_margin": (None, float),
    "return_on_capital": (None, float),
}


def page(row: Any) -> dict[str, Any]:
    return {"items": [row], "total": int, "page": int, "size": int, "pages": int}


_FIGURES = {
    "total_companies": int,
    "total_predictions": int,
    "annual_predictions": int,
    "quarterly_predictions": int,
    "average_default_rate": fraction,
    "high_risk_companies": int,
    "sectors_covered": int,
}
_UPDATED = {"user_last_updated": (None, moment), "system_last_updated": (None, moment)}
DASHBOARD = {
    "scope": {"personal", "organization", "tenant", "system"},
    "user_dashboard": {
        **_FIGURES,
        "scope": str,
        "user_name": str,
        "organization_name": (None, str),
        "data_scope": str,
        "last_updated_times": _UPDATED,
    },
    "platform_statistics": {
        **_FIGURES,
        "total_users?": int,
        "total_organizations?": int,
        "total_tenants?": int,
        "last_updated_times": {"system_last_updated": (None, moment)},
    },
    "organizations_breakdown?": [
        {
            "organization_id": uuid,
            "org_name": str,
            "companies": int,
            "predictions": int,
            "avg_default_rate": fraction,
            "high_risk_companies": int,
            "sectors_covered": int,
        }
    ],
    "tenants_breakdown?": [
        {
            "tenant_id": uuid,
            "tenant_name": str,
            "companies": int,
            "predictions": int,
            "organizations_count": int,
        }
    ],
    "last_updated_times": _UPDATED,
}

UPLOADED = {
    "job_id": uuid,
    "status": {"pending", "queued", "processing"},
    "total_rows": int,
    # Null: not counted yet. A zero would be shown.
    "total_companies": (None, int),
    "task_id?": str,
    "estimated_time_minutes?": int,
}
JOB = {
    "id": uuid,
    "status": {"pending", "queued", "processing", "completed", "failed"},
    "job_type": {"annual", "quarterly"},
    "original_filename": str,
    "file_size": int,
    "total_rows": int,
    "processed_rows": int,
    "successful_rows": int,
    "failed_rows": int,
    "progress_percentage": percentage,
    "created_at": moment,
    "started_at": (None, moment),
    "completed_at": (None, moment),
    "error_message": (None, str),
}
JOBS = {"jobs": [JOB], "pagination": {"total": int, "limit": int, "offset": int, "has_more": bool}}
RESULTS = {
    "success": bool,
    "job_id": uuid,
    "status": str,
    "job_summary": {
        "job_type": {"annual", "quarterly"},
        "file_name": str,
        "total_rows": int,
        "successful_rows": int,
        "failed_rows": int,
        "success_rate": float,
        "processing_time_seconds": float,
        "rows_per_second": float,
    },
    "created_data": {
        "predictions_count": int,
        "companies_count": int,
        "predictions": [
            {
                "id": uuid,
                "reporting_year": str,
                "reporting_quarter": (None, QUARTERS),
                "company": {"id": uuid, "symbol": str, "name": str, "sector": (None, str)},
                "financial_metrics": dict,
                "prediction": {
                    "probability": fraction,
                    "logistic_probability": (None, fraction),
                    "gbm_probability": (None, fraction),
                    "ensemble_probability": (None, fraction),
                    "risk_level": LEVELS,
                    "confidence": fraction,
                },
            }
        ],
    },
    "errors": {
        "has_errors": bool,
        "error_count": int,
        "error_details": {"errors": [{"row": int, "error": str}]},
    },
}
COMPANY = {"id": uuid, "symbol": str, "name": str, "sector": (None, str)}

_ADMIN = {
    "id": uuid,
    "email": str,
    "username?": (None, str),
    "full_name?": (None, str),
    "role": ROLES,
    "is_active": bool,
    "created_at": moment,
    "last_login?": (None, moment),
}
_PERSON = {"id": uuid, "email": str, "full_name": str}
ORGANIZATION = {
    "id": uuid,
    "tenant_id?": (None, uuid),
    "name": str,
    "slug": str,
    "domain?": (None, str),
    "description?": (None, str),
    "logo_url?": (None, str),
    "max_users": int,
    "join_token": (None, str),
    "join_enabled": bool,
    "default_role": {"org_member", "org_admin"},
    "is_active": bool,
    "allow_global_data_access": bool,
    "created_by?": (None, uuid),
    "created_at": moment,
    "updated_at?": (None, moment),
    "join_created_at?": (None, moment),
    "tenant?": (None, dict),
    "org_admin": (None, _PERSON),
    "members": [USER],
    "total_users": int,
    "active_users": int,
    "total_members": int,
    "active_members": int,
}
ORGANIZATIONS = {
    "organizations": [ORGANIZATION],
    "total": int,
    "skip": int,
    "limit": int,
    "total_admins": int,
    "total_members": int,
    "total_users": int,
}
TENANT = {
    "id": uuid,
    "name": str,
    "slug": str,
    "domain?": (None, str),
    "description?": (None, str),
    "logo_url?": (None, str),
    "is_active": bool,
    "created_by?": (None, uuid),
    "created_at": moment,
    "updated_at?": (None, moment),
    "tenant_admins": [_ADMIN],
    "total_tenant_admins": int,
    "organizations": [
        {
            "id": uuid,
            "name": str,
            "slug": str,
            "is_active": bool,
            "created_at": moment,
            "max_users": int,
            "join_enabled": bool,
            "default_role": {"org_member", "org_admin"},
            "allow_global_data_access": bool,
            "total_users": int,
            "admin": (None, _PERSON),
        }
    ],
    "total_organizations": int,
    "active_organizations": int,
    "total_users_in_tenant": int,
    "total_active_users": int,
    "total_users": int,
}
TENANTS = {
    "tenants": [TENANT],
    "total": int,
    "skip": int,
    "limit": int,
    "total_tenant_admins": int,
    "total_organizations": int,
    "total_users": int,
}
STATS = {
    "tenant_id": uuid,
    "tenant_name": str,
    "total_organizations": int,
    "active_organizations": int,
    "total_users": int,
    "active_users": int,
    "created_at": moment,
}
USERS = {"items": [USER], "users": [USER], "total": int, "page": int, "size": int, "pages": int}
MEMBERS = {"users": [USER], "total": int, "skip": int, "limit": int}
WHITELISTED = {
    "id": uuid,
    "organization_id": uuid,
    "email": str,
    "added_by?": (None, str),
    "added_at": moment,
    "status": {"active"},
}
WHITELIST = {"whitelist": [WHITELISTED], "total": int, "skip": int, "limit": int}
REGENERATED = {"success": {True}, "new_token": str, "join_url": str}
OPENED = {
    "tenant_id": uuid,
    "tenant_name": str,
    "tenant_slug": str,
    "admin_user_id": uuid,
    "admin_email": str,
    "default_org_id?": (None, uuid),
    "default_org_name?": (None, str),
    "default_org_join_token?": (None, str),
    "success": {True},
    "message": str,
}
ASSIGNED = {
    "success": {True},
    "message": str,
    "user_id": uuid,
    "user_email": str,
    "organization_name": str,
    "assigned_role": {"org_admin", "org_member"},
    "tenant_name": str,
}
