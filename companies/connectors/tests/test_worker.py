"""A source run by a real worker: from the file in the folder to the score, once however often."""

from __future__ import annotations

import shutil

import pytest

from companies.connectors.kinds.file_drop import drop_folder
from companies.models import Statement
from predictions.models import Prediction
from tests.fixtures import OwnTenant
from tests.worker import Worker, wait_until

SOURCES = "/api/v1/connectors"
HEADER = "symbol,reporting_year,total_assets,total_liabilities,net_sales,net_income\n"
OPTIONS = {"unit": "millions", "currency": "USD", "pattern": "*.csv"}


@pytest.fixture
def folder(own_tenant: OwnTenant):
    place = drop_folder(own_tenant.ref.schema_name, str(own_tenant.organization_id))
    place.mkdir(parents=True)
    yield place
    shutil.rmtree(place, ignore_errors=True)


def run(client, source: str) -> dict:
    asked = client.post(f"{SOURCES}/{source}/run")
    assert asked.status_code == 202, asked.content
    address = f"{SOURCES}/runs/{asked.json()['id']}"
    wait_until(lambda: client.get(address).json()["state"] in {"done", "failed"}, "the run")
    return client.get(address).json()


@pytest.mark.worker
def test_a_folder_is_read_and_its_statements_scored(own_tenant: OwnTenant, worker: Worker, folder):
    client = own_tenant.client
    body = {"kind": "file_drop", "name": "Drop", "options": OPTIONS}
    source = client.post(SOURCES, body, format="json").json()["id"]
    (folder / "book.csv").write_text(
        HEADER + "NORD,2023,1200,800,900,-12\nSUED,2023,500,300,450,20\n,2023,1,1,1,1\n"
    )
    first = run(client, source)
    assert (first["state"], first["documents"], first["new"], first["refused"]) == ("done", 1, 2, 1), first

    def scored() -> bool:
        with own_tenant.within():
            return Prediction.objects.filter(pd__isnull=False).count() == 2

    wait_until(scored, "the scores")
    again = run(client, source)
    assert (again["documents_unchanged"], again["new"], again["restated"]) == (1, 0, 0)
    (folder / "book.csv").write_text(HEADER + "NORD,2023,1200,900,900,-12\nSUED,2023,500,300,450,20\n")
    third = run(client, source)
    assert (third["new"], third["restated"], third["unchanged"]) == (0, 1, 1)
    with own_tenant.within():
        versions = Statement.objects.filter(company__symbol="NORD").order_by("version")
        assert [(s.version, s.current) for s in versions] == [(1, False), (2, True)]

    # Who is asked twice at once runs once.
    both = [client.post(f"{SOURCES}/{source}/run") for _ in range(2)]
    assert both[0].status_code == 202
    assert both[1].status_code in {202, 409}
    wait_until(
        lambda: client.get(f"{SOURCES}/runs/{both[0].json()['id']}").json()["state"] == "done", "the last run"
    )
