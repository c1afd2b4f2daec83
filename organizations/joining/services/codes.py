"""Short codes by which people find an organization; unique on the platform, so they live in the directory."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from accounts.permissions import Role
from organizations.authority import authority, organization_lock
from organizations.joining import tokens
from organizations.models import Organization
from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.errors import Unavailable
from tenants.kernel.request import Actor
from tenants.models import OrganizationEntry

ATTEMPTS = 5


@transaction.atomic
def code_rotate(*, organization: Organization, actor: Actor) -> str:
    """A new code; the old one leads nowhere from now on."""
    organization = organization_lock(organization.id)
    # Whoever has it may pass it on: it is for those who could give its role themselves.
    authority(actor, organization.id).assert_gives(Role(organization.default_role))
    with in_public():
        code = _set(organization)
    audit.record("organizations.joining.code_changed", on=organization, actor=actor)
    return tokens.shown_code(code)


def _set(organization: Organization) -> str:
    for _ in range(ATTEMPTS):
        code = tokens.new_code()
        try:
            with transaction.atomic():
                OrganizationEntry.objects.filter(id=organization.id).update(code=code)
        except IntegrityError:  # one in 10^13, for each organization that there is
            continue
        return code
    raise Unavailable("No code was free; try again.")


@transaction.atomic
def code_remove(*, organization: Organization, actor: Actor) -> None:
    """The organization has no code any more."""
    organization_lock(organization.id)
    with in_public():
        OrganizationEntry.objects.filter(id=organization.id).update(code=None)
    audit.record("organizations.joining.code_removed", on=organization, actor=actor)
