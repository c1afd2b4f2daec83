"""Fill the platform with a made-up bank, and tell where to look at it and as whom."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts import services as accounts
from accounts.models import Membership, User
from accounts.permissions import Role
from companies.demo import DemoCompany, demo_companies
from companies.models import Company, Statement
from companies.services import CompanyFacts, companies_ensure
from organizations import services as organizations
from organizations.models import Organization
from organizations.onboarding.services import assert_registration_open
from predictions.management.demo_summary import (
    BANK,
    DEMO_PASSWORD,
    INDIVIDUAL,
    LENDING,
    MEMBERS,
    RESEARCH,
    SUPER_ADMIN,
    TENANT_ADMIN,
    Person,
    as_text,
    demo_host,
    demo_summary,
    demo_tenant,
)
from predictions.management.demo_tenants import (
    BANK_LOOKS,
    HARBOR_LENDING,
    HARBOR_NUMBERS,
    brand,
    harbor_ensure,
)
from tenants import selectors as directory
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, in_public, in_tenant
from tenants.kernel.errors import DomainError, Forbidden
from tenants.kernel.ids import uuid7_batch
from tenants.kernel.request import Actor
from tenants.models import OrganizationEntry

DEFAULT_COMPANIES = 320
# Companies of the reference tenant, beside the bank's own: one for every so many of those.
GLOBAL_EVERY = 8
GLOBAL_FIRST = 800
SOURCE = "Made up for the demo"
LOADER = Actor(None, "load_demo")


class Command(BaseCommand):
    help = (
        "Make the demo: a bank with organizations, a user for every role, companies with statements, and "
        "their scores. What is there already stays as it is. Prints addresses, log-ins and figures."
    )

    # They import every route and with it the scoring engine; the launcher calls this at every start.
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--companies",
            type=int,
            metavar="N",
            help=f"the bank's first N companies; default: {DEFAULT_COMPANIES}, where there are none yet",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
        parser.add_argument("--summary", action="store_true", help="load nothing, only print")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.ENVIRONMENT == "production":
            raise CommandError("The demo's log-ins are known to everybody: it is not for production.")
        wanted = options["companies"]
        if wanted is not None and not 1 <= wanted <= GLOBAL_FIRST:
            raise CommandError(f"--companies takes 1 to {GLOBAL_FIRST}.")
        self.quiet = options["json"]
        try:
            if not options["summary"]:
                self._load(wanted)
            summary = demo_summary()
        except DomainError as error:
            hint = "" if options["summary"] else " (Were migrate_tenants and provision run?)"
            raise CommandError(f"{error.detail}{hint}") from None
        self.stdout.write(json.dumps(summary) if options["json"] else f"\n{as_text(summary)}")

    # -- loading ----------------------------------------------------------------------------------

    def _load(self, wanted: int | None) -> None:
        tenant = self.make_bank()
        with in_tenant(tenant), scope.every_organization(reason="load the demo"):
            lending, research = (_organization(name) for name in (LENDING, RESEARCH))
        self._people(tenant, {LENDING: lending, RESEARCH: research})
        count = wanted or DEFAULT_COMPANIES
        reference = directory.reference_tenant()
        with in_public():
            entry = OrganizationEntry.objects.get(tenant_id=reference.id, is_default=True)
        shelves = (
            Shelf(LENDING, tenant, lending, "analyst", range(0, count, 2)),
            Shelf(RESEARCH, tenant, research, "research.analyst", range(1, count, 2)),
            Shelf("Reference data", reference, entry.id, "super.admin", _global_numbers(count)),
        )
        for shelf in shelves:
            self._fill(shelf, only_if_empty=wanted is None)
        harbor, place = harbor_ensure(actor=LOADER)
        second = Shelf(HARBOR_LENDING, harbor, place, "harbor.admin", HARBOR_NUMBERS)
        self._fill(second, only_if_empty=True)
        for shelf in (*shelves[:2], second):
            self._monitor(shelf)
        from predictions import usage  # imports every model of the app: not for `--summary`

        for counted in (tenant, harbor):
            usage.count(counted)

    def _say(self, text: str) -> None:
        if not self.quiet:
            self.stdout.write(text)
            self.stdout.flush()

    def make_bank(self) -> TenantRef:
        """The demo tenant, made where it is missing."""
        tenant = demo_tenant()
        if tenant is not None:
            self._say(f"{tenant.name}: there already")
            return tenant
        opened = organizations.tenant_open(
            name=BANK,
            admin_email=TENANT_ADMIN.email,
            admin_password=DEMO_PASSWORD,
            admin_full_name=TENANT_ADMIN.name,
            domain=demo_host(),
            slug="demo",
            organization_name=LENDING,
            description="A made-up bank to look around in.",
            actor=LOADER,
        )
        brand(opened.tenant.id, BANK, BANK_LOOKS, actor=LOADER)
        self._say(f"{BANK}: made, at http://{demo_host()}:{settings.PORT}")
        return opened.tenant.ref

    def _people(self, tenant: TenantRef, places: dict[str, UUID]) -> None:
        made = sum(_member_ensure(person, tenant, places) for person in MEMBERS)
        if _find(SUPER_ADMIN.email) is None:
            _user_create(SUPER_ADMIN)
            made += 1
        if _find(INDIVIDUAL.email) is None:
            try:
                assert_registration_open(with_organization=False)
                organizations.individual_register(
                    email=INDIVIDUAL.email, password=DEMO_PASSWORD, full_name=INDIVIDUAL.name
                )
                made += 1
            except Forbidden as error:
                self._say(f"No individual: {error.detail}")
        self._say(f"users: {made} made")

    def _fill(self, shelf: Shelf, *, only_if_empty: bool) -> None:
        """Companies, statements and scores of one organization, all or nothing."""
        begun = time.monotonic()
        reach = scope.organizations({shelf.organization_id}, reason="load the demo")
        with in_tenant(shelf.tenant), reach, transaction.atomic():
            there = Statement.objects.filter(organization_id=shelf.organization_id, source=SOURCE)
            if only_if_empty and there.exists():
                self._say(f"{shelf.label}: there already")
                return
            last_year = there.aggregate(last=Max("fiscal_year"))["last"] or timezone.now().year - 1
            made = [
                company
                for number in shelf.numbers
                for company in demo_companies(1, first=number, last_year=last_year)
            ]
            companies, statements = _store(made, shelf.organization_id, shelf.actor)
            self._say(f"{shelf.label}: {companies:,} companies, {statements:,} statements; scoring")
            # Here and not above: the engine takes seconds to import, and a second start scores nothing.
            from predictions.services.statements import statements_score

            scored = statements_score(organization_id=shelf.organization_id, actor=shelf.actor)
        self._say(f"{shelf.label}: {scored:,} statements scored ({time.monotonic() - begun:.1f} s)")

    def _monitor(self, shelf: Shelf) -> None:
        """Past defaults of one organization, and a look at the scores of this week."""
        # Here and not above, like the scoring.
        from predictions.management.demo_monitoring import monitoring_ensure

        begun = time.monotonic()
        reach = scope.organizations({shelf.organization_id}, reason="load the demo")
        with in_tenant(shelf.tenant), reach:
            made = monitoring_ensure(organization_id=shelf.organization_id, actor=shelf.actor)
        if made is not None:
            took = f"({time.monotonic() - begun:.1f} s)"
            self._say(f"{shelf.label}: {made[0]:,} past defaults, {made[1]} observations of scores {took}")


@dataclass(frozen=True, slots=True)
class Shelf:
    """An organization with the numbers of the companies that belong there."""

    label: str
    tenant: TenantRef
    organization_id: UUID
    mailbox: str
    numbers: range

    @property
    def actor(self) -> Actor:
        """In whose name its rows are made: its analyst's, who may then change them."""
        user = _find(f"{self.mailbox}@demo.example")
        return user.actor if user is not None else LOADER


def _global_numbers(count: int) -> range:
    return range(GLOBAL_FIRST, GLOBAL_FIRST + max(count // GLOBAL_EVERY, 1))


def _find(email: str) -> User | None:
    with in_public():
        return User.objects.by_email(email)


def _organization(name: str) -> UUID:
    there = Organization.objects.filter(name__lower=name.lower()).first()
    return (there or organizations.organization_create(name=name, actor=LOADER)).id


def _user_create(person: Person) -> User:
    return accounts.user_create(
        email=person.email,
        password=DEMO_PASSWORD,
        full_name=person.name,
        username=person.email.partition("@")[0],
        job_title=person.job_title,
        verified=True,
        is_super_admin=person.role == Role.SUPER_ADMIN,
        actor=LOADER,
    )


@transaction.atomic
def _member_ensure(person: Person, tenant: TenantRef, places: dict[str, UUID]) -> bool:
    """Make a person, or give him back his place if he has none in the bank; tells whether it had to."""
    user = _find(person.email)
    with in_public():
        if user is not None and Membership.objects.filter(user=user, tenant_id=tenant.id).exists():
            return False
    with in_tenant(tenant), scope.every_organization(reason="load the demo"):
        organizations.member_add(
            user=user or _user_create(person),
            organization_id=places[person.organization or ""],
            role=person.role,
            actor=LOADER,
        )
    return True


def _store(made: list[DemoCompany], organization_id: UUID, actor: Actor) -> tuple[int, int]:
    """Write what is missing of the companies and their statements; how many of each that was."""
    symbols = [company.symbol for company in made]
    rows = Company.objects.filter(organization_id=organization_id, symbol__in=symbols)
    known = set(rows.values_list("symbol", flat=True))
    new = [
        CompanyFacts(company.symbol, company.name, company.sector, company.market_cap)
        for company in made
        if company.symbol not in known
    ]
    companies_ensure(facts=new, organization_id=organization_id, actor=actor)
    ids = dict(rows.values_list("symbol", "id"))
    there = set(
        Statement.objects.filter(company_id__in=ids.values()).values_list(
            "company_id", "fiscal_year", "fiscal_quarter"
        )
    )
    wanted = [
        (ids[company.symbol], statement)
        for company in made
        for statement in company.statements
        if (ids[company.symbol], statement.fiscal_year, statement.fiscal_quarter) not in there
    ]
    Statement.objects.bulk_create(
        [
            Statement(
                id=identifier,
                organization_id=organization_id,
                company_id=company_id,
                kind=statement.kind,
                fiscal_year=statement.fiscal_year,
                fiscal_quarter=statement.fiscal_quarter,
                source=SOURCE,
                created_by_id=actor.user_id,
                **statement.amounts,
            )
            for identifier, (company_id, statement) in zip(uuid7_batch(len(wanted)), wanted, strict=True)
        ],
        batch_size=500,
    )
    return len(new), len(wanted)
