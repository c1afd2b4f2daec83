"""Scoring files over HTTP with a real worker: every row ends as a prediction or as an error."""

from __future__ import annotations

import csv
import io
import random
import time
from pathlib import Path

import openpyxl
import pytest
from celery import current_app
from django.core.files.storage import default_storage

from accounts.permissions import Role
from config.env import ROOT
from organizations.models import AuditEvent
from predictions.models import JobChunk, Prediction, RowIssue, Score, ScoringJob, Severity
from predictions.services import chunks, cutting, jobs
from tenants.kernel.request import SYSTEM
from tenants.models import JobTicket
from tests.fixtures import OwnTenant, World
from tests.worker import Worker, wait_until

HEADER = "company_symbol,company_name,sector,market_cap,reporting_year,long_term_debt_to_total_capital,"
HEADER += "total_debt_to_ebitda,net_income_margin,ebit_to_interest_expense,return_on_assets\n"
SHEETS = ROOT.parent / "shared" / "data" / "sheets"


def good_rows(count: int, first: int = 0) -> str:
    chance = random.Random(7)
    rows = []
    for n in range(first, first + count):
        numbers = [
            chance.uniform(5, 80),
            chance.uniform(0, 6),
            chance.uniform(-20, 25),
            5.1,
            chance.gauss(4, 6),
        ]
        cells = ",".join(f"{x:.2f}" for x in numbers)
        rows.append(f"S{n // 5},Company {n // 5},Technology,2500000000,{2015 + n % 5},{cells}\n")
    return "".join(rows)


def upload(client, content: str | bytes, name="portfolio.csv", kind="annual", **extra):
    file = io.BytesIO(content.encode() if isinstance(content, str) else content)
    file.name = name
    data = {"file": file, "kind": kind}
    return client.post("/api/v1/predictions/jobs", data, format="multipart", **extra)


def finished(client, job_id: str) -> dict:
    def state():
        return client.get(f"/api/v1/predictions/jobs/{job_id}").json()

    wait_until(lambda: state()["state"] not in {"pending", "processing"}, f"job {job_id}")
    return state()


def run(own: OwnTenant, content: str | bytes, **kwargs) -> dict:
    answer = upload(own.client, content, **kwargs)
    assert answer.status_code == 202, answer.content
    return finished(own.client, answer.json()["job_id"])


def assert_accounted(own: OwnTenant, job: dict) -> None:
    """Scored + refused = rows, and the database agrees."""
    assert job["state"] == "completed", job
    assert job["successful_rows"] + job["failed_rows"] == job["total_rows"]
    with own.within():
        scores = Score.objects.filter(job=job["id"])
        refused = RowIssue.objects.filter(job=job["id"], severity=Severity.ERROR)
        assert scores.count() == job["successful_rows"]
        assert refused.values("row_number").distinct().count() == job["failed_rows"]
        scored_rows = set(scores.values_list("row_number", flat=True))
        refused_rows = set(refused.values_list("row_number", flat=True))
        assert not scored_rows & refused_rows
        assert sum(job["counts_by_risk_level"].values()) == job["successful_rows"]
        assert sum(job["refused_by_reason"].values()) == job["failed_rows"]
        assert not Prediction.objects.filter(current=None).exists()
    ticket = JobTicket.objects.get(id=job["id"])
    assert (ticket.state, ticket.rows_done) == (job["state"], job["total_rows"])


@pytest.mark.worker
def test_a_file_with_faults_is_accounted_for_to_the_cell(own_tenant: OwnTenant, worker: Worker):
    bad = [
        "BAD1,Bad,Energy,1,2020,abc,1,1,1,1\n",
        ",Nameless,Energy,1,2020,1,1,1,1,1\n",
        "BAD2,Bad,Energy,1,1812,1,1,1,1,1\n",
        "BAD3,Bad,Energy,1,2020,,,,,\n",
        "BAD4,Bad,Energy,1,2020,=1+1,1,1,1,1\n",
        "SENT,Sentinel,Energy,1,2020,100000000,1,1,1,1\n",
        "S0,Again,Technology,1,2015,1,1,1,1,1\n",
    ]
    job = run(own_tenant, HEADER + good_rows(250) + "".join(bad))
    assert_accounted(own_tenant, job)
    assert (job["total_rows"], job["successful_rows"], job["failed_rows"]) == (257, 251, 6)
    errors = own_tenant.client.get(f"/api/v1/predictions/jobs/{job['id']}/errors?size=100").json()["items"]
    found = {(e["row"], e["severity"], e["code"]) for e in errors}
    assert (252, "error", "not_a_number") in found
    assert (253, "error", "missing_key") in found
    assert (254, "error", "year_out_of_range") in found
    assert (255, "error", "no_inputs") in found
    assert (256, "error", "formula") in found
    assert (257, "warning", "sentinel_value") in found
    assert (258, "error", "duplicate_key") in found
    cell = next(e for e in errors if e["row"] == 252)
    assert (cell["column"], cell["value"]) == ("long_term_debt_to_total_capital", "abc")
    only = own_tenant.client.get(f"/api/v1/predictions/jobs/{job['id']}/errors?severity=warning").json()
    assert only["total"] == 1


@pytest.mark.worker
def test_results_are_ranked_paged_and_exported_safely(own_tenant: OwnTenant, worker: Worker):
    evil = "EVIL,=HYPERLINK(evil),@sector,1,2020,10,1,1,1,1\n"
    job = run(own_tenant, HEADER + good_rows(120) + evil)
    address = f"/api/v1/predictions/jobs/{job['id']}"
    pages = [own_tenant.client.get(f"{address}/results?size=50&page={n}").json() for n in (1, 2, 3)]
    rows = [row for page in pages for row in page["items"]]
    assert [row["rank"] for row in rows] == list(range(1, 122))
    assert [row["probability"] for row in rows] == sorted((r["probability"] for r in rows), reverse=True)
    answer = own_tenant.client.get(f"{address}/results.csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    table = list(csv.DictReader(io.StringIO(text)))
    assert len(table) == 121
    assert (
        next(row for row in table if row["company_symbol"] == "EVIL")["company_name"] == "'=HYPERLINK(evil)"
    )
    assert not any(cell.startswith(("=", "@", "+")) for row in table for cell in row.values())
    whole = own_tenant.client.post(f"{address}/results", {}, format="json").json()
    assert len(whole["created_data"]["predictions"]) == whole["job_summary"]["successful_rows"] == 121
    assert whole["errors"] == {"has_errors": False, "error_count": 0, "error_details": {"errors": []}}


@pytest.mark.worker
def test_the_error_sheet_comes_back_mended_and_is_taken(own_tenant: OwnTenant, worker: Worker):
    job = run(own_tenant, HEADER + good_rows(10) + "LATE,Late,Energy,1,2020,ten,1,1,1,1\n")
    answer = own_tenant.client.get(f"/api/v1/predictions/jobs/{job['id']}/errors/sheet")
    assert 'filename="portfolio-errors.csv"' in answer["Content-Disposition"]
    sheet = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(sheet)))
    assert [row["company_symbol"] for row in rows] == ["LATE"]
    assert "long_term_debt_to_total_capital" in rows[0]["error"]
    mended = run(own_tenant, sheet.replace(",ten,", ",10,"))
    assert (mended["successful_rows"], mended["failed_rows"]) == (1, 0)
    assert mended["unknown_columns"] == ["error"]


@pytest.mark.worker
def test_a_second_upload_appends_scores_and_doubles_nothing(own_tenant: OwnTenant, worker: Worker):
    content = HEADER + good_rows(150)
    first, second = run(own_tenant, content), run(own_tenant, content)
    assert_accounted(own_tenant, second)
    with own_tenant.within():
        assert Prediction.objects.count() == 150
        assert Score.objects.count() == 300
        head = Prediction.objects.first()
        assert str(head.current.job_id) == second["id"] != first["id"]


@pytest.mark.worker
def test_an_analysts_file_leaves_colleagues_predictions_alone(own_tenant: OwnTenant, worker: Worker):
    run(own_tenant, HEADER + good_rows(10))
    analyst = own_tenant.member(Role.ANALYST)
    answer = upload(analyst, HEADER + good_rows(20))
    job = finished(analyst, answer.json()["job_id"])
    assert_accounted(own_tenant, job)
    assert (job["successful_rows"], job["refused_by_reason"]) == (10, {"not_yours": 10})
    again = finished(analyst, upload(analyst, HEADER + good_rows(10, first=10)).json()["job_id"])
    assert again["successful_rows"] == 10


@pytest.mark.worker
def test_a_chunk_that_never_ends_is_given_up(own_tenant: OwnTenant, worker: Worker):
    """As if it had killed its worker again and again: its rows end as errors, the job ends."""
    worker.stop()
    job_id = upload(own_tenant.client, HEADER + good_rows(3)).json()["job_id"]
    with own_tenant.within():
        cutting.job_plan(job_id=job_id, actor=SYSTEM)
        chunk = JobChunk.objects.get(job=job_id)
        # It is split down to its rows, and each of them takes its worker along as well.
        while open_ := JobChunk.objects.filter(job=job_id, done_at=None).first():
            JobChunk.objects.filter(id=open_.id).update(attempts=chunks.MOST_ATTEMPTS)
            chunks.chunk_score(chunk_id=open_.id)
        assert JobChunk.objects.filter(job=job_id).count() == 3
        assert sum(JobChunk.objects.filter(job=job_id).values_list("rows", flat=True)) == 3
        jobs.job_advance(job_id=chunk.job_id, actor=SYSTEM)
    job = own_tenant.client.get(f"/api/v1/predictions/jobs/{job_id}").json()
    assert_accounted(own_tenant, job)
    assert job["refused_by_reason"] == {"internal": 3}


@pytest.mark.worker
def test_line_items_with_a_prior_year_and_quarterly_sheets(own_tenant: OwnTenant, worker: Worker):
    header = (
        "Ticker,Fiscal Year,Total assets,Total liabilities,Current assets,Current liabilities,Revenue,EBIT,"
    )
    header += "Net income,Retained earnings,prior_net_income,Notes\n"
    rows = "LINE,2023,1000000000,600000000,300000000,200000000,900000000,90000000,40000000,1e8,3e7,hm\n"
    job = run(own_tenant, header + rows, name="lines.csv")
    assert_accounted(own_tenant, job)
    assert job["unknown_columns"] == ["Notes"]
    with own_tenant.within():
        score = Score.objects.get(job=job["id"])
        assert score.shape == "statement"
        assert score.inputs["statement"]["total_assets"] == 1000.0
        assert score.inputs["prior"] == [{"net_income": 30.0}]
    quarterly = "company_symbol,reporting_year,reporting_quarter,total_debt_to_ebitda,sga_margin,"
    quarterly += (
        "long_term_debt_to_total_capital,return_on_capital\nQ,2024,Q2,1.2,20,30,9\nQ,2024,Q9,1.2,20,30,9\n"
    )
    job = run(own_tenant, quarterly, kind="quarterly")
    assert_accounted(own_tenant, job)
    assert job["refused_by_reason"] == {"unknown_quarter": 1}


@pytest.mark.worker
def test_the_platforms_own_sheets(own_tenant: OwnTenant, worker: Worker):
    if not SHEETS.is_dir():
        pytest.skip("the sample sheets (../shared/data/sheets) are not on this machine")
    for name, kind, rows in (("annual_part_1", "annual", 2475), ("quarterly_part_1", "quarterly", 150)):
        job = run(own_tenant, Path(SHEETS / f"{name}.xlsx").read_bytes(), name=f"{name}.xlsx", kind=kind)
        assert_accounted(own_tenant, job)
        assert job["total_rows"] == rows
        assert job["refused_by_reason"] == ({"duplicate_key": 9} if kind == "annual" else {})
        assert job["warning_count"] == (5 if kind == "annual" else 0)


@pytest.mark.worker
def test_xlsx_in_xlsx_out(own_tenant: OwnTenant, worker: Worker):
    book = openpyxl.Workbook()
    book.active.append(HEADER.strip().split(","))
    book.active.append(["XL", "Excel", "Energy", 5_000_000, 2020, 30.5, 2, 4, 5, 6])
    book.active.append(["XB", "Bad", "Energy", 5_000_000, 2020, "n.a.?", 2, 4, 5, 6])
    buffer = io.BytesIO()
    book.save(buffer)
    job = run(own_tenant, buffer.getvalue(), name="book.xlsx")
    assert_accounted(own_tenant, job)
    answer = own_tenant.client.get(f"/api/v1/predictions/jobs/{job['id']}/errors/sheet")
    back = openpyxl.load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
    values = list(back.active.values)
    assert values[0][-1] == "error"
    assert values[1][0] == "XB"


@pytest.mark.worker
@pytest.mark.slow
def test_a_worker_killed_in_mid_job_loses_and_doubles_nothing(own_tenant: OwnTenant, worker: Worker):
    rows = 4000
    answer = upload(own_tenant.client, HEADER + good_rows(rows))
    job_id = answer.json()["job_id"]

    def done() -> int:
        with own_tenant.within():
            return JobChunk.objects.filter(job=job_id).exclude(done_at=None).count()

    wait_until(lambda: done() >= 3, "three chunks")
    worker.kill()
    with own_tenant.within():
        chunks = JobChunk.objects.filter(job=job_id)
        before = chunks.exclude(done_at=None).count()
        assert before < chunks.count(), "the job was over before the kill: nothing was tested"
        # Whatever was written before the kill was written by whole chunks.
        assert Score.objects.filter(job=job_id).count() == before * 100
    worker.start()

    asked = 0.0

    def swept() -> bool:
        nonlocal asked
        # Now and then, as beat does: sweeps by the dozen would take turns with the chunks.
        if time.monotonic() > asked + 2:
            current_app.send_task("predictions.sweep_jobs", queue="default")
            asked = time.monotonic()
        return own_tenant.client.get(f"/api/v1/predictions/jobs/{job_id}").json()["state"] == "completed"

    wait_until(swept, "the job after the kill")
    job = own_tenant.client.get(f"/api/v1/predictions/jobs/{job_id}").json()
    assert_accounted(own_tenant, job)
    assert job["successful_rows"] == rows


@pytest.mark.worker
def test_cancel_stops_at_a_chunks_border_and_delete_leaves_the_scores(own_tenant: OwnTenant, worker: Worker):
    answer = upload(own_tenant.client, HEADER + good_rows(6000))
    address = f"/api/v1/predictions/jobs/{answer.json()['job_id']}"
    running = own_tenant.client.delete(address)
    assert (running.status_code, running.json()["code"]) == (409, "job_running")
    wait_until(lambda: own_tenant.client.get(address).json()["processed_rows"] > 0, "the first rows")
    cancelled = own_tenant.client.post(f"{address}/cancel").json()
    assert (cancelled["state"], cancelled["status"]) == ("cancelled", "failed")
    assert cancelled["error_message"] == "Cancelled by user"
    assert own_tenant.client.post(f"{address}/cancel").status_code == 409
    assert cancelled["processed_rows"] < 6000
    folder = f"{own_tenant.ref.schema_name}/jobs/{answer.json()['job_id']}"
    assert default_storage.exists(folder)
    gone = own_tenant.client.delete(address)
    assert (gone.status_code, gone.json()["state"]) == (200, "deleting")
    wait_until(lambda: own_tenant.client.get(address).status_code == 404, "the job to be gone")
    assert not default_storage.exists(folder)
    with own_tenant.within():
        assert Score.objects.exists()
        assert not ScoringJob.objects.exists()
        assert AuditEvent.objects.filter(action="predictions.job.deleted").exists()


REFUSED = [
    ("a,b\n1,2\n", "x.csv", "missing_columns", "Missing required columns: company_symbol, reporting_year"),
    (b"", "x.csv", "empty_file", "The file is empty."),
    (HEADER, "x.csv", "no_rows", "The file has a header and no rows under it."),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest",
        "x.xls",
        "unsupported_format",
        "Save the file as .xlsx or .csv",
    ),
    (b"%PDF-1.4", "x.pdf", "unsupported_format", None),
]


@pytest.mark.parametrize(("content", "name", "code", "detail"), REFUSED, ids=[r[2] + r[1] for r in REFUSED])
def test_a_file_that_cannot_be_scored_is_refused_at_once(people: World, content, name, code, detail):
    answer = upload(people.client(Role.ANALYST), content, name=name)
    assert answer.status_code == 400, answer.content
    assert answer.json()["code"] == code or not content
    if detail and content:
        assert answer.json()["detail"].startswith(detail)
    with people.within("alpha"):
        assert not ScoringJob.objects.filter(original_filename=name).exists()


def test_limits_of_size_and_rows(people: World, settings):
    settings.UPLOAD_MAX_BYTES = 100
    answer = upload(people.client(Role.ANALYST), HEADER + good_rows(3))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    settings.UPLOAD_MAX_BYTES = 10**8
    settings.UPLOAD_MAX_ROWS_INDIVIDUAL = 2
    answer = upload(people.client(Role.INDIVIDUAL), HEADER + good_rows(3))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_rows")
    assert upload(people.client(Role.ANALYST), HEADER + good_rows(3)).status_code == 202


def test_an_upload_with_an_idempotency_key_makes_one_job(people: World):
    client, key = people.client(Role.ANALYST), {"headers": {"Idempotency-Key": "up-1"}}
    first = upload(client, HEADER + good_rows(3), **key)
    again = upload(client, HEADER + good_rows(3), **key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["job_id"] == again.json()["job_id"]
    other = upload(client, HEADER + good_rows(4), **key)
    assert other.status_code == 422


def test_the_clients_upload_address_and_list(people: World):
    client = people.client(Role.ANALYST)
    file = io.BytesIO((HEADER + good_rows(3)).encode())
    file.name = "mine.csv"
    answer = client.post("/api/v1/predictions/annual/bulk-upload-async", {"file": file}, format="multipart")
    assert answer.status_code == 202
    assert answer.json()["status"] == "pending"
    body = client.get("/api/v1/predictions/jobs?limit=50&offset=0").json()
    assert body["jobs"] == body["items"]
    assert body["jobs"][0]["id"] == answer.json()["job_id"]
    assert body["pagination"] == {"total": 2, "limit": 50, "offset": 0, "has_more": False}
