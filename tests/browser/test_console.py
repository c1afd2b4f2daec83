"""The console as a person sees it: sign in, upload a file, watch it being scored, look at the worst name."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from django.db import connection

from predictions.models import Prediction, ScoringJob
from tests.fixtures import PASSWORD, OwnTenant

pytestmark = [pytest.mark.browser, pytest.mark.worker]

HEADER = (
    *("Company Symbol", "Company Name", "Sector", "Reporting Year"),
    *("Long Term Debt to Total Capital", "Total Debt to EBITDA", "Net Income Margin"),
    *("EBIT to Interest Expense", "Return on Assets"),
)
ROWS = 240


@pytest.fixture
def portfolio(tmp_path) -> Path:
    """Companies from sound to failing, and one row that cannot be read."""
    path = tmp_path / "portfolio.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for n in range(ROWS - 1):
            writer.writerow(
                [f"N{n}", f"Name {n}", "Energy", 2023, 5 + n / 3, n / 30, 20 - n / 4, 9 - n / 40, 8 - n / 12]
            )
        writer.writerow(["BAD", "Broken", "Energy", 2023, "a lot", 1, 1, 1, 1])
    return path


def host_of(own: OwnTenant) -> str:
    return own.owner.email.partition("@")[2]


def test_rows_of_these_tests_are_thrown_away(db):
    """Also makes pytest-django prepare the tests' database when this folder runs alone."""
    assert connection.settings_dict["NAME"].startswith("test_")


def test_an_owner_uploads_a_file_and_sees_what_came_of_it(
    own_tenant: OwnTenant, worker, server, watched, portfolio
):
    page, host = watched.page, host_of(own_tenant)
    watched.sign_in(server.at(host), own_tenant.owner.email, PASSWORD)
    assert "No company has been scored yet." in page.inner_text("#content")

    page.click("a:has-text('Score a file') >> nth=0")
    page.set_input_files("input[name=file]", portfolio)
    page.click("button:has-text('Upload and score')")
    # Nobody reloads: the page follows the job by itself.
    page.wait_for_selector("[data-running=no]", timeout=90_000)
    page.wait_for_load_state("networkidle")
    shown = page.inner_text("#content")
    assert f"{ROWS} of {ROWS} rows" in shown
    assert "Worst names of the file" in shown
    assert "Text where a number is expected." in shown
    with own_tenant.within():
        job = ScoringJob.objects.get()
        worst = Prediction.objects.select_related("company").order_by("-pd").first()
        assert (job.scored_rows, job.refused_rows) == (ROWS - 1, 1)
    assert worst.company.symbol in shown

    with page.expect_download() as download:
        page.click("a:has-text('Results (CSV)')")
    lines = Path(download.value.path()).read_text().splitlines()
    assert len(lines) == ROWS
    assert worst.company.symbol in lines[1]

    page.click(f"a:has-text('{worst.company.symbol}') >> nth=0")
    page.wait_for_load_state("networkidle")
    assert "What drives the PD" in page.inner_text("#content")
    assert page.locator(".console-drivers li").count() > 0

    page.goto(server.at(host))
    page.wait_for_load_state("networkidle")
    assert page.locator("canvas.chart").count() == 1
    assert f"{ROWS - 1}" in page.inner_text(".console-figures")
    assert len(page.screenshot()) > 20_000
    assert watched.faults == []


def test_signing_out_leaves_nothing_behind(own_tenant: OwnTenant, server, watched):
    page, host = watched.page, host_of(own_tenant)
    watched.sign_in(server.at(host), own_tenant.owner.email, PASSWORD)
    page.click(f"text={own_tenant.owner.email}")
    page.click("#logout-form button")
    page.wait_for_load_state("networkidle")
    assert "You have signed out." in page.inner_text("body")
    page.go_back()
    page.wait_for_load_state("networkidle")
    page.goto(server.at(host, "/admin/companies/company/"))
    assert "/admin/login/" in page.url
    assert watched.faults == []
