"""How people come: registering, alone or with an institution, and being made by an administrator."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from accounts import passwords
from accounts import services as accounts
from accounts.api_keys.ceiling import assert_key_holds
from accounts.models import User
from accounts.permissions import Role
from accounts.recovery import services as recovery
from accounts.recovery.models import PendingInstitution
from organizations import services as organizations
from organizations.selectors import working_organization
from tenants import selectors as directory
from tenants.kernel import mail, scope
from tenants.kernel.context import RESERVED, TenantRef, current_tenant, in_a_tenant, in_public, in_tenant
from tenants.kernel.errors import Absent, Conflict, Forbidden, InvalidInput
from tenants.kernel.principal import Principal
from tenants.kernel.request import SYSTEM, Actor
from tenants.models import Tenant

# One role name for each user, as clients send it, and the role of a membership that it means.
ROLE_NAMES = {
    "super_admin": Role.SUPER_ADMIN,
    "tenant_admin": Role.TENANT_ADMIN,
    "org_admin": Role.ADMIN,
    "org_member": Role.ANALYST,
    "user": Role.INDIVIDUAL,
    "admin": Role.ADMIN,
    "analyst": Role.ANALYST,
    "viewer": Role.VIEWER,
}

MAY_GIVE = {
    Role.TENANT_ADMIN: frozenset({Role.TENANT_ADMIN, Role.ADMIN, Role.ANALYST, Role.VIEWER}),
    Role.OWNER: frozenset({Role.ADMIN, Role.ANALYST, Role.VIEWER}),
    Role.ADMIN: frozenset({Role.ANALYST, Role.VIEWER}),
}


def _fault(field: str, code: str, detail: str) -> InvalidInput:
    return InvalidInput(errors=[{"pointer": f"/{field}", "code": code, "detail": detail}])


# -- registering ---------------------------------------------------------------------------------


def assert_registration_open(*, with_organization: bool) -> None:
    """Raise Forbidden where the platform, or the institution whose host this is, takes no strangers."""
    open_to_all = settings.ENABLE_REGISTRATION and directory.platform_settings().registration_enabled
    if not open_to_all:
        raise Forbidden("Registration is switched off.", code="registration_off")
    if not with_organization:
        return
    if in_a_tenant() and current_tenant().schema_name not in RESERVED:
        allowed = current_tenant().settings.allow_registration
    else:
        allowed = directory.platform_settings().small_tenants_allowed
    if not allowed:
        raise Forbidden("Registering with an organization is switched off here.", code="registration_off")


@transaction.atomic
def registration_accept(
    *, email: str, password: str, full_name: str = "", username: str = "", organization_name: str = ""
) -> None:
    """Register somebody and mail him a link that proves his address.

    An address that has an account gets a letter of its own instead: the answer and the work are the same,
    so nobody learns from either who is here. With ``organization_name`` an institution (on the platform's
    host) or an organization of the institution (on its host) is opened once the address is proved.
    """
    organization_name = organization_name.strip()
    assert_registration_open(with_organization=bool(organization_name))
    address = _checked(email, password, f"{full_name} {username}")
    if organization_name and not 2 <= len(organization_name) <= 200:
        raise _fault("organization_name", "length", "A name has 2 to 200 characters.")
    person = {"password": password, "full_name": full_name, "username": username}
    with in_public():
        holder = User.objects.by_email(address)
    if holder is None:
        try:
            with transaction.atomic():
                _register(address, person, organization_name)
            return
        except (IntegrityError, Conflict) as error:  # somebody was faster by a moment
            if isinstance(error, Conflict) and error.code != "duplicate_email":
                raise
            with in_public():
                holder = User.objects.by_email(address)
    else:
        point = transaction.savepoint()
        _register(f"{uuid4().hex}@users.invalid", person, organization_name)
        transaction.savepoint_rollback(point)
    if holder is not None and holder.is_active:
        recovery.account_known_tell(user=holder)


def _checked(email: str, password: str, names: str) -> str:
    address = email.strip()
    try:
        validate_email(address)
    except ValidationError:
        raise _fault("email", "invalid", "Enter an e-mail address.") from None
    passwords.check_rules(password, User(email=address), names=names)
    return address


def _register(address: str, person: dict[str, str], organization_name: str) -> None:
    here = current_tenant().schema_name if in_a_tenant() else ""
    user = organizations.individual_register(email=address, **person)
    with in_public():
        if organization_name:
            PendingInstitution.objects.create(
                user=user, name=organization_name, schema_name="" if here in RESERVED else here
            )
        recovery.verification_send(user=user)


@transaction.atomic
def registered_open(*, user_id: UUID) -> None:
    """Open what somebody registered with, now that his address is proved; once, however often it is asked."""
    with in_public():
        wanted = PendingInstitution.objects.select_for_update(of=("self",)).filter(user_id=user_id)
        pending = wanted.select_related("user__profile").first()
        if pending is None or pending.user.email_verified_at is None or not pending.user.is_active:
            return
        user = pending.user
        tenant = (
            Tenant.objects.filter(schema_name=pending.schema_name).first() if pending.schema_name else None
        )
        ref = tenant.ref if tenant is not None else None
    if ref is None:
        name = _open_small_tenant(user, pending.name)
    else:
        name = _open_organization(ref, user, pending.name)
    with in_public():
        pending.delete()
        if name:
            context = {"name": user.profile.full_name, "institution": name, "link": mail.link("home")}
            mail.send(template="accounts/institution_open", to=user.email, context=context)


def _open_small_tenant(user: User, name: str) -> str | None:
    if not directory.platform_settings().small_tenants_allowed:
        return None
    with in_public():
        # A name that is taken is no secret to keep, but no reason to fail either.
        number, free = 1, name
        while Tenant.objects.filter(name__lower=free.lower()).exists():
            number += 1
            free = f"{name[:190]} {number}"
    organizations.tenant_open(name=free, admin_email=user.email, admin_password=None, actor=user.actor)
    return free


def _open_organization(tenant: TenantRef, user: User, name: str) -> str | None:
    if not tenant.settings.allow_registration or tenant.state != "active":
        return None
    with in_tenant(tenant), scope.every_organization(reason="a registered organization"):
        try:
            with transaction.atomic():
                organization = organizations.organization_create(name=name, actor=user.actor)
                # The institution has said that strangers may: no member of it gives this role.
                organizations.member_add(
                    user=user, organization_id=organization.id, role=Role.OWNER, actor=SYSTEM
                )
        except Conflict:
            return None
    return name


# -- made by an administrator --------------------------------------------------------------------


@transaction.atomic
def user_make(
    *,
    email: str,
    password: str | None,
    full_name: str,
    username: str = "",
    job_title: str = "",
    role: str,
    organization_id: UUID | None = None,
    tenant_id: UUID | None = None,
    principal: Principal,
) -> User:
    """An account made by an administrator, with a place where he may give one.

    Nobody gives a role above his own. With a password the account can be used at once; without one a
    letter lets its owner set his own. The address stays unproved until its owner proves it: he works where
    the administrator has put him, and joins nothing else before. Raises Forbidden, InvalidInput, Conflict.
    """
    wanted = ROLE_NAMES[role]
    _assert_may_give(wanted, principal)
    place = _place(wanted, organization_id, tenant_id, principal)
    user = accounts.user_create(
        email=email,
        password=password or None,
        full_name=full_name,
        username=username,
        job_title=job_title,
        is_super_admin=wanted == Role.SUPER_ADMIN,
        actor=principal.actor,
    )
    _settle(user, wanted, place, principal.actor)
    with in_tenant(place[0]) if place else in_public():
        if password:
            recovery.verification_send(user=user)
        else:
            recovery.welcome_send(user=user)
    return user


def _assert_may_give(wanted: Role, principal: Principal) -> None:
    mine = principal.role
    if wanted == Role.TENANT_ADMIN and not principal.reaches_tenant:
        # The key of an institution's admin, held to one organization.
        raise Forbidden("You cannot give this role.", code="role_too_high")
    assert_key_holds(wanted)
    if mine == Role.SUPER_ADMIN:
        if wanted == Role.SUPER_ADMIN:
            principal.assert_proved()
        return
    # In an organization the role must be below one's own, as everywhere there.
    if wanted not in MAY_GIVE.get(Role(str(mine)), frozenset()):
        raise Forbidden("You cannot give this role.", code="role_too_high")


def _place(
    wanted: Role, organization_id: UUID | None, tenant_id: UUID | None, principal: Principal
) -> tuple[TenantRef, UUID | None] | None:
    """The tenant and organization that the new user enters; None for neither."""
    if wanted in {Role.SUPER_ADMIN, Role.INDIVIDUAL}:
        return None
    here = current_tenant() if in_a_tenant() and current_tenant().schema_name not in RESERVED else None
    if here is None:
        return _place_from_afar(wanted, organization_id, tenant_id)
    if tenant_id not in {None, here.id}:
        raise Absent()
    if wanted == Role.TENANT_ADMIN:
        return here, None
    if not principal.reaches_tenant and organization_id not in {None, principal.organization_id}:
        raise Absent()
    return here, organization_id or working_organization(principal)


def _place_from_afar(
    wanted: Role, organization_id: UUID | None, tenant_id: UUID | None
) -> tuple[TenantRef, UUID | None] | None:
    """On the platform's host a super admin names the place; without one it is an account and no more."""
    if organization_id is not None:
        entry = directory.organization_entry(organization_id)
        tenant = directory.tenant_by_id(entry.tenant_id) if entry else None
        if tenant is None or tenant.schema_name in RESERVED:
            raise _fault("organization_id", "absent", "There is no such organization.")
        return tenant, None if wanted == Role.TENANT_ADMIN else organization_id
    if wanted != Role.TENANT_ADMIN:
        return None
    tenant = directory.tenant_by_id(tenant_id) if tenant_id else None
    if tenant is None or tenant.schema_name in RESERVED:
        raise _fault("tenant_id", "required", "Say of which institution.")
    return tenant, None


def _settle(user: User, wanted: Role, place: Any, actor: Actor) -> None:
    if place is None:
        if wanted != Role.SUPER_ADMIN:
            organizations.workspace_open(user)
        return
    tenant, organization_id = place
    if organization_id is None:
        accounts.membership_grant(
            user=user, tenant_id=tenant.id, organization_id=None, role=wanted, vouched=True, actor=actor
        )
        return
    with in_tenant(tenant), scope.organizations([organization_id], reason="make a member"):
        organizations.member_add(
            user=user, organization_id=organization_id, role=wanted, vouched=True, actor=actor
        )
