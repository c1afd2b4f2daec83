"""A folder or bucket of an organization: files by mapping, one effect, each in its own place."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import boto3
import pytest

from accounts.permissions import Role
from companies.connectors.kinds.file_drop import drop_folder
from companies.connectors.models import Run, Source
from companies.connectors.services import run_begin, run_execute, runs_due
from companies.connectors.tests.servers import aws
from companies.models import Statement
from tenants.kernel.request import SYSTEM

SOURCES = "/api/v1/connectors"
SHEET = (
    "Kürzel;Jahr;Bilanzsumme;Umsatz;Jahresüberschuss;Schulden\n"
    "NORD;2023;1.200,5;900;-12;800,5\n"
    "SUED;2023;500;;20;300\n"
    ";2023;500;1;20;300\n"
)
COLUMNS = {
    "Kürzel": "company_symbol",
    "Jahr": "reporting_year",
    "Bilanzsumme": "total_assets",
    "Umsatz": "net_sales",
    "Jahresüberschuss": "net_income",
    "Schulden": "total_liabilities",
}
OPTIONS = {"columns": COLUMNS, "unit": "thousands", "currency": "EUR", "pattern": "*.csv"}


@pytest.fixture
def owner(people):
    return people.client(Role.OWNER)


@pytest.fixture
def folder(people, settings, tmp_path):
    settings.CONNECTOR_DROP_ROOT = str(tmp_path)
    made = drop_folder(people.tenants["alpha"].schema_name, str(people.organizations["alpha", "one"]))
    made.mkdir(parents=True)
    return made


def set_up(client, name="Drop", **options):
    body = {"kind": "file_drop", "name": name, "options": OPTIONS | options}
    answer = client.post(SOURCES, body, format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()["id"]


def run_now(people, client, source, place="one"):
    asked = client.post(f"{SOURCES}/{source}/run")
    assert asked.status_code == 202, asked.content
    with people.within("alpha", place):
        run_execute(run=run_begin(run_id=asked.json()["id"]), actor=SYSTEM)
    return client.get(f"{SOURCES}/runs/{asked.json()['id']}").json()


def test_files_become_statements_by_mapping(people, owner, folder):
    (folder / "books.csv").write_text(SHEET)
    (folder / ".books.csv.part").write_text("on its way")
    (folder / "notes.txt").write_text("not asked for")
    run = run_now(people, owner, set_up(owner))
    assert (run["state"], run["documents"], run["new"], run["refused"]) == ("done", 1, 2, 1)
    assert run["refusals"][0]["where"] == "books.csv, row 4, company_symbol"
    with people.within("alpha", "one"):
        nord = Statement.objects.get(company__symbol="NORD")
        assert (nord.total_assets, nord.net_income) == (Decimal("1.2005"), Decimal("-0.012"))
        assert (nord.currency, nord.unit, nord.kind) == ("EUR", "thousands", "annual")
        assert (nord.source, nord.source_kind) == ("books.csv, row 2", "connector")


def test_the_same_file_again_and_a_corrected_one(people, owner, folder):
    (folder / "books.csv").write_text(SHEET)
    source = set_up(owner)
    run_now(people, owner, source)
    again = run_now(people, owner, source)
    assert (again["documents_unchanged"], again["fetched"]) == (1, 0)
    # The same rows in another file are known by what they say.
    (folder / "more.csv").write_text(SHEET)
    other = run_now(people, owner, source)
    assert (other["new"], other["restated"], other["unchanged"]) == (0, 0, 2)
    (folder / "books.csv").write_text(SHEET.replace("900", "950"))
    corrected = run_now(people, owner, source)
    assert (corrected["new"], corrected["restated"], corrected["unchanged"]) == (0, 1, 1)
    with people.within("alpha", "one"):
        versions = Statement.objects.filter(company__symbol="NORD").order_by("version")
        assert [v.net_sales for v in versions] == [Decimal("0.9"), Decimal("0.95")]


def test_an_organization_sees_its_own_folder_only(people, owner, folder):
    (folder / "books.csv").write_text(SHEET)
    other = people.client(Role.OWNER, "alpha", "two")
    run = run_now(people, other, set_up(other), place="two")
    assert (run["state"], run["documents"]) == ("done", 0)
    faults = owner.post(
        SOURCES, {"kind": "file_drop", "name": "Out", "options": {"prefix": "../other"}}, format="json"
    ).json()["errors"]
    assert [fault["pointer"] for fault in faults] == ["/options/prefix"]
    # Its rows and reports are its own.
    assert owner.get(f"{SOURCES}/runs/{run['id']}").status_code == 404


def test_a_file_that_is_no_table_is_refused_and_stops_none(people, owner, folder):
    (folder / "a.csv").write_bytes(b"%PDF-1.7 no table")
    (folder / "b.csv").write_text("Kürzel;Bilanzsumme\nNORD;1\n")
    (folder / "books.csv").write_text(SHEET)
    run = run_now(people, owner, set_up(owner))
    assert (run["state"], run["new"]) == ("done", 2)
    codes = {refusal["where"]: refusal["code"] for refusal in run["refusals"]}
    assert codes["a.csv"] == codes["b.csv"] == "unreadable"


@pytest.mark.parametrize(
    ("option", "value", "pointer"),
    [
        ("statements", "daily", "/options/statements"),
        ("unit", "dozens", "/options/unit"),
        ("currency", "XXX", "/options/currency"),
        ("columns", {"A": "shoe_size"}, "/options/columns/A"),
        ("bucket", "statements", "/options/secret"),
        ("surprise", 1, "/options/surprise"),
    ],
)
def test_options_that_cannot_be(owner, option, value, pointer):
    body = {"kind": "file_drop", "name": "Wrong", "options": {option: value}}
    answer = owner.post(SOURCES, body, format="json")
    assert answer.status_code == 400
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


def test_a_name_is_taken_once(owner):
    set_up(owner)
    body = {"kind": "file_drop", "name": "Drop", "options": OPTIONS}
    answer = owner.post(SOURCES, body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")


def test_the_schedule_starts_what_is_due_once(people, owner, folder):
    source = set_up(owner)
    assert owner.patch(f"{SOURCES}/{source}", {"every_minutes": 15}, format="json").status_code == 200
    with people.within("alpha", "one"):
        row = Source.objects.get(id=source)
        assert runs_due(now=row.next_run_at, actor=SYSTEM) == 1
        assert runs_due(now=row.next_run_at, actor=SYSTEM) == 0
        moved = Source.objects.get(id=source).next_run_at - row.next_run_at
        assert moved.total_seconds() == 15 * 60
        assert Run.objects.get(source=source).trigger == "schedule"


def test_too_often_is_refused(owner):
    body = {"kind": "file_drop", "name": "Fast", "options": OPTIONS, "every_minutes": 1}
    assert owner.post(SOURCES, body, format="json").status_code == 400


def test_changes_are_in_the_audit_log(people, owner):
    source = set_up(owner)
    owner.patch(f"{SOURCES}/{source}", {"name": "Renamed"}, format="json")
    owner.delete(f"{SOURCES}/{source}")
    rows = people.client(Role.ADMIN).get("/api/v1/organizations/audit?search=connectors")
    with people.within("alpha", "one"):
        from organizations.models import AuditEvent

        names = set(AuditEvent.objects.filter(object_id=source).values_list("action", flat=True))
    assert names == {f"connectors.source.{what}" for what in ("created", "changed", "deleted")}
    assert rows.status_code < 500


def test_a_bucket_with_its_credential(people, owner, settings):
    organization = str(people.organizations["alpha", "one"])
    schema = people.tenants["alpha"].schema_name
    with aws() as address:
        settings.CONNECTOR_S3_ENDPOINT = address
        settings.CONNECTOR_SECRETS = "environment"
        settings.CONNECTOR_SECRET_VALUES = {}
        source = set_up(owner, bucket="statements", prefix="in", secret="bucket")
        missing = run_now(people, owner, source)
        assert (missing["state"], missing["error"].startswith("The credential")) == ("failed", True)
        name = f"DROP_{schema}_{organization}_BUCKET".upper().replace("-", "_")
        keys = '{"access_key_id": "test", "secret_access_key": "test"}'
        settings.CONNECTOR_SECRET_VALUES = {name: keys}
        s3 = boto3.client(
            "s3", region_name="us-east-1", endpoint_url=address,
            aws_access_key_id="test", aws_secret_access_key="test",
        )  # fmt: skip
        s3.create_bucket(Bucket="statements")
        s3.put_object(Bucket="statements", Key="in/books.csv", Body=SHEET.encode())
        s3.put_object(Bucket="statements", Key="out/books.csv", Body=SHEET.encode())
        run = run_now(people, owner, source)
        assert (run["state"], run["documents"], run["new"]) == ("done", 1, 2), run
    gone = run_now(people, owner, source)
    assert (gone["state"], gone["error"]) == ("failed", "The drop cannot be listed.")


def test_no_folder_yet_is_an_empty_drop(people, owner, settings, tmp_path):
    settings.CONNECTOR_DROP_ROOT = str(tmp_path / "nothing")
    run = run_now(people, owner, set_up(owner))
    assert (run["state"], run["documents"]) == ("done", 0)
    assert not Path(settings.CONNECTOR_DROP_ROOT).exists()
