"""What analysts work with, on the console: lists, notes, flags, companies that go, come back or are one."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.permissions import Role
from companies.fx.models import FxRate
from companies.lists.models import Note, Watchlist
from companies.models import Company
from companies.services import company_delete
from organizations.models import Organization
from predictions.flags.models import Flag, FlagRule
from predictions.flags.services import rule_of_institution
from predictions.rescoring.models import RescoreRun
from predictions.scenarios.models import Scenario
from tenants.kernel.context import in_public
from tenants.kernel.request import SYSTEM
from tests import factories
from tests.console import console, errors_of, messages_of, platform_console, text_of
from tests.fixtures import World
from tests.test_console_writes import events


@pytest.fixture(autouse=True)
def _no_log_of_django(db):
    """Whatever a test does in a console, Django's own log stays empty."""
    yield
    assert LogEntry.objects.count() == 0


def company(people: World, symbol: str, **more) -> Company:
    with people.within("alpha", "one"):
        return factories.CompanyFactory(organization=Organization.objects.get(), symbol=symbol, **more)


def test_a_watchlist_is_begun_filled_and_removed(people: World):
    client = console(people, Role.OWNER)
    row = company(people, "WATCH", name="Watched plc")
    with people.within("alpha", "one"):
        factories.PredictionFactory(organization=row.organization, company=row, fiscal_year=2023, pd=0.02)
        factories.PredictionFactory(organization=row.organization, company=row, fiscal_year=2024, pd=0.08)
    assert client.post("/admin/lists/watchlist/add/", {"name": "Mine", "description": ""}).status_code == 302
    with people.within("alpha", "one"):
        made = Watchlist.objects.get(name="Mine")
    assert (made.created_by_id, made.shared) == (people.user(Role.OWNER).id, False)
    page = f"/admin/lists/watchlist/{made.pk}"
    added = client.post(f"{page}/add-companies/", {"symbols": "watch, nosuch"}, follow=True)
    assert messages_of(added)[-1] == "There is no company NOSUCH."
    client.post(f"{page}/add-companies/", {"symbols": "watch"})
    shown = text_of(client.get(f"{page}/change/"))
    assert "Watched plc" in shown
    assert "8.00 %" in shown
    assert "2.00 %" in shown
    # One that is not shared is its maker's alone, for administrators as well.
    other = console(people, Role.ADMIN)
    assert other.get(f"{page}/change/").status_code == 302
    assert "Mine" not in text_of(other.get("/admin/lists/watchlist/"))
    client.post(f"{page}/change/", {"name": "Mine", "description": "", "shared": "on"})
    assert "Mine" in text_of(other.get("/admin/lists/watchlist/"))
    again = client.post("/admin/lists/watchlist/add/", {"name": "Mine", "description": ""})
    assert errors_of(again) == {"name": ["You have a list of this name already."]}
    client.post(f"{page}/remove-companies/", {"symbols": "WATCH"})
    assert "No company yet" in text_of(client.get(f"{page}/change/"))
    client.post(f"{page}/delete/", {"post": "yes"})
    assert events(people)[-1] == "lists.watchlist.deleted"


def test_notes_are_written_and_only_ones_own_are_changed(people: World):
    client = console(people, Role.OWNER)
    company(people, "NOTED")
    made = client.post("/admin/lists/note/add/", {"symbol": "noted", "text": "Cash is short."})
    assert made.status_code == 302
    with people.within("alpha", "one"):
        note = Note.objects.get(company__symbol="NOTED")
    page = f"/admin/lists/note/{note.pk}"
    client.post(f"{page}/change/", {"text": "Cash is very short."})
    with people.within("alpha", "one"):
        assert Note.objects.get(pk=note.pk).text == "Cash is very short."
    other = console(people, Role.ADMIN)
    assert other.post(f"{page}/change/", {"text": "Never mind."}).status_code == 403
    assert "Cash is very short." in text_of(other.get(f"{page}/change/"))
    assert other.post(f"{page}/delete/", {"post": "yes"}).status_code == 302
    written = [event for event in events(people) if event.startswith("lists.note.")]
    assert written == [f"lists.note.{verb}" for verb in ("created", "changed", "deleted")]
    nowhere = client.post("/admin/lists/note/add/", {"symbol": "NOWHERE", "text": "x"})
    assert errors_of(nowhere) == {"symbol": ["There is no such company."]}


def test_a_flag_is_acknowledged_once_and_the_rule_is_the_tenants(people: World):
    client = console(people, Role.OWNER)
    with people.within("alpha", "one"):
        flag = Flag.objects.first()
        rule = rule_of_institution()
    page = f"/admin/flags/flag/{flag.pk}"
    assert "2.00 % to 8.00 %" in text_of(client.get("/admin/flags/flag/?standing=open"))
    assert client.post(f"{page}/acknowledge/", {"note": "Looked."}).status_code == 302
    shown = text_of(client.get(f"{page}/change/"))
    assert "Looked." in shown
    assert f"{page}/acknowledge/" not in shown
    still_open = client.get("/admin/flags/flag/?standing=open").context["cl"].result_list
    assert flag.pk not in {row.pk for row in still_open}
    page = f"/admin/flags/flagrule/{rule.pk}/change/"
    said = {"points": "0.03", "relative": "0.05", "on_level": "on"}
    assert client.post(page, said).status_code == 403
    head = console(people, Role.TENANT_ADMIN)
    assert head.get("/admin/flags/flagrule/").url == page
    assert errors_of(head.post(page, {**said, "points": "5"})) == {"points": ["More than 0, and 1 at most."]}
    assert head.post(page, said).status_code == 302
    with people.within("alpha"):
        assert (FlagRule.objects.get().points, FlagRule.objects.get().relative) == (0.03, 0.05)
    assert head.post(page, {"points": "0.03", "relative": "", "on_level": "on"}).status_code == 302
    with people.within("alpha"):
        assert FlagRule.objects.get().relative is None
    written = [event for event in events(people) if event.startswith("flags.")]
    assert written == ["flags.flag.acknowledged", "flags.rule.changed", "flags.rule.changed"]


def test_a_deleted_company_is_found_restored_and_removed_for_good(people: World):
    client = console(people, Role.OWNER)
    row = company(people, "GONE", name="Gone Ltd")
    with people.within("alpha", "one"):
        company_delete(company=row, actor=SYSTEM)
    lists = "/admin/companies/company/"
    assert "Gone Ltd" not in text_of(client.get(lists))
    assert "Gone Ltd" in text_of(client.get(f"{lists}?presence=deleted"))
    page = f"{lists}{row.pk}"
    shown = text_of(client.get(f"{page}/change/"))
    assert f"{page}/restore/" in shown
    assert f"{page}/merge/" not in shown
    assert client.post(f"{page}/change/", {"name": "Other", "currency": "USD"}).status_code == 403
    assert client.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    # Its symbol was given away meanwhile.
    company(people, "GONE")
    refused = client.post(f"{page}/restore/", {"symbol": ""}, follow=True)
    assert messages_of(refused)[-1] == "There is a company of this symbol already."
    client.post(f"{page}/restore/", {"symbol": "back"})
    with people.within("alpha", "one"):
        assert Company.objects.get(pk=row.pk).symbol == "BACK"
        company_delete(company=Company.objects.get(pk=row.pk), actor=SYSTEM)
    assert client.post(f"{page}/purge/").status_code == 302
    with people.within("alpha", "one"):
        assert not Company.all_objects.filter(pk=row.pk).exists()
    foreign = console(people, Role.OWNER, organization="two")
    assert foreign.get(f"{page}/restore/").status_code == 302


def test_two_companies_are_made_one_and_two_again(people: World):
    client = console(people, Role.OWNER)
    stays = company(people, "STAYS", name="Double GmbH")
    goes = company(people, "GOES", name="Double", country="DE")
    twins = text_of(client.get("/admin/companies/company/duplicates/"))
    page = f"/admin/companies/company/{stays.pk}"
    assert "the same name" in twins
    assert f"{page}/merge/?other=GOES" in twins
    assert f"/admin/companies/company/{goes.pk}/merge/?other=STAYS" in twins
    assert 'value="GOES"' in text_of(client.get(f"{page}/merge/?other=GOES"))
    unknown = client.post(f"{page}/merge/", {"symbol": "NOSUCH", "reason": ""}, follow=True)
    assert messages_of(unknown) == ["There is no company NOSUCH."]
    client.post(f"{page}/merge/", {"symbol": "goes", "reason": "The same firm."})
    with people.within("alpha", "one"):
        assert Company.objects.get(pk=stays.pk).country == "DE"
        assert Company.all_objects.get(pk=goes.pk).state == "merged"
    assert f"{page}/undo-merge/" in text_of(client.get(f"{page}/change/"))
    client.post(f"{page}/undo-merge/")
    with people.within("alpha", "one"):
        assert Company.objects.filter(pk=goes.pk).exists()
    assert f"{page}/undo-merge/" not in text_of(client.get(f"{page}/change/"))


def test_companies_are_scored_again_from_the_console(people: World):
    client = console(people, Role.OWNER)
    assert "Score all companies again" in text_of(client.get("/admin/rescoring/rescorerun/"))
    answer = client.post("/admin/rescoring/rescorerun/begin/", {})
    with people.within("alpha", "one"):
        run = RescoreRun.objects.get(about="All companies")
    assert answer.url == f"/admin/rescoring/rescorerun/{run.pk}/change/"
    assert "Processing" in text_of(client.get(answer.url))
    client.post(f"/admin/rescoring/rescorerun/{run.pk}/resume/")
    assert events(people)[-2:] == ["rescoring.run.begun", "rescoring.run.resumed"]


def test_the_shipped_scenarios_stand_where_none_is_saved(people: World):
    page = text_of(console(people, Role.OWNER).get("/admin/scenarios/scenario/?q=none-like-this"))
    assert "Severe recession" in page
    assert "-20 %" in page


def test_scenarios_are_read_in_words_and_removed(people: World):
    client = console(people, Role.OWNER)
    with people.within("alpha", "one"):
        scenario = Scenario.objects.first()
    page = f"/admin/scenarios/scenario/{scenario.pk}"
    assert "-20 %" in text_of(client.get(f"{page}/change/"))
    run = client.get("/admin/scenarios/scenariorun/").context["cl"].result_list[0]
    assert "2.00 points" in text_of(client.get(f"/admin/scenarios/scenariorun/{run.pk}/change/"))
    client.post(f"{page}/change/", {"name": "Recession", "description": "", "shared": "on"})
    assert client.post(f"{page}/delete/", {"post": "yes"}).status_code == 302
    assert events(people)[-2:] == ["scenarios.scenario.changed", "scenarios.scenario.deleted"]


def test_operators_load_exchange_rates_and_institutions_look_them_up(people: World):
    client = platform_console(people)
    page = "/admin/fx/fxrate/load/"
    bad = client.post(page, {"file": SimpleUploadedFile("rates.csv", b"nothing"), "source": "ECB"})
    assert bad.status_code == 200
    assert bad.context["form"].errors["file"]
    good = b"currency,date,usd_per_unit\nEUR,2024-06-28,1.0705\nCHF,2024-06-28,1.11\n"
    client.post(page, {"file": SimpleUploadedFile("rates.csv", good), "source": "ECB"})
    with in_public():
        assert FxRate.objects.get(currency="EUR").usd_per_unit
    tenant = console(people, Role.OWNER)
    assert "1.070500" in text_of(tenant.get("/admin/fx/fxrate/"))
    assert tenant.get(page).url.endswith("/load/change/")  # no such action: taken for a row, which is none
    assert tenant.get("/admin/fx/fxrate/add/").status_code == 403
