"""Which keys a caller may see."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.api_keys.models import ApiKey
from accounts.principals import SessionPrincipal
from tenants.kernel.errors import Absent


def keys_for(principal: SessionPrincipal) -> QuerySet[ApiKey]:
    """A caller's own keys of his tenant; with ``api_keys.manage`` those of the organizations he runs too."""
    seen = Q(user_id=principal.user_id)
    if principal.holds("api_keys.manage"):
        seen |= Q(organization_id__in=principal.organizations_with("api_keys.manage"))
        if principal.reaches_tenant:
            seen |= Q(organization_id=None)
    return ApiKey.objects.select_related("user").filter(seen, tenant_id=cast(UUID, principal.tenant_id))


def key_for(principal: SessionPrincipal, key_id: str) -> ApiKey:
    """One of them; raises Absent for a foreign and an absent one alike."""
    try:
        wanted = UUID(key_id)
    except ValueError:
        raise Absent() from None
    if (key := keys_for(principal).filter(pk=wanted).first()) is None:
        raise Absent()
    return key
