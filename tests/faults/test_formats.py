"""Portfolio files of every format and with every poison, through a real worker."""

from __future__ import annotations

import io
import random

import pytest

from predictions.models import RowIssue, Score, ScoringJob
from predictions.tests.test_files import assert_accounted, finished, run, upload
from tests.faults.portfolios import ENDINGS, as_csv, as_xlsx, good_row, written
from tests.fixtures import OwnTenant
from tests.worker import Worker

ROWS = [good_row(n) for n in range(230)]


def stored(own: OwnTenant, job: dict) -> list[tuple]:
    """What a job left: scores with their inputs, and findings."""
    with own.within():
        scores = Score.objects.filter(job=job["id"]).order_by("row_number")
        issues = RowIssue.objects.filter(job=job["id"]).order_by("row_number", "column", "code")
        return [
            *scores.values_list("row_number", "prediction__company__symbol", "pd", "input_hash"),
            *issues.values_list("row_number", "severity", "column", "code", "message", "value"),
        ]


@pytest.mark.worker
def test_every_format_stores_the_same(own_tenant: OwnTenant, worker: Worker):
    found = {}
    for ending in ENDINGS:
        job = run(own_tenant, written(ROWS, ending), name=f"book.{ending}")
        assert_accounted(own_tenant, job)
        assert job["successful_rows"] == len(ROWS)
        found[ending] = stored(own_tenant, job)
    assert all(rows == found["csv"] for rows in found.values())


# A workbook holds neither NUL nor more than 32,767 characters in a cell.
POISON = [
    "💥🏦",
    "=1+1",
    "@SUM(A1)",
    "inf",
    "-Infinity",
    "1e308",
    "1e309",
    "NaN",
    "5e-324",
    "1,234",
    "#DIV/0!",
]
ONLY_TEXT = ["a\x00b", "\x00", "x" * 1_000_000]


def poisoned(cells: list[str]) -> list[list[str]]:
    rows = [good_row(n) for n in range(150)]
    for place, cell in enumerate(cells):
        for column in (0, 1, 4, 5):
            row = good_row(1000 + 10 * place + column)
            row[column] = cell
            rows.insert(7 * place + column, row)
    return rows


@pytest.mark.worker
def test_poison_costs_its_own_row_in_every_format(own_tenant: OwnTenant, worker: Worker):
    found = {}
    for ending in ENDINGS:
        job = run(own_tenant, written(poisoned(POISON), ending), name=f"poison.{ending}")
        assert_accounted(own_tenant, job)
        assert job["successful_rows"] >= 150
        found[ending] = stored(own_tenant, job)
    assert all(rows == found["csv"] for rows in found.values())
    found = {}
    for ending in ("csv", "csv.gz", "parquet"):
        job = run(own_tenant, written(poisoned(ONLY_TEXT), ending), name=f"text.{ending}")
        assert_accounted(own_tenant, job)
        assert job["successful_rows"] >= 150
        found[ending] = stored(own_tenant, job)
    assert all(rows == found["csv"] for rows in found.values())


@pytest.mark.worker
def test_a_file_that_changes_type_half_way(own_tenant: OwnTenant, worker: Worker):
    """Numbers that become words, commas that become semicolons, decimal commas: the first half is scored."""
    words = [[*good_row(n)[:5], *["n.v."] * 5] for n in range(120, 240)]
    half = as_csv([good_row(n) for n in range(120)])
    endings = {
        "words": as_csv(words).split(b"\n", 1)[1],
        "semicolons": as_csv([good_row(n) for n in range(120, 240)], ";").split(b"\n", 1)[1],
    }
    for name, second in endings.items():
        job = run(own_tenant, half + second, name=f"{name}.csv")
        assert_accounted(own_tenant, job)
        assert (job["total_rows"], job["successful_rows"], job["failed_rows"]) == (240, 120, 120), name


@pytest.mark.worker
def test_a_text_that_becomes_a_picture_half_way(own_tenant: OwnTenant, worker: Worker):
    """Wholly refused, or each of its lines a refused row: never a row more or less, and nothing invented."""
    noise = random.Random(5).randbytes(300_000)  # noqa: S311 - noise, not a secret
    job = run(own_tenant, as_csv([good_row(n) for n in range(2_000)]) + noise, name="picture.csv")
    if job["state"] == "failed":
        assert job["error_message"]
        with own_tenant.within():
            assert not Score.objects.filter(job=job["id"]).exists()
    else:
        assert_accounted(own_tenant, job)
        assert job["successful_rows"] == 2_000


@pytest.mark.worker
def test_a_packed_file_that_breaks_off_is_refused_as_a_whole(
    own_tenant: OwnTenant, worker: Worker, monkeypatch
):
    rows = []
    chance = random.Random(3)
    for n in range(4_000):
        row = good_row(n)
        row[1] = chance.randbytes(40).hex()
        rows.append(row)
    whole = written(rows, "csv.gz")
    answer = upload(own_tenant.client, whole[: len(whole) - 1000], name="broken.csv.gz")
    # A small one is counted at once, and so read to its end.
    assert (answer.status_code, answer.json()["code"]) == (400, "damaged_file")
    with own_tenant.within():
        assert not ScoringJob.objects.exists()
    # A large one is taken by its beginning; its job ends before a row is scored.
    monkeypatch.setattr("companies.sheets.reader._COUNTED_PACKED_BYTES", 1000)
    job = run(own_tenant, whole[: len(whole) - 1000], name="broken.csv.gz")
    assert (job["state"], job["successful_rows"]) == ("failed", 0)
    assert "ends in the middle" in job["error_message"]
    with own_tenant.within():
        assert not Score.objects.exists()
    # Its rows are known when it is cut.
    job = run(own_tenant, whole, name="whole.csv.gz")
    assert_accounted(own_tenant, job)
    assert job["total_rows"] == len(rows)


@pytest.mark.worker
def test_several_sheets_are_asked_about_and_one_is_scored(own_tenant: OwnTenant, worker: Worker):
    book = as_xlsx(Y2023=[good_row(n) for n in range(5)], Y2024=[good_row(n) for n in range(5, 12)])
    answer = upload(own_tenant.client, book, name="years.xlsx")
    assert (answer.status_code, answer.json()["code"]) == (400, "several_sheets")
    assert answer.json()["sheets"] == ["Y2023", "Y2024"]
    assert answer.json()["errors"][0]["pointer"] == "/sheet"
    chosen = _with_sheet(own_tenant, book, "Y2024")
    job = finished(own_tenant.client, chosen.json()["job_id"])
    assert_accounted(own_tenant, job)
    assert (job["sheet"], job["total_rows"]) == ("Y2024", 7)
    wrong = _with_sheet(own_tenant, book, "Y2025")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "no_such_sheet")
    assert "Y2023, Y2024" in wrong.json()["detail"]


def _with_sheet(own: OwnTenant, content: bytes, sheet: str):
    file = io.BytesIO(content)
    file.name = "years.xlsx"
    data = {"file": file, "kind": "annual", "sheet": sheet}
    return own.client.post("/api/v1/predictions/jobs", data, format="multipart")


def test_a_file_under_a_wrong_name_is_refused(own_tenant: OwnTenant):
    answer = upload(own_tenant.client, written(ROWS, "parquet"), name="book.csv")
    assert (answer.status_code, answer.json()["code"]) == (400, "content_mismatch")
    assert "Parquet" in answer.json()["detail"]
    with own_tenant.within():
        assert not ScoringJob.objects.exists()
