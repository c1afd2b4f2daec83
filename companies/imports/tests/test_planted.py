"""Ten thousand rows with five hundred planted faults, over HTTP and with a real worker."""

from __future__ import annotations

import csv
import io
import random

import pytest

from companies.imports.models import Import, ImportIssue
from companies.imports.tests.planted import AT, FAULTS, as_csv, good_row, planted_file
from companies.models import Company, Statement
from tests.fixtures import OwnTenant
from tests.worker import Worker, wait_until

ROWS, WRONG = 10_000, 500


def upload(client, content: bytes, name="borrowers.csv", **extra):
    file = io.BytesIO(content)
    file.name = name
    return client.post("/api/v1/imports", {"file": file, **extra}, format="multipart")


def ended(client, identifier: str, *, within: int = 240) -> dict:
    def state():
        return client.get(f"/api/v1/imports/{identifier}").json()

    wait_until(
        lambda: state()["state"] not in {"pending", "processing"}, f"import {identifier}", seconds=within
    )
    return state()


def run(client, content: bytes, *, within: int = 240, **extra) -> dict:
    answer = upload(client, content, **extra)
    assert answer.status_code == 201, answer.content
    identifier = answer.json()["id"]
    started = client.post(f"/api/v1/imports/{identifier}/start", {}, format="json")
    assert started.status_code == 202, started.content
    return ended(client, identifier, within=within)


@pytest.mark.worker
@pytest.mark.slow
def test_ten_thousand_rows_with_five_hundred_faults(own_tenant: OwnTenant, worker: Worker):
    client = own_tenant.client
    table, wrong = planted_file(ROWS, WRONG)
    assert len({(fault.column, fault.code) for fault in wrong.values()}) == len(FAULTS) >= 12
    done = run(client, as_csv(table))
    assert (done["state"], done["total_rows"]) == ("completed", ROWS), done
    assert (done["ok_rows"], done["faulty_rows"]) == (ROWS - WRONG, WRONG), done["fault_counts"]
    assert done["counts"]["statements_created"] == ROWS - WRONG
    with own_tenant.within():
        assert Statement.objects.filter(current=True).count() == ROWS - WRONG
        issues = {i.row_number: i for i in ImportIssue.objects.filter(job=done["id"], level="error")}
    # Every fault is found where it was planted, with what to do about it; and nothing else is.
    assert set(issues) == set(wrong)
    for row, fault in wrong.items():
        issue = issues[row]
        assert issue.code == fault.code, (row, fault, issue.code, issue.message)
        assert issue.hint
        if fault.column:
            letter = chr(65 + AT[fault.column])
            assert (issue.column, issue.cell) == (fault.column, f"{letter}{row}")
    # The faulty rows come back in the file's own columns; mended, they add exactly what was missing.
    sheet = client.get(f"/api/v1/imports/{done['id']}/faulty-rows")
    back = list(csv.reader(io.StringIO(b"".join(sheet.streaming_content).decode("utf-8-sig"))))
    assert back[0] == [*table[0], "error"]
    assert len(back) == WRONG + 1
    chance = random.Random(7)
    good = [good_row(number, chance) for number in range(ROWS)]
    mended = [[*good[row - 2], error[-1]] for row, error in zip(sorted(wrong), back[1:], strict=True)]
    assert all(line[-1] for line in mended)
    again = run(client, as_csv([back[0], *mended]), name="mended.csv")
    assert (again["ok_rows"], again["faulty_rows"]) == (WRONG, 0), again["fault_counts"]
    assert again["counts"]["statements_created"] == WRONG
    assert "statements_restated" not in again["counts"]
    with own_tenant.within():
        assert Statement.objects.count() == Statement.objects.filter(current=True).count() == ROWS
        assert Company.objects.count() == ROWS // 5
        assert Import.objects.get(id=again["id"]).mapping[-1] == ""
    # The whole file once more changes nothing.
    third = run(client, as_csv([table[0], *good]), name="all.csv")
    assert third["counts"] == {
        "statements_unchanged": ROWS,
        "companies_unchanged": third["counts"]["companies_unchanged"],
    }
    with own_tenant.within():
        assert Statement.objects.count() == ROWS
