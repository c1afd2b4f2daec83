"""Dry runs over HTTP: what they say of a file is what the job then does, to the row and the cell."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.permissions import Role
from organizations.models import AuditEvent
from organizations.notices.models import Notice
from predictions.dry_runs import services, tasks
from predictions.dry_runs.models import DryRun
from predictions.models import Prediction, RowIssue, Score, ScoringJob
from predictions.tests.test_files import HEADER, assert_accounted, finished, good_rows, upload
from tenants.kernel.request import SYSTEM
from tenants.models import JobTicket
from tests.faults.portfolios import ENDINGS, as_xlsx, good_row, written
from tests.fixtures import OwnTenant
from tests.worker import Worker, wait_until

API = "/api/v1/predictions/dry-runs"
BAD = [
    "BAD1,Bad,Energy,1,2020,abc,1,1,1,1\n",
    ",Nameless,Energy,1,2020,1,1,1,1,1\n",
    "BAD2,Bad,Energy,1,1812,1,1,1,1,1\n",
    "BAD3,Bad,Energy,1,2020,,,,,\n",
    "BAD4,Bad,Energy,1,2020,=1+1,1,1,1,1\n",
    "SENT,Sentinel,Energy,1,2020,100000000,1,1,1,1\n",
    "S0,Again,Technology,1,2015,1,1,1,1,1\n",
    "WIDE,Wide,Energy,1,2020,1,1,1,1,1,1,1\n",
    "MANY,=cmd(),Energy,1,2020,n/a,#DIV/0!,inf,1e309,1\n",
]


def look(client, content: str | bytes, name="portfolio.csv", kind="annual", **more):
    file = io.BytesIO(content.encode() if isinstance(content, str) else content)
    file.name = name
    return client.post(API, {"file": file, "kind": kind, **more}, format="multipart")


def looked(own: OwnTenant, *args, **more) -> dict:
    answer = look(own.client, *args, **more)
    assert answer.status_code == 201, answer.content
    return answer.json()


def column(run: dict, name: str) -> dict:
    return next(c for c in run["columns"] if c["read_as"] == name)


def findings(own: OwnTenant, run: dict) -> list[dict]:
    answer = own.client.get(f"{API}/{run['id']}/findings.csv")
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))


def test_a_small_file_is_answered_at_once_and_nothing_is_scored(own_tenant: OwnTenant):
    run = looked(own_tenant, HEADER + good_rows(250) + "".join(BAD))
    assert (run["state"], run["total_rows"], run["scorable_rows"], run["refused_rows"]) == (
        "ready",
        259,
        252,
        7,
    )
    assert run["refused_counts"] == {
        "not_a_number": 1, "missing_key": 1, "year_out_of_range": 1, "no_inputs": 1, "formula": 1,
        "duplicate_key": 1, "ragged_row": 1,
    }  # fmt: skip
    assert run["warning_counts"] == {"sentinel_value": 1, "spreadsheet_error": 1, "non_finite": 2}
    assert (run["can_proceed"], run["job_id"], run["progress_percentage"]) == (True, None, 100)
    with own_tenant.within():
        assert not Score.objects.exists()
        assert not Prediction.objects.exists()
        assert not ScoringJob.objects.exists()
        actions = list(
            AuditEvent.objects.filter(action__startswith="dry_runs").values_list("action", flat=True)
        )
        assert sorted(actions) == ["dry_runs.dry_run.checked", "dry_runs.dry_run.created"]


def test_every_cell_of_every_column_is_accounted_for(own_tenant: OwnTenant):
    run = looked(own_tenant, HEADER + good_rows(250) + "".join(BAD))
    debt = column(run, "long_term_debt_to_total_capital")
    counts = {n: debt[n] for n in ("given", "missing", "unreadable", "sentinels", "impossible")}
    assert counts == {"given": 254, "missing": 2, "unreadable": 2, "sentinels": 1, "impossible": 0}
    assert (debt["letter"], debt["role"], debt["measure"]) == ("F", "ratio", "percent")
    assert 5 < debt["median"] < 80
    assert debt["minimum"] <= debt["median"] <= debt["maximum"]
    leverage = column(run, "total_debt_to_ebitda")
    assert (leverage["spreadsheet_errors"], leverage["missing"]) == (1, 1)
    symbol = column(run, "company_symbol")
    assert (symbol["given"], symbol["missing"], symbol["distinct"]) == (258, 1, 57)
    year = column(run, "reporting_year")
    assert (year["given"], year["unreadable"], year["minimum"], year["maximum"]) == (258, 1, 2015, 2020)
    apart = ("sentinels", "impossible", "spreadsheet_errors")
    for found in run["columns"]:
        total = sum(found[name] for name in ("given", "missing", "unreadable", *apart))
        assert total == run["total_rows"], found


def test_findings_come_with_cell_and_hint_and_safe_to_open(own_tenant: OwnTenant):
    run = looked(own_tenant, HEADER + "".join(BAD))
    rows = findings(own_tenant, run)
    assert len(rows) == run["findings_count"] == len(run["findings"])
    first = rows[0]
    assert (first["row"], first["cell"], first["value"]) == ("2", "F2", "abc")
    assert (first["severity"], first["code"]) == ("error", "not_a_number")
    assert all(row["hint"] and row["hint"] != "Look at the cell." for row in rows)
    assert not any(cell.startswith(("=", "@", "+")) for row in rows for cell in row.values())
    formula = next(row for row in rows if row["code"] == "formula")
    assert formula["value"] == "'=1+1"


@pytest.mark.worker
def test_the_job_does_what_the_dry_run_said(own_tenant: OwnTenant, worker: Worker):
    """In every format; the job is made of the stored file, and what was found is found again."""
    rows = [good_row(n) for n in range(120)]
    rows[3][5], rows[9][4], rows[11][0], rows[13][5:] = "word", "1812", "", ["", "", "", "", ""]
    rows[17] = [*rows[16]]
    rows[19][6] = "-999"
    for ending in ENDINGS:
        run = looked(own_tenant, written(rows, ending), name=f"book.{ending}")
        answer = own_tenant.client.post(f"{API}/{run['id']}/proceed")
        assert answer.status_code == 202, answer.content
        assert answer.json()["job_id"] == run["id"]
        job = finished(own_tenant.client, run["id"])
        assert_accounted(own_tenant, job)
        assert (job["total_rows"], job["successful_rows"]) == (run["total_rows"], run["scorable_rows"])
        assert job["refused_by_reason"] == run["refused_counts"]
        with own_tenant.within():
            kept = RowIssue.objects.filter(job=job["id"]).values_list(
                "row_number", "severity", "column", "code"
            )
            said = [(int(f["row"]), f["severity"], f["column"], f["code"]) for f in findings(own_tenant, run)]
            assert sorted(kept) == sorted(said)
        again = own_tenant.client.post(f"{API}/{run['id']}/proceed")
        assert (again.status_code, again.json()["code"]) == (409, "already_proceeded")
        refused = own_tenant.client.delete(f"{API}/{run['id']}")
        assert (refused.status_code, refused.json()["code"]) == (409, "already_proceeded")
        assert own_tenant.client.delete(f"/api/v1/predictions/jobs/{job['id']}").status_code == 204
        assert own_tenant.client.get(f"{API}/{run['id']}").status_code == 404
    assert not list((Path(settings.MEDIA_ROOT) / own_tenant.ref.schema_name / "jobs").glob("*"))


@pytest.mark.worker
def test_a_large_file_is_looked_through_in_the_background(own_tenant: OwnTenant, worker: Worker):
    answer = look(own_tenant.client, HEADER + good_rows(15_000))
    assert (answer.status_code, answer.json()["can_proceed"]) == (202, False)
    address = f"{API}/{answer.json()['id']}"
    early = own_tenant.client.post(f"{address}/proceed")
    assert early.status_code in {409, 202}
    wait_until(lambda: own_tenant.client.get(address).json()["state"] == "ready", "the dry run")
    run = own_tenant.client.get(address).json()
    assert (run["total_rows"], run["scorable_rows"], run["read_rows"]) == (15_000, 15_000, 15_000)
    ticket = JobTicket.objects.get(id=run["id"])
    assert (ticket.kind, ticket.state, ticket.rows_done) in {
        ("dry_run", "completed", 15_000), ("annual", "pending", 0),
    }  # fmt: skip
    with own_tenant.within():
        assert "can be scored" in Notice.objects.get(user_id=own_tenant.owner.pk).text


def test_columns_that_do_not_suffice_are_shown_and_not_scored(own_tenant: OwnTenant):
    run = looked(own_tenant, "Tickr,Year,ROA,Comment\nA,2024,1,x\n")
    assert (run["state"], run["blocked_code"], run["can_proceed"]) == ("ready", "missing_columns", False)
    assert run["missing_columns"] == ["company_symbol"]
    read = {c["header"]: (c["read_as"], c.get("suggestion")) for c in run["columns"]}
    assert read["ROA"] == ("return_on_assets", None)
    assert read["Comment"][0] is None
    answer = own_tenant.client.post(f"{API}/{run['id']}/proceed")
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_score")
    twice = looked(own_tenant, "Symbol,Year,ROA,Ticker symbol,Revenu\nA,2024,1,B,5\n")
    by_header = {c["header"]: c for c in twice["columns"]}
    assert by_header["Ticker symbol"]["repeats"] == "company_symbol"
    assert by_header["Revenu"]["suggestion"] == "net_sales"
    assert "total_debt_to_ebitda" in twice["absent_inputs"]


def test_a_suspicious_unit_is_said(own_tenant: OwnTenant):
    amounts = "company_symbol,reporting_year,total_assets,total_liabilities,return_on_assets\n"
    thousands = "".join(f"A{n},2024,{5000 + n},{3000 + n},0.0{n % 9 + 1}\n" for n in range(40))
    said = {s["column"]: s["code"] for s in looked(own_tenant, amounts + thousands)["suspicions"]}
    assert said == {
        "total_assets": "unit_too_small", "total_liabilities": "unit_too_small",
        "return_on_assets": "perhaps_fractions",
    }  # fmt: skip
    right = looked(own_tenant, amounts + thousands, unit="millions")
    assert {s["column"] for s in right["suspicions"]} == {"return_on_assets"}
    whole = "".join(f"A{n},2024,{5_000_000 + n},{3_000_000 + n},{n % 9}.5\n" for n in range(40))
    large = looked(own_tenant, amounts + whole, unit="millions")
    assert {s["code"] for s in large["suspicions"]} == {"unit_too_large"}
    assert looked(own_tenant, amounts + whole)["suspicions"] == []


def test_a_workbook_asks_which_sheet(own_tenant: OwnTenant):
    book = as_xlsx(Y2023=[good_row(1)], Y2024=[good_row(2), good_row(3)])
    answer = look(own_tenant.client, book, name="years.xlsx")
    assert (answer.status_code, answer.json()["code"]) == (400, "several_sheets")
    assert looked(own_tenant, book, name="years.xlsx", sheet="Y2024")["total_rows"] == 2


@pytest.mark.worker
def test_an_analyst_is_told_which_rows_are_a_colleagues(own_tenant: OwnTenant, worker: Worker):
    finished(own_tenant.client, upload(own_tenant.client, HEADER + good_rows(10)).json()["job_id"])
    analyst = own_tenant.member(Role.ANALYST)
    run = look(analyst, HEADER + good_rows(20)).json()
    assert (run["scorable_rows"], run["refused_counts"]) == (10, {"not_yours": 10})
    assert analyst.post(f"{API}/{run['id']}/proceed").status_code == 202
    job = finished(analyst, run["id"])
    assert (job["successful_rows"], job["refused_by_reason"]) == (10, {"not_yours": 10})
    foreign = looked(own_tenant, HEADER + good_rows(3))
    assert analyst.delete(f"{API}/{foreign['id']}").status_code == 403


@pytest.mark.worker
def test_what_nobody_proceeds_with_goes_after_a_week(own_tenant: OwnTenant, nobody_works):
    old, kept, fresh = (looked(own_tenant, HEADER + good_rows(3)) for _ in range(3))
    own_tenant.client.post(f"{API}/{kept['id']}/proceed")
    place = Path(settings.MEDIA_ROOT) / own_tenant.ref.schema_name / "jobs"
    with own_tenant.within():
        past = timezone.now() - timedelta(days=settings.DRY_RUN_KEPT_DAYS, minutes=1)
        DryRun.objects.filter(id__in=[old["id"], kept["id"]]).update(created_at=past)
    assert tasks._purge(own_tenant.ref, now=timezone.now()) == 1
    with own_tenant.within():
        assert set(DryRun.objects.values_list("id", flat=True)) == {
            row.id for row in DryRun.objects.filter(id__in=[kept["id"], fresh["id"]])
        }
        assert DryRun.objects.count() == 2
        assert AuditEvent.objects.filter(action="dry_runs.dry_run.expired").count() == 1
    assert {path.name for path in place.iterdir()} == {kept["id"], fresh["id"]}
    assert own_tenant.client.delete(f"{API}/{fresh['id']}").status_code == 204
    assert {path.name for path in place.iterdir()} == {kept["id"]}


@pytest.mark.worker
def test_a_dry_run_whose_worker_died_is_looked_through_again(own_tenant: OwnTenant, nobody_works):
    run = look(own_tenant.client, HEADER + good_rows(4_000)).json()
    assert run["state"] == "pending"
    with own_tenant.within():
        DryRun.objects.update(state="checking", read_rows=1_000)
    past = timezone.now() - timedelta(seconds=settings.CHUNK_STALE_SECONDS + 1)
    JobTicket.objects.filter(id=run["id"]).update(heartbeat=past)
    assert tasks.sweep() >= 1
    with own_tenant.within():
        services.dry_run_check(dry_run_id=run["id"])
        services.dry_run_check(dry_run_id=run["id"])
        assert DryRun.objects.get().scorable_rows == 4_000
        assert Notice.objects.count() == 1, "told once"
    place = Path(settings.MEDIA_ROOT) / own_tenant.ref.schema_name / "jobs" / run["id"]
    assert sorted(path.name for path in place.iterdir()) == ["findings.csv", "upload.csv"]


@pytest.mark.worker
def test_one_that_is_deleted_meanwhile_leaves_nothing(own_tenant: OwnTenant, nobody_works, monkeypatch):
    run = look(own_tenant.client, HEADER + good_rows(4_000)).json()
    real = services.checking.check

    def deleted_meanwhile(row, *args):
        outcome = real(row, *args)
        services.dry_run_delete(row=row, actor=SYSTEM)
        return outcome

    monkeypatch.setattr(services.checking, "check", deleted_meanwhile)
    with own_tenant.within():
        services.dry_run_check(dry_run_id=run["id"])
        assert not DryRun.objects.exists()
    assert not list((Path(settings.MEDIA_ROOT) / own_tenant.ref.schema_name / "jobs").glob("*"))


@pytest.mark.worker
def test_the_console_looks_a_file_through_and_goes_on(own_tenant: OwnTenant, nobody_works):
    from tests.console import console

    page = console(own_tenant.world, Role.OWNER, own_tenant.mark, "own")
    file = io.BytesIO((HEADER + good_rows(20) + BAD[0]).encode())
    file.name = "desk.csv"
    data = {"kind": "annual", "unit": "units", "currency": "", "sheet": "", "file": file, "_dry_run": "1"}
    answer = page.post("/admin/predictions/scoringjob/add/", data, follow=True)
    text = answer.content.decode()
    assert "20 rows can be scored, 1 cannot" in text
    assert "long_term_debt_to_total_capital" in text
    assert "Write digits only" in text
    with own_tenant.within():
        run = DryRun.objects.get()
    address = f"/admin/dry_runs/dryrun/{run.pk}/proceed/"
    asked = page.get(address)
    assert "Score 20 rows of desk.csv?" in asked.content.decode()
    done = page.post(address, follow=True)
    assert done.redirect_chain[-1][0].endswith(f"/admin/predictions/scoringjob/{run.pk}/change/")
    with own_tenant.within():
        assert ScoringJob.objects.get().id == run.pk
