"""A day of an analyst, over the wire and with a real worker: what changed overnight, why, compared to whom,
what if, and a sheet of it for the manager."""

from __future__ import annotations

import csv
import io

import openpyxl
import pytest
from celery import current_app

from accounts.permissions import Role
from organizations.models import AuditEvent
from predictions.models import Score
from tests.fixtures import PASSWORD, OwnTenant
from tests.letters import last_text
from tests.scenarios.books import Year, as_csv
from tests.serving import Caller
from tests.web import WebServer
from tests.worker import Worker, wait_until

BOOK = [f"FIRM{n}" for n in range(14)]
FALLEN, SOUND = BOOK[3], BOOK[4]


def of(own: OwnTenant, server: WebServer, role: str) -> Caller:
    """Somebody of the institution, signed in with a password."""
    if role == Role.ANALYST:
        own.member(role)
    name = "admin" if role == Role.TENANT_ADMIN else str(role)
    return Caller(server, f"{own.mark}.test").signed_in(f"{name}@{own.mark}.test", PASSWORD)


def taken_in(caller: Caller, name: str, years: list[Year]) -> dict:
    """A file of statements, uploaded, looked at, and taken in by the worker."""
    row = caller.send_file("/imports", name, as_csv(years), status=201)
    preview = caller.get(f"/imports/{row['id']}/preview")
    assert (preview["problems"], preview["errors"]) == ([], []), preview
    caller.post(f"/imports/{row['id']}/start", status=202)
    address = f"/imports/{row['id']}"
    wait_until(lambda: caller.get(address)["state"] not in {"pending", "processing"}, f"import {name}")
    done = caller.get(address)
    assert (done["state"], done["faulty_rows"], done["ok_rows"]) == ("completed", 0, len(years)), done
    return done


def all_scored(caller: Caller, year: int, names: int) -> None:
    """The statements are scored by themselves."""

    def scored() -> bool:
        found = caller.get("/predictions/annual", reporting_year=year, size=100)
        return found["total"] >= names and all(p["probability"] is not None for p in found["items"])

    wait_until(scored, f"{names} scores of {year}")


@pytest.mark.worker
@pytest.mark.slow
def test_a_day_of_an_analyst(own_tenant: OwnTenant, worker: Worker, server: WebServer):
    owner, analyst, head = (
        of(own_tenant, server, role) for role in (Role.OWNER, Role.ANALYST, Role.TENANT_ADMIN)
    )
    me = analyst.get("/auth/me")["email"]

    # Before: the book is taken in and scored; a change of five percent of the PD is to be flagged.
    sound = [Year(s, f"{s} Works", y, 400 + 30 * n) for n, s in enumerate(BOOK) for y in (2022, 2023)]
    taken_in(analyst, "book.csv", sound)
    all_scored(analyst, 2023, len(BOOK))
    assert owner.patch("/flags/rule", {"relative": 0.05}, status=403)["code"] == "forbidden"
    assert head.patch("/flags/rule", {"relative": 0.05})["relative"] == 0.05
    current_app.send_task("flags.review_all", queue="default")
    wait_until(lambda: _reviewed(own_tenant), "the first look")
    companies = {c["symbol"]: c for c in analyst.get("/companies", size=100)["items"]}
    watchlist = analyst.post("/watchlists", {"name": "My book"}, status=201)
    chosen = {"companies": [companies[s]["id"] for s in BOOK[:8]]}
    assert analyst.post(f"/watchlists/{watchlist['id']}/add", chosen)["changed"] == 8

    # Overnight: new statements come; one company has broken down, the others go on as they were.
    night = [
        Year(s, f"{s} Works", 2024, 400 + 30 * n, 0.1 if s == FALLEN else 1.0) for n, s in enumerate(BOOK)
    ]
    taken_in(owner, "overnight.csv", night)
    all_scored(analyst, 2024, len(BOOK))
    current_app.send_task("flags.review_all", queue="default")
    wait_until(lambda: analyst.get("/flags", open="true")["total"], "flags")

    # Morning: a notice and a letter tell that something has moved; the dashboard and the flags tell what.
    wait_until(lambda: _alerts(analyst), "the notice")
    wait_until(lambda: _letter(me), "the letter")
    board = analyst.get("/dashboards/mine")
    assert board["dashboard"] == "analyst", board
    board = analyst.get("/dashboards/analyst")
    assert board["companies_rated"] == len(BOOK)
    assert board["worst"][0]["company_symbol"] == FALLEN
    flags = {f["symbol"]: f for f in analyst.get("/flags", open="true", size=100)["items"]}
    flag = flags[FALLEN]
    assert flag["change"] > 0.05, flag
    assert set(flag["reasons"]) == {"points", "relative", "level"}
    assert SOUND not in flags or abs(flags[SOUND]["change"]) < 0.05
    company = companies[FALLEN]["id"]

    # Why: from the PD through what moved it to the statement's cell in the file.
    history = analyst.get(f"/predictions/companies/{company}/pd-history")
    last = history["steps"][-1]
    assert (last["reporting_year"], last["direction"], last["level_change"]) == ("2024", "up", True)
    assert last["reason"]
    assert last["components"][0]["points"] > 0
    statement = analyst.get(f"/statements/{last['statement_id']}")
    assert statement["source_ref"]["file"] == "overnight.csv"
    ratios = analyst.get(f"/statements/{last['statement_id']}/ratios")["ratios"]
    assert any(r["value"] is not None and r["formula"] for r in ratios)
    benchmark = analyst.get("/comparison/benchmark", company_id=company, reference="false")
    pd = next(m for m in benchmark["metrics"] if m["name"] == "probability")
    assert pd["percentile"] > 90
    assert benchmark["group"]["names"] == len(BOOK)
    beside = analyst.get("/comparison/companies", ids=f"{company},{companies[SOUND]['id']}")
    assert {c["company_symbol"] for c in beside["companies"]} == {FALLEN, SOUND}

    # What if: sales recover by a fifth; and what a better category would take.
    shock = {"kind": "sales", "mode": "relative", "value": 0.2}
    what_if = analyst.post("/scenarios/apply", {"company_id": company, "shocks": [shock]})
    assert what_if["base"]["probability"] == pytest.approx(last["probability"], abs=1e-6)
    assert what_if["probability_change"] < 0
    reach = analyst.post("/scenarios/reach", {"company_id": company})
    assert reach["reached"] or reach["nearest"]["result"]["probability"] <= reach["base"]["probability"]

    # The decision: an internal rating, a note that names the manager, the flag answered.
    boss = owner.get("/auth/me")["email"]
    rated = analyst.post(
        f"/companies/{company}/rating", {"rating": "Watch", "reason": "Sales broke down in 2024."}
    )
    assert rated["internal_rating"] == "Watch"
    analyst.post("/notes", {"company": company, "text": f"@{boss} please look at the covenant."}, status=201)
    assert (
        analyst.post(f"/flags/{flag['id']}/acknowledge", {"note": "Rated Watch."})["note"] == "Rated Watch."
    )
    assert FALLEN not in {f["symbol"] for f in analyst.get("/flags", open="true", size=100)["items"]}

    # The report, and the list as a file made in the background.
    sheet = analyst.get("/exports/company", company=company, type="pdf")
    assert sheet.startswith(b"%PDF")
    book = openpyxl.load_workbook(io.BytesIO(analyst.get("/exports/company", company=company, type="xlsx")))
    assert "Definitions" in book.sheetnames
    asked = {"list": "watchlist", "type": "csv", "filters": {"watchlist": watchlist["id"]}}
    export = analyst.post("/exports", asked, status=202)
    wait_until(lambda: analyst.get(f"/exports/{export['id']}")["state"] == "ready", "the export")
    content = analyst.get(f"/exports/{export['id']}/file").decode("utf-8-sig")
    listed = list(csv.DictReader(io.StringIO(content)))
    assert {row["symbol"] for row in listed} == set(BOOK[:8])
    assert (listed[0]["symbol"], listed[0]["period"]) == (FALLEN, "2024")

    # Shared: the manager is told, sees the list, and reads the note; a stranger sees nothing of it.
    assert owner.get("/watchlists")["total"] == 0
    analyst.patch(f"/watchlists/{watchlist['id']}", {"shared": True})
    assert [w["name"] for w in owner.get("/watchlists")["items"]] == ["My book"]
    on_list = owner.get(f"/watchlists/{watchlist['id']}/companies", size=100)["items"]
    shown = next(c for c in on_list if c["symbol"] == FALLEN)
    assert shown["internal_rating"] == "Watch"
    assert shown["latest"]["change"] > 0.05
    assert any(n["kind"] == "mentions" for n in owner.get("/notices")["items"])
    assert "covenant" in owner.get("/notes", company=company)["items"][0]["text"]
    foreign = Caller(server, "alpha.test").signed_in("analyst-one@alpha.test", PASSWORD)
    foreign.get(f"/companies/{company}", status=404)
    foreign.get(f"/watchlists/{watchlist['id']}", status=404)
    here = Caller(server, analyst.host, foreign.token)
    assert here.get("/companies", status=403)["code"] == "wrong_tenant"

    # Every score leads to the version that it rests on, and everything that was done is in the log.
    with own_tenant.within():
        assert not Score.objects.filter(statement=None).exists()
        done = set(AuditEvent.objects.values_list("action", flat=True))
    assert done >= {
        *("flags.flag.acknowledged", "companies.company.rated", "exporting.export.downloaded"),
        *("lists.note.created", "lists.watchlist.changed", "exporting.company.exported"),
    }


def _reviewed(own: OwnTenant) -> bool:
    from predictions.flags.models import FlagRule

    with own.within():
        return FlagRule.objects.get().reviewed_to is not None


def _alerts(caller: Caller) -> list[dict]:
    return [n for n in caller.get("/notices")["items"] if n["kind"] == "alerts"]


def _letter(address: str) -> bool:
    try:
        return "on your lists has changed" in last_text(address)
    except AssertionError:
        return False
