"""How a super admin gets into a tenant: with a reason, and written down where the institution reads it."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from uuid import UUID

from django.core.cache import caches
from django.db import transaction
from django.utils import timezone

from accounts.models import AuthSession, User
from accounts.permissions import Role
from accounts.selectors import Place
from accounts.services import TokenPair, issue
from tenants.kernel import audit
from tenants.kernel.context import in_public, in_tenant
from tenants.kernel.errors import Absent, BadToken, Conflict, Forbidden
from tenants.kernel.request import Actor
from tenants.models import OrganizationEntry, Tenant, TenantState

# A pass is made for the next click.
PASS_SECONDS = 60


def _place(user: User, tenant_id: UUID) -> Place:
    """The tenant as a place of a super admin's, in its default organization."""
    if not (user.is_super_admin and user.is_active):
        raise Forbidden()
    tenant = Tenant.objects.select_related("settings").filter(id=tenant_id).first()
    if tenant is None:
        raise Absent()
    if tenant.state != TenantState.ACTIVE:
        raise Conflict("Nobody enters a tenant that is suspended.", code="tenant_suspended")
    entry = OrganizationEntry.objects.filter(tenant=tenant, is_default=True).first()
    return Place(tenant, entry, Role.SUPER_ADMIN)


@transaction.atomic
def entrance_record(*, place: Place, reason: str, session_id: UUID, actor: Actor) -> None:
    """Write the entrance of a super admin into the tenant's own log, where there is a tenant."""
    changes = {"role": place.role, "reason": reason, "session": str(session_id)}
    with in_tenant(place.tenant.ref):
        audit.record("accounts.tenant.entered", on=place.tenant, changes=changes, security=True, actor=actor)


@transaction.atomic
def session_enter(
    *, session_id: UUID, user: User, tenant_id: UUID, reason: str, actor: Actor
) -> tuple[Place, TokenPair]:
    """Let a super admin's session work in a tenant from now on: new tokens, the old ones used up.

    Raises Forbidden for anybody else, Conflict for a suspended tenant.
    """
    with in_public():
        place = _place(user, tenant_id)
        session = AuthSession.objects.select_for_update().get(id=session_id)
        if session.confined_to_id not in {None, tenant_id}:
            raise Forbidden("This session opens nothing outside its institution.")
        before = session.tenant_id
        session.tenant, session.organization_id = place.tenant, place.organization_id
        session.last_used_at = timezone.now()
        session.save(update_fields=["tenant", "organization_id", "last_used_at"])
        session.refresh_tokens.filter(rotated_at=None).update(rotated_at=timezone.now())
        change = {"tenant": [str(before), str(tenant_id)], "reason": reason}
        audit.record("accounts.session.switched", on=session, changes=change, actor=actor)
        entrance_record(place=place, reason=reason, session_id=session.id, actor=actor)
        return place, issue(session)


def pass_make(*, user: User, tenant_id: UUID, reason: str) -> tuple[str, str]:
    """A pass for the next click into the tenant's console, and the host where it holds."""
    with in_public():
        place = _place(user, tenant_id)
        host = place.tenant.domains.filter(is_primary=True).values_list("domain", flat=True).first()
    if host is None:
        raise Conflict("This tenant has no host, so no console of its own.", code="no_host")
    token = secrets.token_urlsafe(32)
    kept = json.dumps({"user": str(user.id), "tenant": str(tenant_id), "reason": reason})
    caches["directory"].set(f"pass:{token}", kept, timedelta(seconds=PASS_SECONDS).total_seconds())
    return token, str(host)


def pass_take(*, token: str, tenant_id: UUID) -> tuple[User, Place, str]:
    """Whose pass it is, for which place and why. It holds once. Raises BadToken."""
    cache, key = caches["directory"], f"pass:{token}"
    kept = cache.get(key)
    # Of two who come with it at once, one takes it away.
    if kept is None or not cache.delete(key):
        raise BadToken("This link was used, or is too old; start again on the platform's console.")
    found = json.loads(kept)
    if found["tenant"] != str(tenant_id):
        raise BadToken()
    with in_public():
        user = User.objects.filter(id=found["user"], is_active=True).first()
        if user is None:
            raise BadToken()
        return user, _place(user, tenant_id), str(found["reason"])
