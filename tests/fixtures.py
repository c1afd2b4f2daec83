"""The world that tests run in: two tenants with equal ids on purpose, and somebody for every role.

The world is committed once per session and every test rolls back what it changes. Tests that need
committed rows (a worker, two connections) take ``own_tenant``, which is made for them and dropped.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from django.core.cache import caches
from django.db import OperationalError, connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import keys, tokens
from accounts import services as accounts
from accounts.models import AuthSession, Membership, User
from accounts.permissions import Role
from accounts.selectors import Place
from accounts.standing.selectors import PLATFORM
from accounts.standing.services import user_suspend
from companies.models import Company
from organizations import services as organizations
from organizations.models import Organization
from predictions.registry.services import shipped_model_register
from tenants import services as tenants
from tenants.kernel import scope
from tenants.kernel.context import PERSONAL, REFERENCE, TenantRef, in_public, in_tenant
from tenants.kernel.errors import Absent
from tenants.kernel.ids import uuid7
from tenants.kernel.request import SYSTEM
from tenants.models import OrganizationEntry, Tenant
from tests import database, factories

PASSWORD = "correct-horse-9"
ORGANIZATION_ROLES = (Role.OWNER, Role.ADMIN, Role.ANALYST, Role.VIEWER)
# The same in both tenants: a query that ran in the wrong schema would find something.
EQUAL_IDS = {
    name: UUID(f"01990000-0000-7000-8000-00000000000{n}") for n, name in enumerate(("one", "two"), 1)
}


@dataclass
class World:
    """Tenants, organizations and users by name."""

    tenants: dict[str, TenantRef] = field(default_factory=dict)
    organizations: dict[tuple[str, str], UUID] = field(default_factory=dict)
    users: dict[tuple[str, str, str], User] = field(default_factory=dict)
    """By tenant, organization ('' for none) and role."""

    def user(self, role: str, tenant: str = "alpha", organization: str = "one") -> User:
        if role == Role.SUPER_ADMIN:
            tenant, organization = "", ""
        elif role == Role.TENANT_ADMIN:
            organization = ""
        elif role == Role.INDIVIDUAL:
            tenant = PERSONAL
        return self.users[tenant, organization, role]

    @contextmanager
    def within(self, tenant: str, *organizations_: str) -> Iterator[None]:
        """Inside a tenant with sight of these organizations, of all of them when none is named."""
        with ExitStack() as doors:
            doors.enter_context(in_tenant(self.tenants[tenant]))
            if organizations_:
                ids = [self.organizations[tenant, o] for o in organizations_]
                doors.enter_context(scope.organizations(ids, reason="test"))
            else:
                doors.enter_context(scope.every_organization(reason="test"))
            yield

    def client(
        self,
        role: str,
        tenant: str = "alpha",
        organization: str = "one",
        *,
        host: str | None = None,
        proved: bool = True,
    ) -> APIClient:
        """An API client signed in as somebody; on the tenant's host unless said otherwise.

        ``proved``: its session holds a fresh proof, as dangerous actions ask for.
        """
        user = self.user(role, tenant, organization)
        if role == Role.INDIVIDUAL:
            tenant, host = PERSONAL, host or "localhost"
        entry_id = self.organizations.get((tenant, organization)) if role != Role.TENANT_ADMIN else None
        with in_public():
            entry = OrganizationEntry.objects.filter(id=entry_id).first()
            row = Tenant.objects.get(id=self.tenants[tenant].id)
        place = Place(row, entry, Role(role))
        session = accounts.session_open(user=user, place=place, device="test", address=None)
        if proved:
            with in_public():
                AuthSession.objects.filter(id=session.id).update(proved_at=timezone.now())
        client = APIClient(headers={"host": host or f"{tenant}.test"})
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens.access_for(session)}")
        client.session_row = session
        return client


def anonymous(tenant: str = "alpha") -> APIClient:
    return APIClient(headers={"host": f"{tenant}.test"})


def _make_user(email: str, role: str) -> User:
    return accounts.user_create(
        email=email,
        password=PASSWORD,
        full_name=email.partition("@")[0],
        is_super_admin=role == Role.SUPER_ADMIN,
        verified=True,
        actor=SYSTEM,
    )


def shut_out(user: User) -> None:
    """Suspend an account on the platform, as an operator would."""
    user_suspend(
        user=User.objects.get(pk=user.pk), reach=PLATFORM, reason="test", actor=SYSTEM, role=Role.SUPER_ADMIN
    )


def _make_tenant(world: World, name: str) -> None:
    tenant = tenants.tenant_create(name=name.capitalize(), domain=f"{name}.test", actor=SYSTEM)
    world.tenants[name] = tenant.ref
    admin = _make_user(f"tenant-admin@{name}.test", Role.TENANT_ADMIN)
    world.users[name, "", Role.TENANT_ADMIN] = admin
    accounts.membership_grant(
        user=admin, tenant_id=tenant.id, organization_id=None, role=Role.TENANT_ADMIN, actor=SYSTEM
    )
    with world.within(name):
        for organization, identifier in EQUAL_IDS.items():
            row = Organization(
                id=identifier,
                name=organization.capitalize(),
                slug=organization,
                is_default=organization == "one",
            )
            row.save()
            world.organizations[name, organization] = row.id


def _register(world: World, name: str) -> None:
    """Directory entries and members. Entry ids are unique in public, so the second tenant's differ."""
    for organization, identifier in EQUAL_IDS.items():
        with in_public():
            OrganizationEntry.objects.create(
                id=identifier,
                tenant_id=world.tenants[name].id,
                name=organization.capitalize(),
                slug=organization,
                state="active",
                is_default=organization == "one",
            )
        for role in ORGANIZATION_ROLES:
            user = _make_user(f"{role}-{organization}@{name}.test", role)
            world.users[name, organization, role] = user
            accounts.membership_grant(
                user=user,
                tenant_id=world.tenants[name].id,
                organization_id=identifier,
                role=role,
                actor=SYSTEM,
            )


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment, django_db_blocker) -> Iterator[None]:
    """The tests' database, always: pytest-django makes it only where a test asks for ``db``, and tests
    with committed rows would then write into the database that the address names."""
    with django_db_blocker.unblock():
        remove = database.set_up()
        assert connection.settings_dict["NAME"].startswith("test_")
    yield
    with django_db_blocker.unblock():
        remove()


@pytest.fixture(scope="session")
def world(django_db_setup, django_db_blocker) -> World:
    """Made once, committed, never changed outside a rolled-back test."""
    world = World()
    with django_db_blocker.unblock():
        _forget_cache()
        keys.ring()
        organizations.reserved_tenants_ensure()
        shipped_model_register(actor=SYSTEM)
        with in_public():
            for schema in (REFERENCE, PERSONAL):
                world.tenants[schema] = Tenant.objects.get(schema_name=schema).ref
        world.users["", "", Role.SUPER_ADMIN] = _make_user("root@platform.test", Role.SUPER_ADMIN)
        for name in ("alpha", "beta"):
            _make_tenant(world, name)
        _register(world, "alpha")
        _beta(world)
        for organization in ("one", "two"):
            user = organizations.individual_register(
                email=f"individual-{organization}@home.test", password=PASSWORD
            )
            world.users[PERSONAL, organization, Role.INDIVIDUAL] = user
            membership = Membership.objects.get(user=user)
            world.organizations[PERSONAL, organization] = membership.organization_id
        _rows(world)
    return world


def _beta(world: World) -> None:
    """Beta's organizations carry alpha's ids inside their schema; in the directory they need their own.

    So beta gets two more organizations for its members, and the ones with the equal ids stay as a trap.
    """
    with world.within("beta"):
        Organization.objects.filter(slug="one").update(is_default=False)
        for organization in ("one", "two"):
            row = organizations.organization_create(
                name=f"Beta {organization}", is_default=organization == "one", actor=SYSTEM
            )
            world.organizations["beta", organization] = row.id
    for organization in ("one", "two"):
        for role in ORGANIZATION_ROLES:
            user = _make_user(f"{role}-{organization}@beta.test", role)
            world.users["beta", organization, role] = user
            accounts.membership_grant(
                user=user,
                tenant_id=world.tenants["beta"].id,
                organization_id=world.organizations["beta", organization],
                role=role,
                actor=SYSTEM,
            )


def _rows(world: World) -> None:
    """One row of every kind in every organization, and in beta's trap the companies of alpha by id."""
    counter = itertools.count(1)
    for tenant, organization in list(world.organizations):
        if tenant in {REFERENCE}:
            continue
        with world.within(tenant):
            owner = Organization.objects.get(id=world.organizations[tenant, organization])
            number = next(counter)
            annual = factories.PredictionFactory(organization=owner, company__symbol=f"ROW{number}")
            factories.PredictionFactory(
                organization=owner, company__symbol=f"ROWQ{number}", kind="quarterly", fiscal_quarter=1
            )
            factories.StatementFactory(organization=owner, company=annual.company)
            factories.RescoreRunFactory(organization=owner)
            job = factories.JobFactory(organization=owner)
            factories.IssueFactory(organization=owner, job=job)
            factories.ChunkFactory(organization=owner, job=job)
            taken = factories.ImportFactory(organization=owner)
            factories.ImportChunkFactory(organization=owner, job=taken)
            factories.ImportIssueFactory(organization=owner, job=taken)
            factories.ImportEffectFactory(organization=owner, job=taken, company=annual.company)
            factories.ColumnMappingFactory(organization=owner)
            factories.OwnModelFactory(organization=owner)
            factories.FlagFactory(organization=owner, company=annual.company, prediction=annual)
            factories.WatchlistFactory(organization=owner)
            factories.NoteFactory(organization=owner, company=annual.company)
            factories.WhitelistEntryFactory(organization=owner, value="listed@firm.test")
            factories.JoinLinkFactory(organization=owner)
            factories.InvitationFactory(organization=owner)
            factories.DocumentFactory(organization=owner)
            factories.OutcomeFactory(organization=owner, company=annual.company)
            factories.ObservationFactory(organization=owner)
            factories.AlertFactory(organization=owner)
            factories.ScheduledRunFactory(organization=owner)
            factories.ExportFactory(organization=owner)
            factories.DryRunFactory(organization=owner)
            for (place, within, role), user in world.users.items():
                if role == Role.SUPER_ADMIN or (place == tenant and within in {"", organization}):
                    factories.NoticeFactory(organization=owner, user_id=user.pk)
            factories.ScenarioFactory(organization=owner)
            factories.ScenarioRunFactory(organization=owner, looked_at=annual.company)
    with world.within("alpha"):
        companies = list(Company.objects.values_list("id", "organization_id", "symbol"))
    with world.within("beta"):
        for identifier, organization_id, symbol in companies:
            factories.CompanyFactory(id=identifier, organization_id=organization_id, symbol=f"TRAP.{symbol}")


@pytest.fixture(autouse=True)
def _leave_public(request):
    """Whatever a test did, it ends in public and without a scope."""
    uses_database = "db" in request.fixturenames or request.node.get_closest_marker("django_db")
    if uses_database:
        request.getfixturevalue("db") if not request.node.get_closest_marker("django_db") else None
        _forget_cache()
    yield
    if uses_database:
        assert connection.schema_name == "public", "a test or the code left a tenant entered"
    assert not scope.is_active(), "a test or the code left a scope active"


def _forget_cache() -> None:
    """Drop the tests' keys and nobody else's."""
    for name in ("default", "directory"):
        cache = caches[name]
        client = cache._cache.get_client(None, write=True)
        keys = list(client.scan_iter(match="*test-*", count=1000))
        if keys:
            client.delete(*keys)


@pytest.fixture
def people(world, db) -> World:
    """The world, in a test that rolls back."""
    return world


@dataclass
class OwnTenant:
    """A committed tenant of one test, with an owner signed in."""

    ref: TenantRef
    organization_id: UUID
    owner: User
    client: APIClient
    world: World

    def member(self, role: str) -> APIClient:
        """A client of a new member in a role."""
        user = _make_user(f"{role}@{self.mark}.test", role)
        accounts.membership_grant(
            user=user,
            tenant_id=self.ref.id,
            organization_id=self.organization_id,
            role=Role(role),
            actor=SYSTEM,
        )
        self.world.users[self.mark, "own", role] = user
        try:
            return self.world.client(role, self.mark, "own")
        finally:
            del self.world.users[self.mark, "own", role]

    @property
    def mark(self) -> str:
        return self.owner.email.partition("@")[2].removesuffix(".test")

    @contextmanager
    def within(self) -> Iterator[None]:
        with in_tenant(self.ref), scope.every_organization(reason="test"):
            yield


def _drop(tenant_id: UUID) -> None:
    """Remove a test's tenant; a worker that is still at its rows may cost an attempt or two."""
    for attempt in range(5):
        try:
            with suppress(Absent):  # a test may have seen to its end already
                tenants.tenant_delete(tenant_id=tenant_id, actor=SYSTEM)
        except OperationalError:
            if attempt == 4:
                raise
        else:
            return


@pytest.fixture
def own_tenant(world, django_db_blocker) -> Iterator[OwnTenant]:
    """For tests that need committed rows: a worker or a second connection looks at them."""
    mark = uuid7().hex[-12:]
    with django_db_blocker.unblock():
        opened = organizations.tenant_open(
            name=f"Own {mark}",
            admin_email=f"admin@{mark}.test",
            admin_password=PASSWORD,
            domain=f"{mark}.test",
            actor=SYSTEM,
        )
        owner = _make_user(f"owner@{mark}.test", Role.OWNER)
        ref = opened.tenant.ref
        accounts.membership_grant(
            user=owner,
            tenant_id=ref.id,
            organization_id=opened.organization_id,
            role=Role.OWNER,
            actor=SYSTEM,
        )
        world.tenants[mark] = ref
        world.organizations[mark, "own"] = opened.organization_id
        world.users[mark, "own", Role.OWNER] = owner
        try:
            client = world.client(Role.OWNER, mark, "own")
            yield OwnTenant(ref, opened.organization_id, owner, client, world)
        finally:
            del world.tenants[mark], world.organizations[mark, "own"], world.users[mark, "own", Role.OWNER]
            _drop(ref.id)
            User.objects.filter(email__endswith=f"{mark}.test").delete()
