"""What an institution, and the platform, set for themselves: checked, counted, written down."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from tenants import selectors
from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.errors import InvalidInput
from tenants.kernel.etags import ANY_STATE, Precondition
from tenants.kernel.request import Actor
from tenants.models import PlatformSettings, Tenant, TenantSettings
from tenants.modules import MODULES
from tenants.services.base import (
    as_json,
    field_error,
    forget_on_commit,
    locked,
    locked_settings,
    record_for,
    save_changed,
)
from tenants.services.loosening import assert_may_loosen, nobody_proves

CUTOFFS = ("medium_from", "high_from", "critical_from")
# What an institution decides for itself, and what the platform decides for it.
OWN_FIELDS = frozenset(
    {"require_mfa", "sso_only", "session_hours", "allow_registration", "audit_retention_days"}
    | {"job_retention_days", "score_retention_days", "two_person_promotion", "pd_floor", "master_scale"}
    | set(CUTOFFS)
)
GIVEN_FIELDS = frozenset({"max_organizations", "max_users"})
PLATFORM_FIELDS = frozenset(
    {"registration_enabled", "small_tenants_allowed", "deletion_grace_days", "export_days"}
    | {"two_person_promotion"}
    | {"default_max_organizations", "default_max_users"}
)

# Checks of fields whose meaning lies in an app above: each gets the value and raises InvalidInput.
_checks: dict[str, Callable[[Any], None]] = {}


def setting_check(field: str, check: Callable[[Any], None]) -> None:
    """Have a field's new values looked at by the app that knows what they mean."""
    _checks[field] = check


@transaction.atomic
def settings_update(
    *,
    tenant_id: UUID,
    changes: dict[str, Any],
    by_platform: bool,
    expected: Precondition = ANY_STATE,
    assert_proved: Callable[[], None] = nobody_proves,
    actor: Actor,
) -> TenantSettings:
    """Change settings of a tenant; the cut-offs count among them.

    ``by_platform`` says that the actor may also set what the platform gives. Written down in the
    platform's log and in the tenant's own. ``assert_proved`` is asked where a change makes the institution
    less safe. Raises InvalidInput, Stale, StepUpRequired, Forbidden for a reserved tenant.
    """
    allowed = OWN_FIELDS | GIVEN_FIELDS if by_platform else OWN_FIELDS
    for field in changes:
        if field not in allowed:
            raise field_error(field, "read_only", "This is set by the platform.")
    with in_public():
        tenant = locked(tenant_id)
        row = locked_settings(tenant)
        expected.check(row)
        record: dict[str, Any] = {}
        for field, value in changes.items():
            holder: Tenant | TenantSettings = tenant if field in CUTOFFS else row
            before = getattr(holder, field)
            if before != value:
                setattr(holder, field, value)
                record[field] = [as_json(before), as_json(value)]
        if not record:
            return row
        _check(tenant, row, record)
        assert_may_loosen(record, assert_proved)
        if moved := [field for field in record if field in CUTOFFS]:
            tenant.save(update_fields=moved)
        save_changed(row, *(field for field in record if field not in CUTOFFS))
        record_for(tenant, "tenants.settings.changed", on=tenant, changes=record, actor=actor)
        forget_on_commit(tenant)
    return row


def _check(tenant: Tenant, row: TenantSettings, record: dict[str, Any]) -> None:
    if record.keys() & set(CUTOFFS):
        levels = [Decimal(getattr(tenant, field)) for field in CUTOFFS]
        if not 0 < levels[0] < levels[1] < levels[2] < 1:
            named = next(field for field in CUTOFFS if field in record)
            raise field_error(named, "order", "Cut-offs ascend between 0 and 1: Medium, High, Critical.")
    try:
        row.clean_fields(exclude=[f.name for f in row._meta.fields if f.name not in record])
    except ValidationError as error:
        raise InvalidInput(
            errors=[
                {"pointer": f"/{field}", "code": "invalid", "detail": detail}
                for field, details in error.message_dict.items()
                for detail in details
            ]
        ) from None
    for field in record.keys() & _checks.keys():
        _checks[field](getattr(row, field))


@transaction.atomic
def modules_set(
    *,
    tenant_id: UUID,
    switches: dict[str, bool],
    by_platform: bool,
    expected: Precondition = ANY_STATE,
    actor: Actor,
) -> TenantSettings:
    """Switch modules of a tenant on or off.

    The platform gives and denies; the institution switches off what it does not want of what it is given.
    Raises InvalidInput for an unknown module, and for one that is not the institution's choice.
    """
    for code in switches:
        if code not in MODULES:
            raise field_error(code, "unknown", "There is no such module.")
        if not by_platform and not MODULES[code].own_choice:
            raise field_error(code, "read_only", "This module is switched by the platform.")
    with in_public():
        tenant = locked(tenant_id)
        row = locked_settings(tenant)
        expected.check(row)
        field = "modules_denied" if by_platform else "modules_off"
        before = set(getattr(row, field))
        denied = set(row.modules_denied)
        for code, on in switches.items():
            if on and not by_platform and code in denied:
                raise field_error(code, "denied", "The platform does not give this module.")
        after = (before | {c for c, on in switches.items() if not on}) - {
            c for c, on in switches.items() if on
        }
        if after == before:
            return row
        setattr(row, field, sorted(after))
        save_changed(row, field)
        change = {"on": sorted(before - after), "off": sorted(after - before)}
        record_for(tenant, "tenants.modules.switched", on=tenant, changes=change, actor=actor)
        forget_on_commit(tenant)
    return row


@transaction.atomic
def platform_settings_update(
    *,
    changes: dict[str, Any],
    expected: Precondition = ANY_STATE,
    assert_proved: Callable[[], None] = nobody_proves,
    actor: Actor,
) -> PlatformSettings:
    """Change settings of the whole platform; ``assert_proved`` is asked where that makes it less safe."""
    with in_public():
        row = PlatformSettings.objects.select_for_update().get(pk=PlatformSettings.ONLY)
        expected.check(row)
        for field in changes:
            if field not in PLATFORM_FIELDS:
                raise field_error(field, "read_only", "There is no such setting.")
        record = {f: [getattr(row, f), v] for f, v in changes.items() if getattr(row, f) != v}
        if record:
            for field, (_, value) in record.items():
                setattr(row, field, value)
            row.clean_fields(exclude=[f.name for f in row._meta.fields if f.name not in record])
            assert_may_loosen(record, assert_proved)
            row.version += 1
            row.updated_at = timezone.now()
            row.save()
            audit.record("tenants.platform_settings.changed", on=row, changes=record, actor=actor)
            transaction.on_commit(selectors.forget_platform_settings)
    return row
