"""Imports over HTTP with a real worker: mapping, dry run, undo, cancel, whose rows they are."""

from __future__ import annotations

import io

import openpyxl
import pytest

from accounts.permissions import Role
from companies.imports.models import Import, ImportEffect
from companies.imports.tests.test_planted import ended, run, upload
from companies.models import Company, Statement
from organizations.models import AuditEvent
from organizations.notices.models import Notice
from tests.fixtures import OwnTenant, World
from tests.worker import Worker, wait_until

LONG = b"Code,Title,FY,Assets total,Sales\nA1,Aleph,2023,100,50\nA1,Aleph,2024,110,60\nB1,Beth,2024,90,x\n"
MAPPING = ["symbol", "name", "fiscal_year", "total_assets", "net_sales"]


@pytest.mark.worker
def test_mapped_tried_taken_in_mended_and_undone(own_tenant: OwnTenant, worker: Worker):
    client = own_tenant.client
    made = upload(client, LONG, unit="millions", currency="EUR").json()
    address = f"/api/v1/imports/{made['id']}"
    assert made["mapping"] == ["", "", "fiscal_year", "", "net_sales"]
    preview = client.get(f"{address}/preview").json()
    assert preview["problems"]
    refused = client.post(f"{address}/start", {}, format="json")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "mapping")
    assert client.patch(address, {"mapping": MAPPING}, format="json").json()["layout"] == "long"
    preview = client.get(f"{address}/preview").json()
    assert (preview["faulty"], preview["errors"][0]["cell"]) == (1, "E4")
    # The dry run tells what will come, and keeps nothing.
    client.post(f"{address}/check", {}, format="json")
    checked = ended(client, made["id"])
    assert (checked["state"], checked["ok_rows"], checked["faulty_rows"]) == ("checked", 2, 1)
    assert checked["forecast"]["companies_created"] == 1
    with own_tenant.within():
        assert (Company.objects.count(), Statement.objects.count()) == (0, 0)
        assert not AuditEvent.objects.filter(action__startswith="companies.").exists()
    client.post(f"{address}/start", {}, format="json")
    done = ended(client, made["id"])
    assert done["state"] == "completed", done
    assert {k: done["forecast"][k] for k in done["counts"]} == done["counts"]
    with own_tenant.within():
        statement = Statement.objects.get(fiscal_year=2024)
        assert (statement.currency, statement.source_ref["cells"]["net_sales"]) == ("EUR", "E3")
    # The next file with this header is read the same way; an amount that changed restates its period.
    second = upload(client, LONG.replace(b"110,60", b"110,75").replace(b",x", b",45"), name="two.csv").json()
    assert (second["mapping"], second["currency"], second["unit"]) == (MAPPING, "EUR", "millions")
    client.post(f"/api/v1/imports/{second['id']}/start", {}, format="json")
    counts = ended(client, second["id"])["counts"]
    assert (counts["statements_created"], counts["statements_restated"], counts["statements_unchanged"]) == (
        1,
        1,
        1,
    )
    # Undone, the version before holds again, and what it made is gone.
    undone = client.post(f"/api/v1/imports/{second['id']}/undo", {}, format="json").json()
    assert (undone["state"], undone["counts"]["undone_statements_withdrawn"]) == ("undone", 2)
    with own_tenant.within():
        holding = Statement.objects.get(fiscal_year=2024, current=True, company__symbol="A1")
        assert (holding.version, float(holding.net_sales)) == (1, 60.0)
        assert not Company.objects.filter(symbol="B1").exists()
        assert ImportEffect.objects.filter(job=second["id"], undone=True).count() == 3
        assert AuditEvent.objects.filter(action="imports.import.undone").exists()
    again = client.post(f"/api/v1/imports/{second['id']}/undo", {}, format="json")
    assert again.json()["code"] == "not_undoable"


@pytest.mark.worker
def test_what_somebody_used_since_stays(own_tenant: OwnTenant, worker: Worker):
    client = own_tenant.client
    first = run(client, b"symbol,year,total assets,net sales\nK1,2023,100,40\n", unit="millions")
    assert first["ok_rows"] == 1, first
    run(client, b"symbol,year,total assets,net sales\nK1,2023,100,44\n", name="later.csv", unit="millions")
    counts = client.post(f"/api/v1/imports/{first['id']}/undo", {}, format="json").json()["counts"]
    assert (counts["undone_statements_kept"], counts["undone_companies_kept"]) == (1, 1)
    with own_tenant.within():
        assert float(Statement.objects.get(current=True).net_sales) == 44.0


@pytest.mark.worker
def test_a_large_import_is_undone_in_the_background(own_tenant: OwnTenant, worker: Worker, settings):
    client = own_tenant.client
    done = run(
        client, b"symbol,year,total assets,net sales\nK1,2023,100,40\nK2,2023,90,30\n", unit="millions"
    )
    assert done["ok_rows"] == 2, done
    settings.IMPORT_UNDO_AT_ONCE = 3
    address = f"/api/v1/imports/{done['id']}"
    asked = client.post(f"{address}/undo", {}, format="json")
    assert (asked.status_code, asked.json()["state"]) == (202, "undoing")
    wait_until(lambda: client.get(address).json()["state"] == "undone", "the import to be undone")
    counts = client.get(address).json()["counts"]
    assert (counts["undone_statements_withdrawn"], counts["undone_companies_removed"]) == (2, 2)
    with own_tenant.within():
        assert not Statement.objects.exists()
        assert not Company.objects.exists()
        assert Notice.objects.filter(title__endswith="is undone").exists()
        # Between the two nobody undoes it again, removes it, or cancels it.
        for state in ("undoing", "undone"):
            Import.objects.filter(id=done["id"]).update(state=state)
            assert client.post(f"{address}/undo", {}, format="json").json()["code"] == "not_undoable"
        Import.objects.filter(id=done["id"]).update(state="undoing")
        assert client.post(f"{address}/cancel", {}, format="json").json()["code"] == "import_ended"
        assert client.delete(address).json()["code"] == "import_running"


def test_templates_hold_every_column_and_are_read_back(people: World):
    client = people.client(Role.ANALYST)
    for layout in ("companies", "long", "wide"):
        answer = client.get("/api/v1/imports/template", {"layout": layout, "type": "xlsx"})
        content = b"".join(answer.streaming_content)
        book = openpyxl.load_workbook(io.BytesIO(content))
        header = [cell.value for cell in book.worksheets[0][1]]
        assert [row[0].value for row in book["Definitions"].iter_rows(min_row=2)] == header
        made = upload(client, content, name=f"{layout}.xlsx").json()
        assert made["layout"] == layout
        assert "" not in made["mapping"]
        preview = client.get(f"/api/v1/imports/{made['id']}/preview").json()
        assert (preview["problems"], preview["errors"]) == ([], []), layout


def test_an_analyst_leaves_a_colleagues_import_alone(people: World):
    made = upload(people.client(Role.OWNER), LONG).json()
    client = people.client(Role.ANALYST)
    address = f"/api/v1/imports/{made['id']}"
    assert client.get(address).status_code == 200
    for call in ("start", "check", "cancel", "undo"):
        assert client.post(f"{address}/{call}", {}, format="json").json()["code"] == "not_yours"
