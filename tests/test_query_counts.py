"""How many queries an endpoint makes, recorded in query_counts.json and the same for every page size.

After a wanted change run ``make test ARGS="tests/test_query_counts.py --record"`` and review the file.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.utils import timezone

from accounts.models import Membership
from accounts.permissions import Role
from companies.lists.models import RecentView, Watchlist, WatchlistEntry
from companies.models import RatingChange
from organizations.models import Organization
from tests.factories import (
    CompanyFactory,
    DryRunFactory,
    InvitationFactory,
    IssueFactory,
    JobFactory,
    JoinLinkFactory,
    NoteFactory,
    PredictionFactory,
    RescoreRunFactory,
    RunFactory,
    ScenarioFactory,
    ScenarioRunFactory,
    ScoreFactory,
    StatementFactory,
    UserFactory,
    WhitelistEntryFactory,
)
from tests.fixtures import World
from tests.queries import asked

RECORD = Path(__file__).with_name("query_counts.json")
ADDRESSES = {
    "me": "/api/v1/auth/me",
    "organizations": "/api/v1/organizations",
    "one organization": "/api/v1/organizations/{organization}",
    "members": "/api/v1/organizations/{organization}/users",
    "whitelist": "/api/v1/organizations/{organization}/whitelist",
    "invitations": "/api/v1/organizations/{organization}/invitations",
    "join links": "/api/v1/organizations/{organization}/links",
    "job titles": "/api/v1/organizations/{organization}/job-titles",
    "notices": "/api/v1/notices",
    "unread notices": "/api/v1/notices/unread",
    "schedules": "/api/v1/schedules",
    "companies": "/api/v1/companies",
    "companies filtered": "/api/v1/companies?search=Company&risk_level=LOW&sector=Tech&has_prediction=true",
    "companies by cursor": "/api/v1/companies?cursor=",
    "one company": "/api/v1/companies/{company}",
    "ratings": "/api/v1/companies/{company}/ratings",
    "deleted companies": "/api/v1/companies/deleted",
    "platform's companies": "/api/v1/companies/global",
    "own fields": "/api/v1/custom-fields",
    "recent companies": "/api/v1/companies/recent",
    "my companies": "/api/v1/companies?mine=any",
    "watchlists": "/api/v1/watchlists",
    "companies of a watchlist": "/api/v1/watchlists/{watchlist}/companies",
    "notes": "/api/v1/notes",
    "connectors": "/api/v1/connectors",
    "runs of connectors": "/api/v1/connectors/runs",
    "statements": "/api/v1/statements",
    "stale": "/api/v1/predictions/annual?stale=true",
    "rescoring": "/api/v1/predictions/rescoring",
    "pd history": "/api/v1/predictions/companies/{company}/pd-history?reasons=false",
    "annual": "/api/v1/predictions/annual?size=1000",
    "annual filtered": "/api/v1/predictions/annual?risk_level=LOW&sector=Technology&ordering=-probability",
    "annual by cursor": "/api/v1/predictions/annual?cursor=",
    "annual system": "/api/v1/predictions/annual/system",
    "quarterly": "/api/v1/predictions/quarterly",
    "one prediction": "/api/v1/predictions/annual/{prediction}",
    "history": "/api/v1/predictions/annual/{prediction}/scores",
    "change": "/api/v1/predictions/annual/{prediction}/change?from={score}",
    "jobs": "/api/v1/predictions/jobs",
    "dry runs": "/api/v1/predictions/dry-runs",
    "one job": "/api/v1/predictions/jobs/{job}",
    "progress": "/api/v1/predictions/jobs/{job}/progress",
    "results": "/api/v1/predictions/jobs/{job}/results",
    "errors": "/api/v1/predictions/jobs/{job}/errors",
    "scenarios": "/api/v1/scenarios",
    "scenario runs": "/api/v1/scenario-runs",
    "benchmark": "/api/v1/comparison/benchmark?sector=Nothing",
    "side by side": "/api/v1/comparison/companies?ids={company},{other}",
    "sectors": "/api/v1/comparison/sectors",
    "ranking": "/api/v1/comparison/ranking",
    "migration": "/api/v1/comparison/migration?start=2024-01-01",
    "distribution": "/api/v1/comparison/distribution",
    "dashboard of an organization": "/api/v1/dashboards/organization",
    "dashboard of an analyst": "/api/v1/dashboards/analyst",
    "dashboard of an individual": "/api/v1/dashboards/personal",
    "no such row": "/api/v1/companies/01990000-0000-7000-8000-0000deadbeef",
}


def count(client, address: str) -> int:
    """Queries of a request: the least of three, since a first look asks once more."""

    def once() -> int:
        with asked() as found:
            assert client.get(address).status_code in {200, 404}
        return len(found)

    return min(once() for _ in range(3))


@pytest.fixture
def grown(people: World):
    """A function that adds rows of every kind to alpha's first organization."""

    def grow(number: int) -> dict[str, str]:
        with people.within("reference"):
            platform = Organization.objects.get()
            for _ in range(number):
                PredictionFactory(organization=platform)
        with people.within("alpha", "one"):
            owner = Organization.objects.get()
            job = JobFactory(organization=owner)
            watchlist = Watchlist.objects.first()
            for _ in range(number):
                job_company = CompanyFactory(organization=owner, created_by_id=people.user(Role.OWNER).id)
                CompanyFactory(organization=owner, deleted_at=timezone.now())
                RunFactory(organization=owner)
                DryRunFactory(organization=owner)
                StatementFactory(organization=owner)
                RescoreRunFactory(organization=owner)
                WhitelistEntryFactory(organization=owner)
                user = UserFactory()
                Membership.objects.create(
                    user=user, tenant_id=people.tenants["alpha"].id, organization_id=owner.id, role="viewer"
                )
                JoinLinkFactory(organization=owner)
                ScenarioFactory(organization=owner)
                ScenarioRunFactory(organization=owner)
                InvitationFactory(organization=owner)
                prediction = PredictionFactory(organization=owner)
                JobFactory(organization=owner)
                IssueFactory(organization=owner, job=job)
                note = NoteFactory(organization=owner, created_by_id=people.user(Role.OWNER).id)
                WatchlistEntry.objects.create(organization=owner, watchlist=watchlist, company=note.company)
                RecentView.objects.create(
                    organization=owner, user_id=people.user(Role.OWNER).id, company=note.company
                )
                score = ScoreFactory(
                    organization=owner, prediction=prediction, job=job, row_number=number + _
                )
            for _ in range(number):
                RatingChange.objects.create(organization=owner, company=prediction.company, rating="A")
        place = {"organization": str(owner.id), "company": str(prediction.company_id)}
        place |= {"watchlist": str(watchlist.id), "other": str(job_company.id)}
        return {"prediction": str(prediction.id), "job": str(job.id), "score": str(score.id), **place}

    return grow


def test_query_counts_are_as_recorded_and_do_not_grow(people: World, grown, request, settings):
    settings.DIRECTORY_SECONDS = 600  # on a slow machine the cache would forget in the middle
    client = people.client(Role.OWNER)
    few = grown(2)
    for address in ADDRESSES.values():
        count(client, address.format(**few))  # fills what is cached for a moment
    small = {name: count(client, address.format(**few)) for name, address in ADDRESSES.items()}
    many = grown(15)
    large = {name: count(client, address.format(**many)) for name, address in ADDRESSES.items()}
    assert large == small
    if request.config.getoption("--record"):
        RECORD.write_text(json.dumps(small, indent=2) + "\n")
    assert small == json.loads(RECORD.read_text())
