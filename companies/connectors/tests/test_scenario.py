"""A connector at work over HTTP: one effect however often, and a source that fails and comes back."""

from __future__ import annotations

import pytest

from accounts.permissions import Role
from companies.connectors.circuits import Circuit
from companies.connectors.local import in_reference_books
from companies.connectors.models import Document, Run, RunState, Source
from companies.connectors.services import run_begin, run_execute
from companies.connectors.tests import filings
from companies.connectors.tests.servers import serving
from companies.connectors.tests.test_transport import _fresh_circuit, age  # noqa: F401 - a fixture
from companies.models import Company, Statement
from tenants.kernel.request import SYSTEM
from tests.console import PLATFORM_HOST, platform_console, text_of

SOURCES = "/api/v1/connectors"
FACTS = f"/api/xbrl/companyfacts/CIK{filings.CIK:0>10}.json"
ENTRY = f"/submissions/CIK{filings.CIK:0>10}.json"


@pytest.fixture
def sec(settings):
    with serving() as pages:
        settings.EDGAR_DATA_URL = settings.EDGAR_WWW_URL = pages.address
        settings.EDGAR_USER_AGENT = "Sample Risk Ltd risk@sample.test"
        settings.EDGAR_REQUESTS_PER_SECOND = 1000
        pages.content |= {
            "/files/company_tickers.json": filings.tickers(c9990001="SMPL"),
            ENTRY: filings.entry(),
            FACTS: filings.year_with_quarters().dump(),
            "/files/dera/data/financial-statement-data-sets/2009q3.zip": filings.dataset(),
        }
        yield pages


@pytest.fixture
def root(people):
    return people.client(Role.SUPER_ADMIN, "reference", "", host=PLATFORM_HOST)


def set_up(root, **options):
    body = {"kind": "edgar", "name": "EDGAR", "options": options or {"tickers": ["SMPL"]}}
    answer = root.post(SOURCES, body, format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()["id"]


def run_now(root, source):
    """Ask for a run over the API, and do what the worker would."""
    answer = root.post(f"{SOURCES}/{source}/run")
    assert answer.status_code == 202, answer.content
    with in_reference_books(reason="test"):
        run = run_begin(run_id=answer.json()["id"])
        run_execute(run=run, actor=SYSTEM)
    return root.get(f"{SOURCES}/runs/{answer.json()['id']}").json()


def test_the_same_statement_twice_has_one_effect(root, sec):
    source = set_up(root, tickers=["SMPL"], datasets=["2009q3", "2010q1"])
    first = run_now(root, source)
    assert (first["state"], first["fetched"], first["new"], first["refused"]) == ("done", 6, 6, 0)
    again = run_now(root, source)
    assert (again["new"], again["restated"], again["documents_unchanged"]) == (0, 0, again["documents"])
    with in_reference_books(reason="test"):
        Document.objects.all().delete()
        before = list(Statement.objects.order_by("id").values())
    third = run_now(root, source)
    assert (third["fetched"], third["new"], third["restated"], third["unchanged"]) == (6, 0, 0, 6)
    with in_reference_books(reason="test"):
        assert list(Statement.objects.order_by("id").values()) == before
        assert Company.objects.get(cik=filings.CIK).symbol == "SMPL"


def test_the_sec_is_told_who_asks(root, sec):
    run_now(root, set_up(root))
    agents = {headers["User-Agent"] for _, headers in sec.asked}
    assert agents == {"Sample Risk Ltd risk@sample.test"}
    assert sec.paths == ["/files/company_tickers.json", ENTRY, FACTS]


def test_without_a_user_agent_nothing_is_asked(root, sec, settings):
    settings.EDGAR_USER_AGENT = ""
    run = run_now(root, set_up(root))
    assert run["state"] == "failed"
    assert "EDGAR_USER_AGENT" in run["error"]
    assert sec.asked == []


def test_a_failing_source_opens_the_circuit_which_is_shown_and_closes_again(root, sec, people):
    source = set_up(root)
    sec.failures = [503] * 8
    failed = run_now(root, source)
    assert (failed["state"], failed["new"]) == ("failed", 0)
    assert "503" in failed["error"]
    run_now(root, source)
    shown = root.get(f"{SOURCES}/{source}").json()
    assert shown["circuit"]["state"] == "open"
    assert shown["circuit"]["retry_at"] > shown["circuit"]["opened_at"]
    assert shown["last_run"]["state"] == "failed"
    # The platform's console shows the same.
    page = text_of(platform_console(people).get("/admin/connectors/source/"))
    assert "EDGAR" in page
    assert "Open" in page
    asked = len(sec.asked)
    third = run_now(root, source)
    assert third["error"].startswith("The source has failed repeatedly")
    assert len(sec.asked) == asked
    sec.failures.clear()
    age("edgar", 61)
    fourth = run_now(root, source)
    assert (fourth["state"], fourth["new"]) == ("done", 5)
    assert root.get(f"{SOURCES}/{source}").json()["circuit"]["state"] == "closed"


def test_a_person_may_close_the_circuit(root, sec):
    source = set_up(root)
    sec.failures = [500] * 5
    run_now(root, source)
    run_now(root, source)
    assert Circuit("edgar").view.state == "open"
    answer = root.post(f"{SOURCES}/{source}/close-circuit")
    assert (answer.status_code, answer.json()["circuit"]["state"]) == (200, "closed")


def test_what_was_done_before_a_failure_is_kept(root, sec, settings):
    settings.CONNECTOR_ATTEMPTS = 1
    source = set_up(root, ciks=[filings.CIK, "9990005"], datasets=[])
    del sec.content["/files/company_tickers.json"]
    sec.content["/files/company_tickers.json"] = filings.tickers(c9990001="SMPL")
    sec.content["/submissions/CIK0009990005.json"] = b"{"
    run = run_now(root, source)
    # A company without facts, and an entry that cannot be read: neither stops the others.
    assert (run["state"], run["new"], run["refused"]) == ("done", 5, 1)
    [refusal] = run["refusals"]
    assert (refusal["where"], refusal["code"]) == ("submissions/CIK0009990005.json", "unreadable")


def test_a_run_that_was_cut_goes_on_where_it_was(root, sec):
    source = set_up(root)
    asked = root.post(f"{SOURCES}/{source}/run").json()["id"]
    with in_reference_books(reason="test"):
        run = run_begin(run_id=asked)
        assert run_begin(run_id=asked) is None  # somebody has it
        steps = 0
        while not run_execute(run=run, seconds=0, actor=SYSTEM):
            run = run_begin(run_id=asked)
            steps += 1
            assert steps < 10
        done = Run.objects.get(id=asked)
        assert (done.state, done.documents, done.new) == (RunState.DONE, 3, 5)


def test_edgar_fills_the_reference_data_only(people):
    body = {"kind": "edgar", "name": "Mine", "options": {"tickers": ["SMPL"]}}
    answer = people.client(Role.OWNER).post(SOURCES, body, format="json")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "reference_only"
    kinds = {k["kind"]: k["available"] for k in people.client(Role.VIEWER).get(f"{SOURCES}/kinds").json()}
    assert kinds == {"edgar": False, "file_drop": True}


def test_one_run_at_a_time_and_none_where_it_is_not_enabled(root, sec):
    source = set_up(root)
    assert root.post(f"{SOURCES}/{source}/run").status_code == 202
    again = root.post(f"{SOURCES}/{source}/run")
    assert (again.status_code, again.json()["code"]) == (409, "source_running")
    assert root.delete(f"{SOURCES}/{source}").status_code == 409
    with in_reference_books(reason="test"):
        Run.objects.all().delete()
    assert root.patch(f"{SOURCES}/{source}", {"enabled": False}, format="json").status_code == 200
    assert root.post(f"{SOURCES}/{source}/run").json()["code"] == "source_disabled"
    assert root.delete(f"{SOURCES}/{source}").status_code == 204
    with in_reference_books(reason="test"):
        assert not Source.objects.exists()
