"""What is set of an organization, and who may set it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import Membership
from accounts.permissions import Role
from organizations.authority import Authority, authority, organization_lock
from organizations.models import Organization
from organizations.services.directory import entry_write
from organizations.services.lifecycle import organization_activate, organization_deactivate
from organizations.services.members import max_users_ceiling
from tenants.kernel import audit, scope
from tenants.kernel.context import RESERVED, current_tenant, in_public
from tenants.kernel.errors import Conflict, Forbidden, InvalidInput
from tenants.kernel.etags import ANY_STATE, Precondition
from tenants.kernel.request import Actor
from tenants.models import OrganizationState

# What an organization's own admins set, and what only those above it do.
OWN_FIELDS = frozenset(
    {"name", "description", "domain", "max_users", "default_role", "join_enabled", "whitelist_required"}
)
GOVERNED_FIELDS = frozenset({"allow_global_data_access", "is_default"})


def _field_error(field: str, code: str, detail: str) -> InvalidInput:
    return InvalidInput(errors=[{"pointer": f"/{field}", "code": code, "detail": detail}])


@transaction.atomic
def organization_update(
    *,
    organization_id: UUID,
    changes: dict[str, Any],
    expected: Precondition = ANY_STATE,
    actor: Actor,
) -> Organization:
    """Change settings. What a body repeats without a change needs no right; what it changes, does.

    Raises InvalidInput for bad values, Forbidden for what only those above may set, Conflict for a name in
    use, Stale where somebody has changed the organization since the caller read it.
    """
    if current_tenant().schema_name in RESERVED:
        raise Forbidden("The platform's own organizations cannot be changed.", code="reserved_tenant")
    organization = organization_lock(organization_id)
    expected.check(organization)
    standing = authority(actor, organization_id)
    wanted = {f: v for f, v in changes.items() if getattr(organization, f) != v}
    if unknown := wanted.keys() - OWN_FIELDS - GOVERNED_FIELDS:
        raise _field_error(sorted(unknown)[0], "read_only", "This cannot be changed.")
    if not standing.governs and (governed := sorted(wanted.keys() & GOVERNED_FIELDS)):
        raise Forbidden(
            "Only the institution's administrators change this.", code="tenant_admins_only", field=governed[0]
        )
    if not wanted:
        return organization
    _check(organization, wanted, standing)
    before = {field: getattr(organization, field) for field in wanted}
    if wanted.get("is_default"):
        _take_default_from_others(actor)
    for field, value in wanted.items():
        setattr(organization, field, value)
    organization.save(update_fields=[*wanted, "updated_at"])
    entry_write(organization)
    record = {field: [before[field], value] for field, value in wanted.items()}
    audit.record("organizations.organization.changed", on=organization, changes=record, actor=actor)
    return organization


@transaction.atomic
def organization_apply(
    *,
    organization_id: UUID,
    changes: dict[str, Any],
    is_active: bool | None,
    expected: Precondition = ANY_STATE,
    actor: Actor,
) -> Organization:
    """Change settings and, where it is asked for, open or close the organization for work; all or nothing."""
    organization = organization_update(
        organization_id=organization_id, changes=changes, expected=expected, actor=actor
    )
    if is_active is None or is_active == organization.is_active:
        return organization
    if organization.state == OrganizationState.SUSPENDED:
        if is_active:
            raise Conflict("It is suspended: lift the suspension.", code="wrong_state")
        return organization
    step = organization_activate if is_active else organization_deactivate
    return step(organization_id=organization_id, actor=actor)


def _check(organization: Organization, wanted: dict[str, Any], standing: Authority) -> None:
    if "name" in wanted:
        wanted["name"] = name = wanted["name"].strip()
        if not 2 <= len(name) <= 200:
            raise _field_error("name", "length", "A name has 2 to 200 characters.")
        with scope.every_organization(reason="a name is unique in the tenant"):
            taken = Organization.objects.filter(name__lower=name.lower()).exclude(id=organization.id)
            if taken.exists():
                raise Conflict("An organization of this name already exists.", code="duplicate_organization")
    if "max_users" in wanted:
        _check_limit(organization, wanted["max_users"])
    if "default_role" in wanted:
        if wanted["default_role"] == Role.OWNER:
            raise _field_error("default_role", "bad_role", "Nobody joins as the owner.")
        standing.assert_gives(Role(wanted["default_role"]))
    if "is_default" in wanted:
        if not wanted["is_default"]:
            raise Conflict("Make another organization the default one.", code="default_organization")
        if organization.state != OrganizationState.ACTIVE:
            raise Conflict("The default organization must be active.", code="wrong_state")


def _check_limit(organization: Organization, most: int) -> None:
    ceiling = max_users_ceiling()
    if not 1 <= most <= ceiling:
        raise _field_error("max_users", "out_of_range", f"Between 1 and {ceiling:,} members are possible.")
    with in_public():
        count = Membership.objects.filter(organization_id=organization.id).count()
    if most < count:
        raise _field_error("max_users", "too_few", f"The organization has {count:,} members already.")


def _take_default_from_others(actor: Actor) -> None:
    with scope.every_organization(reason="the default organization of the tenant"):
        for other in Organization.objects.select_for_update(no_key=True).filter(is_default=True):
            other.is_default = False
            other.save(update_fields=["is_default", "updated_at"])
            entry_write(other)
            changes = {"is_default": [True, False]}
            audit.record("organizations.organization.changed", on=other, changes=changes, actor=actor)
