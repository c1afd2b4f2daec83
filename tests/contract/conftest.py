"""A server, and an institution with somebody in every role, committed for the tests of a file."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from accounts import services as accounts
from accounts.models import User
from accounts.permissions import Role
from accounts.privacy.sources import sources
from companies.models import Company
from organizations import services as organizations
from predictions.models import Prediction, ScoringJob
from tenants import services as tenants
from tenants.kernel import scope
from tenants.kernel.context import REFERENCE, TenantRef, in_tenant
from tenants.kernel.ids import uuid7
from tenants.kernel.request import SYSTEM
from tenants.models import Tenant
from tests.contract.application import ORIGIN, PASSWORD, Application
from tests.fixtures import World
from tests.web import WebServer
from tests.worker import wait_until

ROLES = ("user", "org_member", "org_admin", "tenant_admin", "super_admin")


@dataclass
class Stage:
    """Who is there, and where the server is."""

    base: str
    mark: str
    tenant: TenantRef
    organization_id: UUID
    emails: dict[str, str] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)
    """Tenants that tests have made."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def tab(self) -> Application:
        """A new tab in which nobody is signed in."""
        return Application(self.base)

    def signed_in(self, role: str) -> Application:
        return self.tab().sign_in(self.emails[role])

    def symbol(self, start: str = "CT") -> str:
        """A symbol that nobody has; letters only, as the client's sentence about duplicates expects."""
        number = next(self._numbers)
        return start + "".join(chr(65 + number // 26**place % 26) for place in (2, 1, 0))

    def address(self, name: str) -> str:
        return f"{name}{next(self._numbers)}@{self.mark}.test"


@pytest.fixture(scope="session")
def web(world, django_db_blocker) -> Iterator[WebServer]:
    with django_db_blocker.unblock():
        server = WebServer(CORS_ORIGINS=ORIGIN)
    wait_until(server.answers, f"the web server; see {server.log}")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def stage(world: World, web: WebServer, django_db_blocker) -> Iterator[Stage]:
    mark = f"c{uuid7().hex[-10:]}"
    with django_db_blocker.unblock():
        opened = organizations.tenant_open(
            name=f"Contract {mark}",
            admin_email=f"head@{mark}.test",
            admin_password=PASSWORD,
            domain=f"{mark}.test",
            actor=SYSTEM,
        )
        ref = opened.tenant.ref
        place = Stage(f"http://localhost:{web.port}/api/v1", mark, ref, opened.organization_id)
        for name, role in (
            ("admin", Role.ADMIN),
            ("member", Role.ANALYST),
            ("viewer", Role.VIEWER),
            ("idle", Role.ANALYST),
        ):
            user = accounts.user_create(
                email=f"{name}@{mark}.test",
                password=PASSWORD,
                full_name=f"{name.title()} Person",
                verified=True,
                actor=SYSTEM,
            )
            with in_tenant(ref), scope.every_organization(reason="test"):
                organizations.member_add(
                    user=user, organization_id=opened.organization_id, role=role, actor=SYSTEM
                )
        for name in ("single", "empty"):
            organizations.individual_register(email=f"{name}@{mark}.test", password=PASSWORD)
    place.emails = {
        "user": f"single@{mark}.test",
        "org_member": f"member@{mark}.test",
        "org_admin": f"admin@{mark}.test",
        "tenant_admin": f"head@{mark}.test",
        "super_admin": "root@platform.test",
        "viewer": f"viewer@{mark}.test",
        "empty": f"empty@{mark}.test",
    }
    yield place
    with django_db_blocker.unblock():
        _clear(place)


def _clear(place: Stage) -> None:
    """Remove what was committed: institutions, people, and what was written into the reference data."""
    with in_tenant(Tenant.objects.get(schema_name=REFERENCE).ref), scope.every_organization(reason="test"):
        Prediction.objects.filter(company__symbol__startswith="CT").delete()
        ScoringJob.objects.all().delete()
        Company.all_objects.filter(symbol__startswith="CT").delete()
    for tenant in Tenant.objects.filter(name__contains=place.mark):
        tenants.tenant_delete(tenant_id=tenant.id, actor=SYSTEM)
    people = User.objects.filter(email__endswith=f"@{place.mark}.test")
    for user, source in itertools.product(people, sources()):
        source.erase(user, user.email)
    people.delete()
