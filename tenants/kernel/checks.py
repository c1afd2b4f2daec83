"""System checks that keep the two walls standing."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks

from tenants.kernel.owned import OrganizationOwned, OwnedManager

# Tenant models that belong to the tenant as a whole, with the reason. A stale entry is an error.
UNOWNED = {
    "organizations.Organization": "it is the owner",
    "organizations.AuditEvent": "events of the tenant itself have no organization",
    "organizations.AuditSeal": "the chain of those events",
    "organizations.AuditHead": "the ends of that chain",
    "organizations.ChangeStamp": "written by triggers, and outlives the organization it is about",
    "organizations.IdempotencyRecord": "belongs to a caller, not to an organization",
    "flags.FlagRule": "one rule for the whole institution",
    "companies.CustomField": "defined once for the whole institution",
}


def is_tenant_model(model: Any) -> bool:
    return model._meta.app_config.name in settings.TENANT_APPS


@checks.register(checks.Tags.models)
def tenancy(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Every tenant model is organization-owned or exempt with a reason; the walls' settings hold."""
    found: list[checks.CheckMessage] = []
    for name in set(settings.SHARED_APPS) & set(settings.TENANT_APPS):
        found.append(checks.Error(f"{name} is both a shared and a tenant app.", id="tenants.E001"))
    if getattr(settings, "TENANT_LIMIT_SET_CALLS", False):
        found.append(checks.Error("TENANT_LIMIT_SET_CALLS must stay off.", id="tenants.E002"))
    if settings.DATABASES["default"].get("CONN_MAX_AGE"):
        found.append(checks.Error("The pool needs CONN_MAX_AGE = 0.", id="tenants.E003"))
    if settings.ACCESS_TOKEN_LIFETIME.total_seconds() < 300:
        found.append(checks.Error("Access tokens must live at least 300 seconds.", id="tenants.E004"))
    seen = set()
    for model in apps.get_models():
        if not is_tenant_model(model):
            found.extend(_no_way_down(model))
            continue
        label = model._meta.label
        if label in UNOWNED:
            seen.add(label)
        elif not issubclass(model, OrganizationOwned) or not isinstance(model._default_manager, OwnedManager):
            found.append(checks.Error(f"{label} is not organization-owned.", obj=model, id="tenants.E005"))
        elif not isinstance(model._base_manager, OwnedManager):
            found.append(checks.Error(f"{label} lost its base manager.", obj=model, id="tenants.E006"))
        found.extend(_no_constraint_to_public(model))
    for label in UNOWNED.keys() - seen:
        found.append(checks.Error(f"{label} is exempt but does not exist.", id="tenants.E007"))
    return found


def _relations(model: Any) -> list[Any]:
    return [f for f in model._meta.get_fields() if f.is_relation and f.concrete and f.related_model]


def _no_constraint_to_public(model: Any) -> list[checks.CheckMessage]:
    return [
        checks.Error(f"{model._meta.label}.{field.name} has a constraint into public.", id="tenants.E009")
        for field in _relations(model)
        if not is_tenant_model(field.related_model) and getattr(field, "db_constraint", True)
    ]


def _no_way_down(model: Any) -> list[checks.CheckMessage]:
    return [
        checks.Error(f"{model._meta.label}.{field.name} points from public into a tenant.", id="tenants.E010")
        for field in _relations(model)
        if is_tenant_model(field.related_model)
    ]
