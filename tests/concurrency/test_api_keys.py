"""Keys made and rotated at the same moment."""

from __future__ import annotations

from datetime import timedelta

from accounts.api_keys import services
from accounts.api_keys.models import ApiKey
from accounts.principals import principal_for
from tenants.kernel.context import in_tenant
from tenants.kernel.errors import DomainError
from tests.concurrency.test_refresh import in_parallel
from tests.factories import ApiKeyFactory
from tests.fixtures import OwnTenant


def attempt(own: OwnTenant, work):
    """What a service answers within the tenant: its key, or the code of its refusal."""
    session = own.client.session_row
    with in_tenant(own.ref):
        principal = principal_for(session.id, session.tenant_id, session.organization_id)
        try:
            return work(principal)[0]
        except DomainError as refusal:
            return refusal.code


def make(own: OwnTenant):
    return attempt(
        own,
        lambda principal: services.key_create(
            principal=principal, user=own.owner, name="k", scopes=["companies.read"], actor=principal.actor
        ),
    )


def test_a_key_rotated_four_times_at_once_has_one_successor(own_tenant: OwnTenant):
    key = make(own_tenant)

    def rotate(_):
        return attempt(
            own_tenant,
            lambda principal: services.key_rotate(
                key_id=key.id, principal=principal, overlap=timedelta(hours=1), actor=principal.actor
            ),
        )

    outcomes = in_parallel(4, rotate)
    assert [o for o in outcomes if isinstance(o, str)] == ["key_rotated"] * 3
    assert ApiKey.objects.filter(user=own_tenant.owner).count() == 2


def test_the_limit_of_keys_holds_at_once(own_tenant: OwnTenant):
    for _ in range(services.MOST_KEYS - 1):
        ApiKeyFactory(
            user=own_tenant.owner,
            tenant_id=own_tenant.ref.id,
            secret_hash=f"{own_tenant.mark}{_}",
        )
    outcomes = in_parallel(4, lambda _: make(own_tenant))
    assert [o for o in outcomes if isinstance(o, str)] == ["too_many_keys"] * 3
