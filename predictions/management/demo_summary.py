"""The demo as people see it: who may sign in, where, and what there is to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Max

from accounts.models import User
from accounts.permissions import Role
from companies.models import Company, PeriodKind, Statement
from organizations.models import Organization
from predictions.models import Prediction, RiskLevel
from tenants import selectors as directory
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, in_public, in_tenant
from tenants.kernel.errors import Absent
from tenants.models import Domain

BANK = "Demo Bank"
LENDING, RESEARCH = "Corporate Lending", "Investment Research"
# Meant to be known: it opens made-up data, and the command refuses to run in production.
DEMO_PASSWORD = "demo-portfolio-1"  # noqa: S105
PLATFORM, TENANT, API = "platform console", "bank's console", "API"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to sign in as. Without an organization: a role of the platform, the tenant or nobody's."""

    role: Role
    name: str
    job_title: str
    where: str
    organization: str | None = None
    mailbox: str = ""

    @property
    def email(self) -> str:
        return f"{self.mailbox or self.role.value.replace('_', '.')}@demo.example"


TENANT_ADMIN = Person(Role.TENANT_ADMIN, "Tara Tenant", "Head of IT", TENANT)
MEMBERS = (
    Person(Role.OWNER, "Olive Owner", "Head of lending", TENANT, LENDING),
    Person(Role.ADMIN, "Adam Admin", "Team lead", TENANT, LENDING),
    Person(Role.ANALYST, "Anna Analyst", "Credit analyst", API, LENDING),
    Person(Role.VIEWER, "Victor Viewer", "Relationship manager", API, LENDING),
    Person(Role.OWNER, "Rosa Research", "Head of research", TENANT, RESEARCH, "research.owner"),
    Person(Role.ANALYST, "Rita Research", "Research analyst", API, RESEARCH, "research.analyst"),
)
SUPER_ADMIN = Person(Role.SUPER_ADMIN, "Susan Super", "Platform operator", PLATFORM)
HARBOR_ADMIN = Person(
    Role.TENANT_ADMIN, "Hanna Harbor", "Chief risk officer", "2nd bank's console", None, "harbor.admin"
)
INDIVIDUAL = Person(Role.INDIVIDUAL, "Ivan Individual", "Independent adviser", API)
PEOPLE = (SUPER_ADMIN, TENANT_ADMIN, *MEMBERS, HARBOR_ADMIN, INDIVIDUAL)


def demo_host() -> str:
    """The bank's host."""
    return f"demo.{settings.TENANT_HOST_SUFFIX}"


def demo_tenant() -> TenantRef | None:
    """The bank, or None where it has not been made (or somebody has deleted it)."""
    # Not from the directory's cache, which would remember for a while that there was none.
    with in_public():
        domain = Domain.objects.select_related("tenant").filter(domain=demo_host()).first()
    return domain.tenant.ref if domain is not None else None


def demo_summary() -> dict[str, Any]:
    """Addresses, log-ins and figures of the demo; raises Absent where there is none."""
    tenant = demo_tenant()
    if tenant is None:
        raise Absent("There is no demo yet: run load_demo without --summary.")
    platform, bank = (f"http://{host}:{settings.PORT}" for host in (settings.PLATFORM_HOSTS[0], demo_host()))
    with in_public():
        known = set(User.objects.filter(is_active=True).values_list("email", flat=True))
    with in_tenant(tenant), scope.every_organization(reason="summary of the demo"):
        figures = _figures()
        figures["organizations"] = {
            str(name): _count(organization_id=identifier)
            for name, identifier in Organization.objects.values_list("name", "id")
        }
        figures["worst"] = _worst()
    with in_tenant(directory.reference_tenant()), scope.every_organization(reason="summary of the demo"):
        figures["reference"] = _count()
    return {
        "addresses": {
            "platform_console": f"{platform}/admin/",
            "tenant_console": f"{bank}/admin/",
            "second_console": f"http://harbor.{settings.TENANT_HOST_SUFFIX}:{settings.PORT}/admin/",
            "api_docs": f"{bank}/api/docs/",
            "browsable_api": f"{bank}/api/v1/companies/",
            "api": f"{bank}/api/v1/",
        },
        "logins": [
            {
                "role": person.role.value,
                "email": person.email,
                "password": DEMO_PASSWORD,
                "organization": person.organization,
                "where": person.where,
            }
            for person in PEOPLE
            if person.email in known
        ],
        "mail": _mail_folder(),
        "figures": figures,
    }


def _mail_folder() -> str | None:
    """Where the demo's mail lies; None where it is really sent."""
    is_in_files = settings.EMAIL_BACKEND.endswith("filebased.EmailBackend")
    return str(settings.EMAIL_FILE_PATH) if is_in_files else None


def _count(**narrow: UUID) -> dict[str, int]:
    return {
        "companies": Company.objects.filter(**narrow).count(),
        "statements": Statement.objects.filter(**narrow).count(),
        "predictions": Prediction.objects.filter(**narrow).count(),
    }


def _figures() -> dict[str, Any]:
    """Of the whole bank."""
    levels = dict.fromkeys(RiskLevel.values, 0)
    # No ordering: it would become part of the groups.
    grouped = Prediction.objects.order_by().values_list("risk_level").annotate(n=Count("id"))
    return {**_count(), "risk_levels": levels | dict(grouped)}


def _worst(count: int = 5) -> list[dict[str, Any]]:
    """The names with the highest PD on their latest annual statements."""
    annual = Prediction.objects.filter(kind=PeriodKind.ANNUAL)
    last = annual.aggregate(year=Max("fiscal_year"))["year"]
    rows = annual.filter(fiscal_year=last).select_related("company", "organization").order_by("-pd", "id")
    return [
        {
            "symbol": row.company.symbol,
            "name": row.company.name,
            "sector": row.company.sector,
            "organization": row.organization.name,
            "fiscal_year": row.fiscal_year,
            "pd": row.pd,
            "risk_level": row.risk_level,
        }
        for row in rows[:count]
    ]


def as_text(summary: dict[str, Any]) -> str:
    """The summary for people."""
    figures, addresses = summary["figures"], summary["addresses"]
    total = max(figures["predictions"], 1)
    levels = ", ".join(
        f"{RiskLevel(level).label} {number:,} ({number / total:.0%})"
        for level, number in figures["risk_levels"].items()
    )
    companies = ", ".join(
        f"{counts['companies']:,} of {name}"
        for name, counts in [*figures["organizations"].items(), ("the reference data", figures["reference"])]
        if counts["companies"]
    )
    return "\n".join(
        [
            "Where to look",
            f"  Platform console  {addresses['platform_console']}",
            f"  Bank's console    {addresses['tenant_console']}",
            f"  Another tenant's  {addresses['second_console']}",
            f"  API description   {addresses['api_docs']}",
            f"  Browsable API     {addresses['browsable_api']}",
            *([f"  Mail it sends     files in {summary['mail']}"] if summary["mail"] else []),
            "",
            f"Who to be (everybody's password: {DEMO_PASSWORD})",
            *(
                f"  {login['role'].replace('_', ' '):<13} {login['email']:<31} {login['where']:<17}"
                f" {login['organization'] or ''}".rstrip()
                for login in summary["logins"]
            ),
            "",
            "What is there",
            f"  Companies    {companies}",
            f"  Statements   {figures['statements']:,}",
            f"  Predictions  {figures['predictions']:,}: {levels}",
            "  Worst names of the latest year",
            *(
                f"    {row['pd']:6.1%}  {row['symbol']:<15} {row['name']:<28} {row['organization']}"
                for row in figures["worst"]
            ),
        ]
    )
