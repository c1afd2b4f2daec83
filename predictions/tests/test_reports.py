"""The summary of a job in its three forms."""

from __future__ import annotations

import io
import re
from datetime import datetime, timedelta

import openpyxl
import pytest
from django.utils import timezone

from accounts.permissions import Role
from organizations.models import AuditEvent, Organization
from predictions.models import JobState, ScoringJob, Severity
from predictions.reports import paper, workbook
from predictions.reports.comparing import compare, previous_run
from predictions.reports.summary import EDGES, summary_of
from predictions.tests.test_files import HEADER, good_rows, run
from tenants.kernel.errors import Conflict
from tests.factories import CompanyFactory, IssueFactory, JobFactory, PredictionFactory, ScoreFactory
from tests.fixtures import OwnTenant, World

ADDRESS = "/api/v1/predictions/jobs"
LEVELS = ((0.03, "LOW"), (0.07, "MEDIUM"), (0.15, "HIGH"), (1.1, "CRITICAL"))
NAME = '=HYPERLINK("http://x") \u5149 Ltd'


def level_of(pd: float) -> str:
    return next(level for edge, level in LEVELS if pd < edge)


def scored(owner, companies, pds, **given) -> ScoringJob:
    """A completed job that gave each company its PD."""
    job = JobFactory(
        organization=owner, state=JobState.COMPLETED, total_rows=len(pds) + 1, scored_rows=len(pds),
        refused_rows=1, refused_counts={"not_a_number": 1}, total_companies=len(pds),
        started_at=timezone.now(), completed_at=timezone.now(), **given,
    )  # fmt: skip
    counts: dict[str, int] = {}
    for row, (company, pd) in enumerate(zip(companies, pds, strict=True), start=2):
        head = company.predictions.first() or PredictionFactory(organization=owner, company=company)
        level = level_of(pd)
        counts[level] = counts.get(level, 0) + 1
        ScoreFactory(organization=owner, prediction=head, job=job, row_number=row, pd=pd, risk_level=level)
    ScoringJob.objects.filter(id=job.id).update(level_counts=counts)
    IssueFactory(organization=owner, job=job, row_number=9, severity=Severity.ERROR, code="not_a_number")
    return ScoringJob.objects.get(id=job.id)


@pytest.fixture
def two_runs(people: World):
    """Two runs of one portfolio: of four companies one goes, one comes, one falls, one hardly moves."""
    with people.within("alpha", "one"):
        owner = Organization.objects.get()
        firms = [CompanyFactory(organization=owner, name=NAME if n == 0 else f"Firm {n}") for n in range(5)]
        old = scored(
            owner, firms[:4], [0.02, 0.04, 0.10, 0.20], created_at=timezone.now() - timedelta(days=7)
        )
        now = scored(owner, [*firms[:3], firms[4]], [0.16, 0.0402, 0.05, 0.30])
    return old, now, firms


def test_the_figures_are_right(people: World, two_runs):
    old, now, firms = two_runs
    with people.within("alpha", "one"):
        report = summary_of(now)
        assert previous_run(now) == old
        assert previous_run(old) is None
    assert report["counts"]["scored"] + report["counts"]["refused"] == report["counts"]["rows"] == 5
    spread = report["distribution"]
    assert spread["mean"] == pytest.approx((0.16 + 0.0402 + 0.05 + 0.30) / 4)
    assert spread["median"] == pytest.approx((0.05 + 0.16) / 2)
    assert (spread["least"], spread["most"]) == (0.0402, 0.30)
    assert sum(band["rows"] for band in spread["by_pd"]) == 4
    assert next(b for b in spread["by_pd"] if b["from"] == 0.05)["rows"] == 1  # on the edge: the class above
    assert {r["level"]: r["rows"] for r in spread["by_risk_level"]} == {
        "LOW": 0, "MEDIUM": 2, "HIGH": 0, "CRITICAL": 2,
    }  # fmt: skip
    assert [w["pd"] for w in report["worst"]] == [0.30, 0.16, 0.05, 0.0402]
    changes = report["changes"]
    counts = {k: changes[k] for k in ("companies_in_both", "entered", "left", "higher", "lower", "large")}
    assert counts == {"companies_in_both": 3, "entered": 1, "left": 1, "higher": 2, "lower": 1, "large": 2}
    assert (changes["downgraded"], changes["upgraded"]) == (1, 1)
    # The one that got worse comes first; 4.00 to 4.02 % is no change.
    assert [c["company_symbol"] for c in changes["largest"]] == [firms[0].symbol, firms[2].symbol]
    assert changes["largest"][0]["change"] == pytest.approx(0.14)
    assert changes["largest"][0]["relative"] == pytest.approx(7)
    assert report["errors"][0]["rows"] == 1
    assert report["errors"][0]["examples"][0]["row"] == 9


def test_of_a_company_its_latest_period_counts(people: World):
    with people.within("alpha", "one"):
        owner = Organization.objects.get()
        company = CompanyFactory(organization=owner)
        jobs = []
        for days, pds in ((7, {2023: 0.50, 2024: 0.02}), (0, {2023: 0.50, 2025: 0.08})):
            job = scored(owner, [], [], created_at=timezone.now() - timedelta(days=days))
            for row, (year, pd) in enumerate(pds.items(), start=2):
                head = company.predictions.filter(fiscal_year=year).first() or PredictionFactory(
                    organization=owner, company=company, fiscal_year=year
                )
                ScoreFactory(organization=owner, prediction=head, job=job, row_number=row, pd=pd)
            jobs.append(job)
        found = compare(jobs[1], jobs[0])
    assert found.both == 1
    assert (found.changes[0]["before"], found.changes[0]["now"]) == (0.02, 0.08)


def test_other_portfolios_are_no_last_run(people: World):
    with people.within("alpha"):
        one, two = Organization.objects.order_by("slug")[:2]
        before = timezone.now() - timedelta(days=1)
        company = CompanyFactory(organization=one)
        for other in (
            {"original_filename": "other.csv"}, {"kind": "quarterly"}, {"created_at": timezone.now()},
        ):  # fmt: skip
            scored(one, [company], [0.1], **{"created_at": before, **other})
        scored(two, [CompanyFactory(organization=two)], [0.1], created_at=before)
        now = JobFactory(organization=one, created_at=timezone.now() - timedelta(hours=1))
        assert previous_run(now) is None


def test_classes_cover_every_pd():
    assert list(EDGES) == sorted(EDGES)
    assert EDGES[-1] == 1.0


def test_a_running_job_has_no_report_yet(people: World):
    with people.within("alpha", "one"):
        job = JobFactory(organization=Organization.objects.get(), state=JobState.PROCESSING)
        with pytest.raises(Conflict):
            summary_of(job)
    answer = people.client(Role.OWNER).get(f"{ADDRESS}/{job.id}/report")
    assert (answer.status_code, answer.json()["code"]) == (409, "job_running")


def test_a_job_without_a_scored_row_has_one(people: World):
    with people.within("alpha", "one"):
        job = JobFactory(organization=Organization.objects.get(), state=JobState.FAILED, total_rows=0)
        report = summary_of(job)
        assert paper.render(report).startswith(b"%PDF")
        assert workbook.render(report)
    assert report["changes"] is None
    assert report["worst"] == []


def test_the_workbook_has_types_heads_and_definitions(people: World, two_runs):
    with people.within("alpha", "one"):
        report = summary_of(two_runs[1])
    book = openpyxl.load_workbook(io.BytesIO(workbook.render(report)))
    assert book.sheetnames == [
        "Summary", "Worst names", "Changes", "PD classes", "Risk levels", "Sectors", "Errors", "Definitions",
    ]  # fmt: skip
    assert {sheet.freeze_panes for sheet in book} == {"A2"}
    worst = book["Worst names"]
    cells = dict(zip((c.value for c in worst[1]), worst[3], strict=True))
    assert cells["PD"].value == 0.16
    assert cells["PD"].number_format == "0.00%"
    assert (cells["Company"].value, cells["Company"].data_type) == (NAME, "s")
    assert cells["Year"].value == 2024
    figures = {row[0].value: row[1] for row in book["Summary"].iter_rows(min_row=2)}
    assert isinstance(figures["Uploaded (UTC)"].value, datetime)
    assert figures["Rows"].value == 5
    assert figures["Large changes"].value == 2
    assert book["Definitions"]["B2"].value.startswith("One-year probability")


def test_over_http_it_is_a_file_and_is_written_down(people: World, two_runs):
    client = people.client(Role.VIEWER)
    address = f"{ADDRESS}/{two_runs[1].id}/report"
    told = client.get(address)
    assert told.status_code == 200
    assert told.json()["changes"]["large"] == 2
    sheet, document = client.get(f"{address}.xlsx"), client.get(f"{address}.pdf")
    assert sheet.content.startswith(b"PK")
    assert document.content.startswith(b"%PDF")
    assert 'filename="portfolio-summary.pdf"' in document["Content-Disposition"]
    with people.within("alpha"):
        found = AuditEvent.objects.filter(object_id=str(two_runs[1].id)).values_list("action", flat=True)
        assert sorted(found) == ["predictions.job.report_downloaded"] * 2 + ["predictions.job.report_read"]


def test_letters_that_the_page_lacks_do_not_break_it():
    assert paper.plain("Société Générale – €") == "Société Générale – €"
    assert re.fullmatch(r"\?+ Ltd", paper.plain("\u5149 Ltd"))
    assert paper.plain("Łódź") != ""


@pytest.mark.worker
def test_the_owner_is_told_and_reads_the_report(own_tenant: OwnTenant, worker):
    first = run(own_tenant, HEADER + good_rows(150))
    second = run(own_tenant, HEADER + good_rows(150) + "BAD,Broken,Energy,1,2023,a lot,1,1,1,1\n")
    notices = own_tenant.client.get("/api/v1/notices").json()["items"]
    assert [n["title"] for n in notices] == ["portfolio.csv is scored"] * 2
    assert "150 of 151 rows are scored, 1 refused." in notices[0]["text"]
    assert notices[0]["link"].endswith(f"/scoringjob/{second['id']}/change/")
    report = own_tenant.client.get(f"{ADDRESS}/{second['id']}/report").json()
    assert report["changes"]["previous"]["id"] == first["id"]
    assert report["changes"]["large"] == 0
    assert report["changes"]["companies_in_both"] == 30
