"""Lists as files over HTTP: types, filters, permission, scope inside streams, background, expiry."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import openpyxl
import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.permissions import Role
from companies.models import Company
from organizations.models import AuditEvent, Organization
from organizations.notices.models import Notice
from predictions.exporting import services
from predictions.exporting.lists import LISTS
from predictions.exporting.models import Export
from tests.factories import CompanyFactory, PredictionFactory, StatementFactory
from tests.fixtures import OwnTenant, World
from tests.worker import Worker, wait_until

NOW = "/api/v1/exports/now"


def content(answer) -> bytes:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def rows_of(answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content(answer).decode("utf-8-sig"))))


@pytest.fixture
def listed(people: World):
    """A company with a name that a spreadsheet would run, beside what the world holds."""
    with people.within("alpha", "one"):
        owner = Organization.objects.get()
        company = CompanyFactory(
            organization=owner,
            symbol="EVIL",
            name='=HYPERLINK("http://evil","x")',
            market_cap=Decimal("1234.5"),
            market_cap_on=date(2024, 12, 31),
            tags=["a", "b"],
        )
        StatementFactory(organization=owner, company=company, net_sales=Decimal("-12.5"))
        PredictionFactory(organization=owner, company=company)
    return company


@pytest.mark.parametrize("code", sorted(LISTS))
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_every_list_comes_in_both_types_and_only_from_the_callers_reach(people: World, listed, code, kind):
    needs = {"company": str(listed.id)}
    if LISTS[code].needs and "job" in LISTS[code].needs:
        jobs = people.client(Role.OWNER).get("/api/v1/predictions/jobs").json()["items"]
        needs = {"job": jobs[0]["id"]}
    if LISTS[code].needs and "watchlist" in LISTS[code].needs:
        lists = people.client(Role.OWNER).get("/api/v1/watchlists").json()["items"]
        needs = {"watchlist": lists[0]["id"]}
    asked = {"list": code, "type": kind, **(needs if LISTS[code].needs else {})}
    answer = people.client(Role.VIEWER).get(NOW, asked)
    data = content(answer)
    header = [column.name for column in _columns(people, code)]
    if kind == "csv":
        lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
        assert lines[0] == header
    else:
        book = openpyxl.load_workbook(io.BytesIO(data))
        sheet = book.worksheets[0]
        assert [cell.value for cell in sheet[1]] == header
        assert sheet.freeze_panes == "A2"
        defined = {row[1].value: row[3].value for row in book["Definitions"].iter_rows()}
        assert all(defined.get(name) for name in header)
        lines = [[cell.value for cell in row] for row in sheet.iter_rows()]
    with people.within("alpha", "two"):
        foreign = set(Company.objects.values_list("symbol", flat=True))
    assert not {str(cell) for line in lines for cell in line} & foreign


def _columns(people: World, code: str):
    with people.within("alpha", "one"):
        return list(LISTS[code].columns)


def test_cells_are_typed_and_no_text_is_run(people: World, listed):
    answer = people.client(Role.OWNER).get(NOW, {"list": "companies", "type": "xlsx", "symbol": "EVIL"})
    sheet = openpyxl.load_workbook(io.BytesIO(content(answer))).worksheets[0]
    names = {cell.value: cell.column for cell in sheet[1]}
    cells = {name: sheet.cell(2, column) for name, column in names.items()}
    assert (cells["market_cap"].value, cells["market_cap"].data_type) == (1234.5, "n")
    assert cells["market_cap_on"].value == datetime(2024, 12, 31)  # noqa: DTZ001 - as a cell has it
    assert cells["market_cap_on"].number_format == "yyyy-mm-dd"
    assert (cells["name"].data_type, cells["name"].value[:2]) == ("s", "'=")
    assert cells["tags"].value == "a; b"
    (row,) = rows_of(people.client(Role.OWNER).get(NOW, {"list": "companies", "symbol": "EVIL"}))
    assert row["name"].startswith("'=")
    (row,) = rows_of(people.client(Role.OWNER).get(NOW, {"list": "statements", "symbol": "EVIL"}))
    assert row["net_sales"] == "-12.500000"


def test_the_filters_of_the_list_hold_and_unknown_ones_are_refused(people: World, listed):
    client = people.client(Role.OWNER)
    found = rows_of(client.get(NOW, {"list": "predictions_annual", "symbol": "evil", "risk_level": "LOW"}))
    assert [row["symbol"] for row in found] == ["EVIL"]
    assert rows_of(client.get(NOW, {"list": "predictions_annual", "risk_level": "CRITICAL"})) == []
    wrong = client.get(NOW, {"list": "companies", "sectr": "Technology"})
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (400, "unknown_filter")
    assert client.get(NOW, {"list": "outcomes", "occurred_on_after": "2020-01-01"}).status_code == 200
    assert client.get(NOW, {"list": "outcomes", "occurred_on_after": "soon"}).status_code == 400
    assert client.get(NOW, {"list": "nothing"}).status_code == 400
    assert client.get(NOW, {"list": "scores"}).json()["errors"][0]["code"] == "required"


def test_a_list_about_a_foreign_row_is_absent(people: World):
    with people.within("beta"):
        foreign = Company.objects.exclude(symbol__startswith="TRAP").first()
    client = people.client(Role.OWNER)
    assert client.get(NOW, {"list": "scores", "company": str(foreign.id)}).status_code == 404
    assert client.get("/api/v1/exports/company", {"company": str(foreign.id)}).status_code == 404
    with people.within("alpha", "two"):
        colleague = Company.objects.first()
    for kind in ("pdf", "xlsx"):
        asked = {"company": str(colleague.id), "type": kind}
        assert client.get("/api/v1/exports/company", asked).status_code == 404


def test_a_tenant_admin_gets_every_organization(people: World):
    rows = rows_of(people.client(Role.TENANT_ADMIN).get(NOW, {"list": "companies"}))
    with people.within("alpha"):
        assert {row["id"] for row in rows} == {str(i) for i in Company.objects.values_list("id", flat=True)}


def test_an_export_is_written_down(people: World, listed):
    content(people.client(Role.OWNER).get(NOW, {"list": "companies"}))
    with people.within("alpha", "one"):
        assert AuditEvent.objects.filter(action="exporting.list.exported").exists()


def test_a_long_list_is_not_given_at_once(people: World, listed, settings):
    settings.EXPORT_DIRECT_ROWS = 1
    answer = people.client(Role.OWNER).get(NOW, {"list": "companies"})
    assert (answer.status_code, answer.json()["code"]) == (413, "export_too_large")


def test_a_switched_off_list_is_not_there(people: World, monkeypatch):
    client = people.client(Role.OWNER)
    assert "outcomes" in {row["list"] for row in client.get("/api/v1/exports/lists").json()}
    monkeypatch.setattr("tenants.modules.is_on", lambda code: code != "monitoring")
    assert client.get(NOW, {"list": "outcomes"}).json()["code"] == "module_off"
    assert "outcomes" not in {row["list"] for row in client.get("/api/v1/exports/lists").json()}


@pytest.mark.worker
def test_a_file_in_the_background_is_for_its_maker_and_then_gone(own_tenant: OwnTenant, worker: Worker):
    with own_tenant.within():
        owner = Organization.objects.get()
        for _ in range(30):
            CompanyFactory(organization=owner)
    client = own_tenant.client
    asked = {"list": "companies", "type": "xlsx", "filters": {"sector": "Technology"}}
    answer = client.post("/api/v1/exports", asked, format="json")
    assert answer.status_code == 202, answer.content
    address = f"/api/v1/exports/{answer.json()['id']}"
    wait_until(lambda: client.get(address).json()["state"] != "pending", "export")
    made = client.get(address).json()
    assert (made["state"], made["rows"]) == ("ready", 30)
    data = content(client.get(f"{address}/file"))
    assert len(data) == made["file_size"]
    assert openpyxl.load_workbook(io.BytesIO(data)).worksheets[0].max_row == 31
    # A colleague sees that it was made, and may not have it.
    colleague = own_tenant.member(Role.VIEWER)
    assert colleague.get(address).json()["filename"] == made["filename"]
    assert colleague.get(f"{address}/file").json()["code"] == "not_yours"
    assert colleague.delete(address).status_code == 403
    with own_tenant.within():
        row = Export.objects.get()
        assert Notice.objects.filter(user_id=row.created_by_id, title__contains="is ready").exists()
        actions = set(AuditEvent.objects.values_list("action", flat=True))
        assert {
            "exporting.export.requested",
            "exporting.export.made",
            "exporting.export.downloaded",
        } <= actions
        path = row.path
        assert services.exports_tend(now=timezone.now() + timedelta(days=8)) == 1
    assert not default_storage.exists(path)
    gone = client.get(f"{address}/file")
    assert (gone.status_code, gone.json()["code"]) == (409, "export_expired")
    assert client.delete(address).status_code == 204


def test_a_file_is_made_once_of_the_callers_rows(people: World):
    client = people.client(Role.OWNER)
    asked = {"list": "companies", "type": "csv"}
    identifier = client.post("/api/v1/exports", asked, format="json").json()["id"]
    with people.within("alpha", "one"):
        services.export_run(export_id=identifier)
        row = Export.objects.get(id=identifier)
        assert row.state == "ready"
        stored = default_storage.open(row.path).read().decode("utf-8-sig")
        assert len(list(csv.DictReader(io.StringIO(stored)))) == Company.objects.count() == row.rows
        # A second run finds it made.
        services.export_run(export_id=identifier)
        assert Export.objects.get(id=identifier).path == row.path
        assert row.expires_at > datetime.now(UTC)
        services.export_delete(row=row, actor=row.owner)


def test_a_watchlist_as_a_file(people: World):
    client = people.client(Role.ANALYST)
    with people.within("alpha", "one"):
        owner = Organization.objects.get()
        rows = [CompanyFactory(organization=owner, symbol=f"W{n}") for n in range(3)]
        PredictionFactory(organization=owner, company=rows[0], fiscal_year=2023, pd=0.02)
        PredictionFactory(organization=owner, company=rows[0], fiscal_year=2024, pd=0.08, risk_level="HIGH")
        PredictionFactory(
            organization=owner, company=rows[1], kind="quarterly", fiscal_year=2024, fiscal_quarter=2, pd=0.5
        )
    made = client.post("/api/v1/watchlists", {"name": "Mine alone"}, format="json").json()
    body = {"companies": [str(row.id) for row in rows]}
    client.post(f"/api/v1/watchlists/{made['id']}/add", body, format="json")
    asked = {"list": "watchlist", "watchlist": made["id"]}
    found = rows_of(client.get(NOW, asked))
    told = [(r["symbol"], r["pd"], r["period"], r["pd_before"], r["change"]) for r in found]
    assert told[0] == ("W1", "0.5", "2024 Q2", "", "")
    assert told[1][:4] == ("W0", "0.08", "2024", "0.02")
    assert float(told[1][4]) == pytest.approx(0.06)
    assert told[2] == ("W2", "", "", "", "")
    # Nobody else reads a list that is not shared, and no list of companies narrows by it.
    owner_client = people.client(Role.OWNER)
    assert rows_of(owner_client.get(NOW, asked)) == []
    assert owner_client.get(f"/api/v1/companies?watchlist={made['id']}").json()["total"] == 0
    assert client.get(f"/api/v1/companies?watchlist={made['id']}").json()["total"] == 3
    assert client.get(NOW, {"list": "watchlist"}).status_code == 400
    foreign = people.client(Role.OWNER, organization="two")
    assert foreign.get(NOW, asked).status_code == 404
