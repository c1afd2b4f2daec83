"""Operations 20 to 25: files, their jobs and results."""

from __future__ import annotations

import pytest

from tests.contract import bodies
from tests.contract.application import Application
from tests.contract.conftest import ROLES, Stage
from tests.contract.shapes import JOBS, RESULTS, UPLOADED, check
from tests.contract.test_account import operation
from tests.worker import wait_until

pytestmark = [pytest.mark.contract, pytest.mark.worker]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def upload(tab: Application, kind: str, name: str, content: bytes, media: str = "text/csv"):
    answer = tab.ask(
        "POST", f"/predictions/{kind}/bulk-upload-async", files=bodies.part(name, content, media)
    )
    assert answer.status_code == 202, answer.text
    check(answer.json(), UPLOADED)
    return answer.json()


def follow(tab: Application, job_id: str):
    """Poll the list as the client does, until the job has ended."""
    found = {}

    def ended() -> bool:
        jobs = tab.get("/predictions/jobs?limit=50&offset=0")
        check(jobs, JOBS)
        found.update(next(job for job in jobs["jobs"] if job["id"] == job_id))
        return found["status"] in {"completed", "failed"}

    wait_until(ended, f"job {job_id}")
    return found


@operation(20, 21, 22, 23, 25)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("kind", "ending"), [("annual", "csv"), ("quarterly", "xlsx")])
def test_a_file_goes_to_a_hundred_percent(worker, stage: Stage, role: str, kind: str, ending: str):
    tab, symbols = stage.signed_in(role), [stage.symbol() for _ in range(3)]
    table = bodies.rows(kind, symbols)
    content = bodies.csv(table) if ending == "csv" else bodies.xlsx(table)
    made = upload(tab, kind, f"book.{ending}", content, "text/csv" if ending == "csv" else XLSX)
    assert made["total_rows"] == 3
    job = follow(tab, made["job_id"])
    assert (job["status"], job["progress_percentage"], job["job_type"]) == ("completed", 100, kind)
    assert (job["successful_rows"], job["failed_rows"]) == (3, 0)
    assert (job["original_filename"], job["file_size"]) == (f"book.{ending}", len(content))
    wanted = {"include_predictions": True, "include_companies": True, "include_errors": True}
    results = tab.post(f"/predictions/jobs/{job['id']}/results", wanted)
    check(results, RESULTS)
    assert results["job_summary"]["success_rate"] == 100.0
    assert {p["company"]["symbol"] for p in results["created_data"]["predictions"]} == set(symbols)
    listed = tab.get(f"/predictions/{kind}{'/system' if role == 'super_admin' else ''}?page=1&size=1000")
    assert set(symbols) <= {row["company_symbol"] for row in listed["items"]}
    tab.delete(f"/predictions/jobs/{job['id']}")
    assert job["id"] not in {row["id"] for row in tab.get("/predictions/jobs?limit=50&offset=0")["jobs"]}


@operation(22, 23)
def test_faulty_rows_are_told_by_their_number(worker, stage: Stage):
    tab = stage.signed_in("org_member")
    table = bodies.rows("annual", [stage.symbol(), stage.symbol()])
    table[2][5] = "many"
    job = follow(tab, upload(tab, "annual", "faulty.csv", bodies.csv(table))["job_id"])
    assert (job["status"], job["successful_rows"], job["failed_rows"]) == ("completed", 1, 1)
    results = tab.post(f"/predictions/jobs/{job['id']}/results", {"include_errors": True})
    check(results, RESULTS)
    assert results["errors"]["has_errors"]
    assert [error["row"] for error in results["errors"]["error_details"]["errors"]] == [3]


@operation(24, 25, 22)
def test_a_job_is_cancelled_and_then_removed(worker, stage: Stage):
    tab = stage.signed_in("org_member")
    symbols = [stage.symbol("CTL") for _ in range(6000)]
    made = upload(tab, "annual", "large.csv", bodies.csv(bodies.rows("annual", symbols)))
    tab.post(f"/predictions/jobs/{made['job_id']}/cancel", {})
    job = follow(tab, made["job_id"])
    assert (job["status"], job["error_message"]) == ("failed", "Cancelled by user")
    tab.delete(f"/predictions/jobs/{job['id']}")
    address = f"/predictions/jobs/{job['id']}"
    wait_until(lambda: tab.ask("GET", address).status_code == 404, "the job to be gone")


@operation(22)
def test_the_list_is_paged_by_limit_and_offset(worker, stage: Stage):
    tab = stage.signed_in("org_admin")
    ids = [
        upload(tab, "annual", "one.csv", bodies.csv(bodies.rows("annual", [stage.symbol()])))["job_id"]
        for _ in range(3)
    ]
    for job_id in ids:
        follow(tab, job_id)
    first = tab.get("/predictions/jobs?limit=2&offset=0")
    check(first, JOBS)
    assert [job["id"] for job in first["jobs"]] == ids[::-1][:2]
    assert first["pagination"]["has_more"]
    rest = tab.get("/predictions/jobs?limit=2&offset=2")
    assert rest["jobs"][0]["id"] == ids[0]
