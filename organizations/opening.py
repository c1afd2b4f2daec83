"""Opening an institution from what an operator typed, and changing it: several services, one transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.permissions import Role
from accounts.recovery import services as recovery
from organizations import services as organizations
from organizations.joining.selectors import secrets_of
from organizations.models import Organization
from tenants import services
from tenants.kernel import mail, scope
from tenants.kernel.context import in_tenant
from tenants.kernel.errors import InvalidInput
from tenants.kernel.etags import ANY_STATE, Precondition
from tenants.kernel.request import Actor
from tenants.models import Tenant, TenantState


def _full_name(data: dict[str, Any]) -> str:
    parts = (data.get("admin_first_name", ""), data.get("admin_last_name", ""))
    return " ".join(part.strip() for part in parts if part.strip())


@transaction.atomic
def institution_open(
    *,
    name: str,
    description: str = "",
    domain: str = "",
    slug: str = "",
    organization_name: str = "",
    organization_description: str = "",
    admin_email: str = "",
    admin_password: str = "",
    admin_full_name: str = "",
    admin_username: str = "",
    actor: Actor,
) -> organizations.OpenedTenant | Tenant:
    """A new institution with its default organization and, where an address is given, its first admin.

    With a password the admin signs in at once; without one he is invited by mail. An admin who has an
    account keeps it, and is told by mail. Raises InvalidInput and Conflict as the services do.
    """
    if not admin_email:
        if admin_password:
            raise InvalidInput(
                errors=[{"pointer": "/admin_email", "code": "required", "detail": "Whose password is it?"}]
            )
        tenant = services.tenant_create(
            name=name, domain=domain or None, slug=slug or None, description=description, actor=actor
        )
        with in_tenant(tenant.ref), scope.every_organization(reason="open a tenant"):
            organizations.organization_create(
                name=organization_name or name,
                description=organization_description,
                is_default=True,
                actor=actor,
            )
        return tenant
    had_account = User.objects.by_email(admin_email) is not None
    opened = organizations.tenant_open(
        name=name,
        admin_email=admin_email,
        admin_password=admin_password or None,
        admin_full_name=admin_full_name,
        admin_username=admin_username,
        domain=domain or None,
        slug=slug or None,
        organization_name=organization_name or None,
        organization_description=organization_description,
        description=description,
        actor=actor,
    )
    if had_account or not admin_password:
        _invite(opened, had_account=had_account)
    return opened


def _invite(opened: organizations.OpenedTenant, *, had_account: bool) -> None:
    """Tell the first admin where his institution is; one without a password gets a link to set it."""
    if not had_account:
        with in_tenant(opened.tenant.ref):
            recovery.welcome_send(user=opened.admin)
        return
    host = opened.tenant.domains.filter(is_primary=True).values_list("domain", flat=True).first()
    with in_tenant(opened.tenant.ref):
        mail.send(
            template="organizations/tenant_opened",
            to=opened.admin.email,
            context={
                "tenant": opened.tenant.name,
                "host": host,
            },
        )


def tenant_opened(data: dict[str, Any], *, actor: Actor) -> Tenant:
    """The tenant that `POST tenants` asks for."""
    opened = institution_open(
        name=data["name"],
        slug=data.get("slug", ""),
        description=data.get("description", ""),
        domain=data.get("domain", ""),
        admin_email=data.get("admin_email", ""),
        admin_password=data.get("admin_password", ""),
        admin_full_name=_full_name(data),
        admin_username=data.get("admin_username", ""),
        actor=actor,
    )
    return opened if isinstance(opened, Tenant) else opened.tenant


def tenant_with_admin(data: dict[str, Any], *, actor: Actor) -> dict[str, Any]:
    """What `POST tenant-admin/create-tenant-with-admin` asks for, in the words that its client reads.

    Every institution has a default organization, for what its admins make: a body that wants none gets one
    that is called like the tenant.
    """
    if not data.get("create_default_org", True):
        data = {**data, "default_org_name": "", "default_org_description": ""}
    opened = institution_open(
        name=data["tenant_name"],
        description=data.get("tenant_description", ""),
        domain=data.get("tenant_domain", ""),
        organization_name=data.get("default_org_name", ""),
        organization_description=data.get("default_org_description", ""),
        admin_email=data["admin_email"],
        admin_password=data.get("admin_password", ""),
        admin_full_name=_full_name(data),
        admin_username=data.get("admin_username", ""),
        actor=actor,
    )
    if isinstance(opened, Tenant):
        raise TypeError("an admin was named")
    place = {opened.organization_id}
    with in_tenant(opened.tenant.ref), scope.organizations(place, reason="a new institution"):
        rows = list(Organization.objects.filter(id=opened.organization_id))
        secret = secrets_of(rows, viewer=Role.SUPER_ADMIN).get(opened.organization_id)
    return {
        "tenant_id": opened.tenant.id,
        "tenant_name": opened.tenant.name,
        "tenant_slug": opened.tenant.slug,
        "admin_user_id": opened.admin.id,
        "admin_email": opened.admin.email,
        "default_org_id": opened.organization_id,
        "default_org_name": data.get("default_org_name") or opened.tenant.name,
        "default_org_join_token": secret.token if secret else None,
        "success": True,
        "message": f"{opened.tenant.name} is open.",
    }


@transaction.atomic
def tenant_changed(
    *, tenant_id: UUID, data: dict[str, Any], expected: Precondition = ANY_STATE, actor: Actor
) -> None:
    """Change a tenant's entry and, with ``is_active``, its state. What is left out stays."""
    own = {"name", "slug", "description"}
    changes: dict[str, Any] = {field: value for field, value in data.items() if field in own}
    tenant = services.tenant_update(tenant_id=tenant_id, changes=changes, expected=expected, actor=actor)
    wanted, reason = data.get("is_active"), data.get("reason", "")
    # Forms that send everything back name the state that it has: nothing is to be done then.
    if wanted is True and tenant.state == TenantState.SUSPENDED:
        services.tenant_restore(tenant_id=tenant_id, reason=reason, actor=actor)
    elif wanted is False and tenant.state == TenantState.ACTIVE:
        services.tenant_suspend(tenant_id=tenant_id, reason=reason, actor=actor)
