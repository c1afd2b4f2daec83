"""The page of a running job: its bar moves by the stream, and without one by asking."""

from __future__ import annotations

import pytest
from django.utils import timezone

from organizations.models import Organization
from predictions.live.channel import publish
from predictions.models import JobState, ScoringJob
from tests.browser.test_console import host_of
from tests.factories import JobFactory
from tests.fixtures import PASSWORD, OwnTenant
from tests.worker import wait_until

pytestmark = [pytest.mark.browser]


@pytest.fixture
def job(own_tenant: OwnTenant, django_db_blocker) -> ScoringJob:
    with django_db_blocker.unblock(), own_tenant.within():
        return JobFactory(
            organization=Organization.objects.get(id=own_tenant.organization_id),
            state=JobState.PROCESSING,
            total_rows=1000,
            scored_rows=100,
            started_at=timezone.now(),
            planned_at=timezone.now(),
        )


def open_page(own: OwnTenant, server, watched, job: ScoringJob) -> None:
    host = host_of(own)
    watched.sign_in(server.at(host), own.owner.email, PASSWORD)
    watched.page.goto(server.at(host, f"/admin/predictions/scoringjob/{job.id}/change/"))


def width(page) -> str:
    return page.evaluate("document.querySelector('[data-live=bar]').style.width")


def change(own: OwnTenant, job: ScoringJob, blocker, *, tell: bool = True, **changes) -> None:
    with blocker.unblock(), own.within():
        ScoringJob.objects.filter(id=job.id).update(**changes)
        if tell:
            publish(ScoringJob.objects.get(id=job.id))


def test_the_bar_moves_by_the_stream(own_tenant: OwnTenant, job, server, watched, django_db_blocker):
    page = watched.page
    fetched: list[str] = []
    page.on("request", lambda r: fetched.append(r.url) if r.url.endswith("/progress/") else None)
    open_page(own_tenant, server, watched, job)
    assert width(page) == "10%"
    page.wait_for_selector("[data-told=stream]", timeout=30_000)
    for rows, percent in ((350, "35%"), (800, "80%")):
        change(own_tenant, job, django_db_blocker, scored_rows=rows)
        page.wait_for_function(
            "wanted => document.querySelector('[data-live=bar]').style.width === wanted", arg=percent
        )
        assert f"{rows} of 1,000 rows" in page.inner_text("[data-live=rows]")
    # Nobody had to ask for it: the page would have waited ten seconds.
    assert len(fetched) <= 1
    change(
        own_tenant, job, django_db_blocker,
        scored_rows=1000, state=JobState.COMPLETED, completed_at=timezone.now(),
    )  # fmt: skip
    page.wait_for_selector("[data-running=no]", timeout=30_000)
    assert "1,000 of 1,000 rows" in page.inner_text("#content")
    assert watched.faults == []


def test_without_a_stream_the_page_asks(own_tenant: OwnTenant, job, server, watched, django_db_blocker):
    page = watched.page
    page.route("**/stream/**", lambda route: route.abort())
    open_page(own_tenant, server, watched, job)
    page.wait_for_selector("[data-told=polling]", timeout=30_000)
    change(own_tenant, job, django_db_blocker, tell=False, scored_rows=550)
    wait_until(lambda: page.wait_for_timeout(200) or width(page) == "55%", "the bar", seconds=30)
