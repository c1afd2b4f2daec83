"""Writes to organizations and to who works in them. Each keeps the directory in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.text import slugify

from accounts import passwords
from accounts import services as accounts
from accounts.models import User
from accounts.permissions import Role
from organizations.joining.services.links import link_create
from organizations.models import Organization
from organizations.services.directory import entry_write
from organizations.services.members import max_users_ceiling, member_add
from tenants import selectors as directory
from tenants import services as tenants
from tenants.kernel import audit, scope
from tenants.kernel.context import PERSONAL, REFERENCE, RESERVED, current_tenant, in_public, in_tenant
from tenants.kernel.errors import Conflict, Forbidden, InvalidInput
from tenants.kernel.ids import uuid7
from tenants.kernel.request import SYSTEM, Actor
from tenants.models import OrganizationEntry, Tenant, TenantKind


@dataclass(frozen=True, slots=True)
class OpenedTenant:
    """A new institution, ready to work."""

    tenant: Tenant
    organization_id: UUID
    """The default organization."""
    admin: User


def _free_slug(name: str) -> str:
    base = slugify(name)[:50] or "organization"
    slug, number = base, 1
    while Organization.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{base}-{number}"
    return slug


def _assert_room() -> None:
    """Hold the institution's own limit of organizations; archived ones count as well: they can come back."""
    tenant = current_tenant()
    most = tenant.settings.max_organizations
    if most is None or tenant.is_personal:
        return
    with in_public():
        Tenant.objects.select_for_update(no_key=True).get(id=tenant.id)
        if OrganizationEntry.objects.filter(tenant_id=tenant.id).count() >= most:
            raise Conflict("The institution has reached its limit of organizations.", code="tenant_limit")


@transaction.atomic
def organization_create(
    *,
    name: str,
    description: str = "",
    is_default: bool = False,
    slug: str | None = None,
    reserved: bool = False,
    actor: Actor,
    **values: Any,
) -> Organization:
    """A new organization in the current tenant, and its entry in the directory.

    ``values`` are further fields of ``preferences.OWN_FIELDS``; ``reserved`` says that the platform itself
    makes it in one of its own tenants, where nobody else may.
    Raises InvalidInput for a bad name or limit, Conflict for a name in use. Answers 409 rather than renaming.
    """
    if current_tenant().schema_name in RESERVED and not reserved:
        raise Forbidden("Nobody makes organizations here.", code="reserved_tenant")
    _assert_room()
    name = name.strip()
    if not 2 <= len(name) <= 200:
        error = {"pointer": "/name", "code": "length", "detail": "A name has 2 to 200 characters."}
        raise InvalidInput(errors=[error])
    if not 1 <= values.get("max_users", 1) <= (ceiling := max_users_ceiling()):
        detail = f"Between 1 and {ceiling:,} members are possible."
        raise InvalidInput(errors=[{"pointer": "/max_users", "code": "out_of_range", "detail": detail}])
    # Names are unique in the whole tenant, also among organizations that the actor may not see.
    with scope.every_organization(reason=f"create an organization for {actor.label}"):
        if Organization.objects.filter(name__lower=name.lower()).exists():
            raise Conflict("An organization of this name already exists.", code="duplicate_organization")
        organization = Organization(
            id=uuid7(),
            name=name,
            slug=slug or _free_slug(name),
            description=description,
            is_default=is_default,
            created_by_id=actor.user_id,
            **values,
        )
        organization.save()
    audit.record("organizations.organization.created", on=organization, changes={"name": name}, actor=actor)
    entry_write(organization)
    if not reserved:
        with scope.organizations({organization.id}, reason="a new organization's own link"):
            link_create(organization=organization, is_primary=True, actor=SYSTEM)
    return organization


@transaction.atomic
def tenant_open(
    *,
    name: str,
    admin_email: str,
    admin_password: str | None,
    admin_full_name: str = "",
    admin_username: str = "",
    domain: str | None = None,
    slug: str | None = None,
    organization_name: str | None = None,
    organization_description: str = "",
    description: str = "",
    actor: Actor,
) -> OpenedTenant:
    """A new institution in one step: tenant, schema, host, default organization and its admin.

    The default organization is called like the tenant unless ``organization_name`` says otherwise.
    An admin who has an account with a verified address keeps it; without an account one is made with
    ``admin_password``. Raises Conflict for an unverified account: anybody could have registered it.
    """
    with in_public():
        admin = User.objects.by_email(admin_email)
    # Before a schema is made that would only have to go again.
    if admin is not None and (admin.email_verified_at is None or not admin.is_active):
        raise Conflict("This account is not verified or not active.", code="unverified_account")
    if admin is None and admin_password is not None:
        names = f"{admin_full_name} {admin_username}"
        passwords.check_rules(admin_password, User(email=admin_email), names=names, field="admin_password")
    tenant = tenants.tenant_create(name=name, domain=domain, slug=slug, description=description, actor=actor)
    with in_tenant(tenant.ref), scope.every_organization(reason="open a tenant"):
        organization = organization_create(
            name=organization_name or name,
            description=organization_description,
            is_default=True,
            actor=actor,
        )
    if admin is None:
        admin = accounts.user_create(
            email=admin_email,
            password=admin_password,
            full_name=admin_full_name,
            username=admin_username,
            verified=True,
            actor=actor,
        )
    accounts.membership_grant(
        user=admin, tenant_id=tenant.id, organization_id=None, role=Role.TENANT_ADMIN, actor=actor
    )
    return OpenedTenant(tenant, organization.id, admin)


@transaction.atomic
def individual_register(*, email: str, password: str, full_name: str = "", username: str = "") -> User:
    """A person of his own: an identity and a personal workspace.

    Strangers come in by ``onboarding.services.registration_accept``, which asks whether they may.
    """
    address = email.strip()[:254]
    user = accounts.user_create(
        email=email,
        password=password,
        full_name=full_name,
        username=username,
        actor=Actor(None, address),
    )
    workspace_open(user)
    return user


def workspace_open(user: User) -> None:
    """An organization of the personal tenant, for this user alone; named after his id, not his address."""
    with in_tenant(directory.personal_tenant()), scope.every_organization(reason="open a workspace"):
        mark = uuid7().hex
        organization = organization_create(
            name=f"Workspace {mark}", slug=mark, reserved=True, actor=user.actor
        )
        accounts.membership_grant(
            user=user,
            tenant_id=current_tenant().id,
            organization_id=organization.id,
            role=Role.INDIVIDUAL,
            actor=user.actor,
        )


def reserved_tenants_ensure() -> list[str]:
    """Make the reference and personal tenants where they are missing; tells which were made."""
    made = []
    for schema, kind, name in (
        (REFERENCE, TenantKind.REFERENCE, "Reference data"),
        (PERSONAL, TenantKind.PERSONAL, "Personal workspaces"),
    ):
        with in_public():
            exists = Tenant.objects.filter(schema_name=schema).exists()
        if exists:
            continue
        with transaction.atomic():
            tenant = tenants.tenant_create(name=name, kind=kind, actor=SYSTEM)
            if schema == REFERENCE:
                with in_tenant(tenant.ref), scope.every_organization(reason="open the reference tenant"):
                    organization_create(name=name, is_default=True, reserved=True, actor=SYSTEM)
        made.append(schema)
    return made


__all__ = [
    "OpenedTenant",
    "individual_register",
    "member_add",
    "organization_create",
    "reserved_tenants_ensure",
    "tenant_open",
]
