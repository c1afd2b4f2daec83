"""An institution with rows of every kind and somebody in every role."""

from __future__ import annotations

import psycopg
from psycopg import sql

from tests import database
from tests.benchmarks import tenants
from tests.fuzzing.asking import PASSWORD

# Of every kind.
ROWS = 3


def people_made() -> dict[str, str]:
    """Addresses by role; all have the same password."""
    from accounts import services as accounts
    from accounts.permissions import Role
    from organizations.models import Organization
    from organizations.services import individual_register, member_add, tenant_open
    from predictions.registry.services import shipped_model_register
    from tenants.kernel import scope
    from tenants.kernel.context import in_tenant
    from tenants.kernel.request import SYSTEM
    from tests import factories
    from tests.benchmarks import filling

    shipped_model_register(actor=SYSTEM)
    opened = tenant_open(
        name="Fuzzed",
        admin_email="tenant_admin@fuzz.example",
        admin_password=PASSWORD,
        domain="fuzz.localhost",
        actor=SYSTEM,
    )
    for name, role in (("org_admin", Role.ADMIN), ("org_member", Role.ANALYST)):
        user = accounts.user_create(
            email=f"{name}@fuzz.example", password=PASSWORD, full_name=name, verified=True, actor=SYSTEM
        )
        with in_tenant(opened.tenant.ref), scope.every_organization(reason="fuzzing"):
            member_add(user=user, organization_id=opened.organization_id, role=role, actor=SYSTEM)
    filling.FEW = ROWS
    with in_tenant(opened.tenant.ref), scope.every_organization(reason="fuzzing"):
        owner = Organization.objects.get(id=opened.organization_id)
        for _ in range(ROWS):
            factories.PredictionFactory(organization=owner)
        filling.few_of_each(owner, user.pk)
    individual_register(email="user@fuzz.example", password=PASSWORD)
    accounts.user_create(
        email="super_admin@fuzz.example",
        password=PASSWORD,
        is_super_admin=True,
        verified=True,
        actor=SYSTEM,
    )
    roles = ("user", "org_member", "org_admin", "tenant_admin", "super_admin")
    return {role: f"{role}@fuzz.example" for role in roles}


def token_of(email: str) -> str:
    """An access token of one of them."""
    from accounts import services as accounts
    from accounts.models import User
    from accounts.selectors import starting_place

    user = User.objects.get(email=email)
    place = starting_place(user, tenant_id=None)
    session = accounts.session_open(user=user, place=place, device="fuzzing", address=None)
    return accounts.issue(session).access_token


class Copied(tenants._Database):
    """A database of its own, copied from the tests' migrated one where the server has it."""

    def _run(self, statement: str) -> None:
        if not statement.startswith("CREATE DATABASE"):
            return super()._run(statement)
        original = database.PREFIX + database._fingerprint()
        with psycopg.connect(self.server, autocommit=True) as admin:
            known = "SELECT 1 FROM pg_database WHERE datname = %s"
            if admin.execute(known, [original]).fetchone() is None:
                return super()._run(statement)
            names = (sql.Identifier(self.name), sql.Identifier(original))
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        return None
