"""The consoles: who enters, what he sees there, and that nothing of it reaches around the rule."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.urls import URLPattern, URLResolver

from accounts.console import platform_site, tenant_site
from accounts.middleware import SESSION_KEY
from accounts.models import AuthSession, Membership, MembershipState
from accounts.permissions import PERMISSIONS, Role
from companies.connectors.models import Source
from companies.imports.models import Import
from companies.lists.models import Note, Watchlist
from companies.models import Company, Statement
from organizations.models import AuditEvent, Organization
from predictions.dry_runs.models import DryRun
from predictions.flags.models import Flag
from predictions.models import Prediction, ScoringJob
from predictions.monitoring.models import Alert, Observation, Outcome
from predictions.own_models.models import OwnModel
from predictions.rescoring.models import RescoreRun
from predictions.scenarios.models import Scenario, ScenarioRun
from predictions.schedules.models import Schedule
from tenants.kernel.audit import address_tag
from tenants.kernel.console import ConsoleAdmin
from tenants.kernel.context import in_public
from tenants.models import PlatformAuditEvent
from tests import factories, queries
from tests.console import (
    ABSENT,
    PLATFORM_HOST,
    browser,
    console,
    links_in,
    messages_of,
    platform_console,
    sign_in,
    text_of,
)
from tests.fixtures import World, shut_out

LOGIN = "/admin/login/"
SITES = {"platform": (platform_site, PLATFORM_HOST), "tenant": (tenant_site, "alpha.test")}
# Rows of a tenant's console, and how one of another organization is found.
OWNED = {
    "organizations/organization": lambda: Organization.objects.first(),
    "connectors/source": lambda: Source.objects.first(),
    "companies/company": lambda: Company.objects.first(),
    "companies/statement": lambda: Statement.objects.first(),
    "predictions/prediction": lambda: Prediction.objects.first(),
    "predictions/scoringjob": lambda: ScoringJob.objects.first(),
    "dry_runs/dryrun": lambda: DryRun.objects.first(),
    "monitoring/observation": lambda: Observation.objects.first(),
    "monitoring/alert": lambda: Alert.objects.first(),
    "monitoring/outcome": lambda: Outcome.objects.first(),
    "schedules/schedule": lambda: Schedule.objects.first(),
    "own_models/ownmodel": lambda: OwnModel.objects.first(),
    "imports/import": lambda: Import.objects.first(),
    "lists/watchlist": lambda: Watchlist.objects.first(),
    "lists/note": lambda: Note.objects.first(),
    "flags/flag": lambda: Flag.objects.first(),
    "rescoring/rescorerun": lambda: RescoreRun.objects.first(),
    "scenarios/scenario": lambda: Scenario.objects.first(),
    "scenarios/scenariorun": lambda: ScenarioRun.objects.first(),
}
OWN_PAGES = ("change", "history", "delete")


def pages_of(site):
    """The address of every page of a console, with an absent row where one is asked for."""

    def walk(patterns, start):
        for entry in patterns:
            part = str(entry.pattern)
            if isinstance(entry, URLResolver):
                yield from walk(entry.url_patterns, start + part)
            elif isinstance(entry, URLPattern) and entry.name:
                yield (start + part).replace("<path:object_id>", ABSENT)

    for address in walk(site.get_urls(), "/admin/"):
        if "(?P" not in address and address not in {LOGIN, "/admin/jsi18n/"}:
            yield address


PAGES = [(name, page) for name, (site, _) in SITES.items() for page in pages_of(site)]
MODELS = [(name, model) for name, (site, _) in SITES.items() for model in site._registry]


# -- the way in ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "tenant", "host", "enters"),
    [
        (Role.TENANT_ADMIN, "alpha", "alpha.test", True),
        (Role.OWNER, "alpha", "alpha.test", True),
        (Role.ADMIN, "alpha", "alpha.test", True),
        (Role.ANALYST, "alpha", "alpha.test", False),
        (Role.VIEWER, "alpha", "alpha.test", False),
        (Role.INDIVIDUAL, "alpha", "alpha.test", False),
        (Role.TENANT_ADMIN, "beta", "alpha.test", False),
        (Role.OWNER, "beta", "alpha.test", False),
        (Role.SUPER_ADMIN, "alpha", "alpha.test", True),
        (Role.SUPER_ADMIN, "alpha", PLATFORM_HOST, True),
        (Role.TENANT_ADMIN, "alpha", PLATFORM_HOST, False),
        (Role.OWNER, "alpha", PLATFORM_HOST, False),
        (Role.INDIVIDUAL, "alpha", PLATFORM_HOST, False),
    ],
)
def test_who_enters_which_console(people: World, role, tenant, host, enters):
    client = browser(host)
    answer = sign_in(client, people.user(role, tenant).email)
    inside = client.get("/admin/")
    if enters:
        assert (answer.status_code, inside.status_code) == (302, 200)
        return
    assert inside.status_code == 302
    assert inside.url.startswith(LOGIN)
    # Whoever has no business here reads what a wrong password reads.
    wrong = sign_in(browser(host), people.user(role, tenant).email, "wrong")
    stranger = sign_in(browser(host), "nobody@nowhere.test", "wrong")
    said = [list(a.context["form"].non_field_errors()) for a in (answer, wrong, stranger)]
    assert said[0] == said[1] == said[2] != []
    assert answer.status_code == wrong.status_code == 200


@pytest.mark.parametrize(("name", "page"), PAGES)
def test_a_stranger_is_sent_to_the_log_in(people: World, name, page):
    answer = browser(SITES[name][1]).get(page)
    assert answer.status_code == 302
    assert answer.url.startswith(LOGIN) or page == "/admin/logout/"


@pytest.mark.parametrize("elsewhere", ["beta.test", PLATFORM_HOST])
@pytest.mark.parametrize("role", [Role.TENANT_ADMIN, Role.SUPER_ADMIN])
def test_a_copied_cookie_opens_no_other_host(people: World, role, elsewhere):
    client = console(people, role, "alpha", host="alpha.test")
    assert client.get("/admin/").status_code == 200
    other = browser(elsewhere)
    other.cookies = client.cookies
    answer = other.get("/admin/")
    assert answer.status_code == 302
    assert answer.url.startswith(LOGIN)


def test_the_platforms_cookie_opens_no_tenant(people: World):
    other = browser("alpha.test")
    other.cookies = platform_console(people).cookies
    assert other.get("/admin/").status_code == 302


def test_signing_out_ends_the_session(people: World):
    client = console(people, Role.OWNER)
    session = AuthSession.objects.get(id=client.session[SESSION_KEY]["id"])
    assert (session.tenant_id, session.revoked_at) == (people.tenants["alpha"].id, None)
    assert client.get("/admin/logout/").status_code == 405
    assert client.post("/admin/logout/").url == LOGIN
    session.refresh_from_db()
    assert session.revoked_at is not None
    assert client.get("/admin/").status_code == 302


def test_what_is_withdrawn_is_withdrawn_from_an_open_console(
    people: World, django_capture_on_commit_callbacks
):
    client = console(people, Role.OWNER)
    with django_capture_on_commit_callbacks(execute=True):
        shut_out(people.user(Role.OWNER))
    assert client.get("/admin/").status_code == 302


def test_a_suspended_member_cannot_sign_in(people: World):
    Membership.objects.filter(user=people.user(Role.OWNER)).update(state=MembershipState.SUSPENDED)
    assert sign_in(browser("alpha.test"), people.user(Role.OWNER).email).status_code == 200


def test_the_tenants_log_shows_who_entered(people: World):
    console(people, Role.SUPER_ADMIN, host="alpha.test")
    with people.within("alpha"):
        event = AuditEvent.objects.named().get(action="accounts.console.entered")
    assert (event.actor_name, event.changes["role"]) == ("root@platform.test", Role.SUPER_ADMIN)
    assert "@" not in event.actor_label + event.object_label


def test_a_refused_log_in_is_written_down(people: World):
    sign_in(browser("alpha.test"), people.user(Role.VIEWER).email)
    with in_public():
        assert PlatformAuditEvent.objects.filter(
            action="accounts.session.refused", actor_label=address_tag(people.user(Role.VIEWER).email)
        ).exists()


def test_the_log_in_never_leads_to_another_site(people: World):
    client = browser("alpha.test")
    data = {"username": people.user(Role.OWNER).email, "password": "correct-horse-9"}
    answer = client.post(LOGIN, {**data, "next": "https://elsewhere.test/"})
    assert answer.url == "/admin/"


# -- the rule --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "model"), MODELS, ids=lambda v: getattr(v, "__name__", v))
def test_every_page_asks_the_table(name, model):
    page = SITES[name][0]._registry[model]
    assert isinstance(page, ConsoleAdmin)
    assert set(page.permissions.values()) <= set(PERMISSIONS)
    assert not page.view_on_site


def test_a_page_that_declares_nothing_offers_nothing(people: World, rf):
    class Silent(ConsoleAdmin):
        pass

    request = rf.get("/admin/")
    request.principal = type("All", (), {"holds": lambda *_: True})()
    page = Silent(Company, admin.AdminSite())
    asked = (page.has_view_permission, page.has_change_permission, page.has_delete_permission)
    assert not any(ask(request) for ask in asked)
    assert not page.has_add_permission(request)
    assert not page.has_module_permission(request)


def test_django_permissions_open_nothing(people: World):
    user = people.user(Role.VIEWER)
    assert (user.is_staff, user.is_superuser, user.has_perm("companies.view_company")) == (
        False,
        False,
        False,
    )


@pytest.mark.parametrize("page", OWN_PAGES)
@pytest.mark.parametrize("kind", OWNED)
@pytest.mark.parametrize(
    ("role", "stranger"),
    [(Role.OWNER, ("alpha", "two")), (Role.OWNER, ("beta", "one")), (Role.TENANT_ADMIN, ("beta", "one"))],
)
def test_a_foreign_row_answers_like_an_absent_one(people: World, role, stranger, kind, page):
    with people.within(*stranger):
        foreign = OWNED[kind]()
    client = console(people, role)
    said = []
    for key in (foreign.pk, ABSENT):
        answer = client.get(f"/admin/{kind}/{key}/{page}/")
        body = text_of(answer).replace(str(key), "KEY")
        if answer.status_code == 302:
            body = [m.replace(str(key), "KEY") for m in messages_of(client.get(answer.url))]
        said.append((answer.status_code, answer.get("Location"), body if answer.status_code == 302 else ""))
    assert said[0] == said[1]
    assert said[0][0] in {302, 403}


@pytest.mark.parametrize(
    "address", ["predictions/scoringjob/{}/progress/", "predictions/scoringjob/{}/cancel/"]
)
def test_pages_of_a_foreign_job_do_not_exist(people: World, address):
    with people.within("alpha", "two"):
        foreign = ScoringJob.objects.first()
    client = console(people, Role.OWNER)
    for method in (client.get, client.post):
        answers = [method(f"/admin/{address.format(key)}") for key in (foreign.pk, ABSENT)]
        assert answers[0].status_code == answers[1].status_code in {302, 404}
    with people.within("alpha", "two"):
        assert ScoringJob.objects.get(pk=foreign.pk).state == foreign.state


@pytest.mark.parametrize("kind", OWNED)
@pytest.mark.parametrize(("role", "reach"), [(Role.TENANT_ADMIN, ("one", "two")), (Role.ADMIN, ("one",))])
def test_lists_hold_what_the_caller_reaches(people: World, role, reach, kind):
    answer = console(people, role).get(f"/admin/{kind}/")
    with people.within("alpha", *reach):
        model = type(OWNED[kind]())
        expected = {row.pk for row in model.objects.all()}
    assert {row.pk for row in answer.context["cl"].result_list} == expected != set()


def test_members_are_those_of_the_reach(people: World):
    def seen(role):
        rows = console(people, role).get("/admin/accounts/membership/").context["cl"].result_list
        return {(row.tenant_id, row.organization_id) for row in rows}

    alpha = people.tenants["alpha"].id
    one, two = (people.organizations["alpha", name] for name in ("one", "two"))
    assert seen(Role.OWNER) == {(alpha, one)}
    assert seen(Role.TENANT_ADMIN) == {(alpha, one), (alpha, two), (alpha, None)}


def test_the_audit_log_is_that_of_the_reach(people: World):
    with people.within("alpha"):
        for place in (*(people.organizations["alpha", n] for n in ("one", "two")), None):
            AuditEvent.objects.create(
                actor_label="x", action="test.row.seen", organization_id=place, via="test"
            )

    def seen(role):
        rows = console(people, role).get("/admin/organizations/auditevent/").context["cl"].result_list
        return {row.organization_id for row in rows}

    assert seen(Role.OWNER) == {people.organizations["alpha", "one"]}
    assert {people.organizations["alpha", "two"], None} <= seen(Role.TENANT_ADMIN)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        (PLATFORM_HOST, "accounts/user/?credential__password__startswith=md5"),
        ("alpha.test", "accounts/membership/?user__credential__password__startswith=md5"),
        ("alpha.test", "companies/company/?organization__name__startswith=O"),
        ("alpha.test", "companies/company/?predictions__pd__gt=0"),
    ],
)
def test_addresses_filter_by_nothing_undeclared(people: World, host, address):
    answer = console(people, Role.SUPER_ADMIN, host=host).get(f"/admin/{address}")
    assert answer.status_code in {302, 400, 403}


def test_filters_and_search_work(people: World):
    client = console(people, Role.TENANT_ADMIN)
    with people.within("alpha", "one"):
        company = Company.objects.get(symbol__startswith="ROW", predictions__kind="annual")
    found = client.get(f"/admin/companies/company/?q={company.symbol}").context["cl"].result_list
    assert company.pk in {row.pk for row in found}
    query = f"kind__exact=annual&risk_level__exact=LOW&company__id__exact={company.pk}&fiscal_year=2024"
    rows = client.get(f"/admin/predictions/prediction/?{query}").context["cl"].result_list
    assert [row.company_id for row in rows] == [company.pk]


# -- the pages -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "page"), PAGES)
def test_every_page_answers_and_loads_nothing_from_elsewhere(people: World, name, page):
    if page == "/admin/logout/":
        return
    client = console(people, Role.SUPER_ADMIN, host=SITES[name][1])
    answer = client.get(page, follow=True)
    assert answer.status_code in {200, 400, 403, 404}
    assert [link for link in links_in(answer) if "//" in link and not link.startswith("data:")] == []


def test_the_log_in_page_loads_nothing_from_elsewhere(people: World):
    for _, host in SITES.values():
        answer = browser(host).get(LOGIN)
        assert answer.status_code == 200
        assert [link for link in links_in(answer) if "//" in link] == []


def test_details_are_shown_in_words(people: World):
    with people.within("alpha", "one"):
        head = Prediction.objects.filter(kind="annual").first()
        job = ScoringJob.objects.first()
        factories.ScoreFactory(
            organization_id=head.organization_id,
            prediction=head,
            pd=0.0212,
            confidence_reasons=["ratio_only", "missing:total_debt_to_ebitda"],
            drivers=[
                {
                    "text": "Return on assets of -3.0 % raises the PD",
                    "label": "Return on assets",
                    "direction": "raises",
                    "contribution": 0.4,
                }
            ],
        )
        Prediction.objects.filter(pk=head.pk).update(current=head.scores.order_by("-id").first())
    client = console(people, Role.OWNER)
    page = text_of(client.get(f"/admin/predictions/prediction/{head.pk}/change/"))
    for words in ("2.12 %", "Total debt to EBITDA is missing", "Return on assets of -3.0 % raises the PD"):
        assert words in page
    assert "Text where a number is expected." in text_of(
        client.get(f"/admin/predictions/scoringjob/{job.pk}/change/")
    )


def test_people_are_shown_without_their_hashes(people: World):
    client, user = platform_console(people), people.user(Role.OWNER)
    for address in ("", f"{user.pk}/change/", f"{user.pk}/history/"):
        page = text_of(client.get(f"/admin/accounts/user/{address}"))
        assert user.email in page
        assert user.credential.password not in page
        assert "md5$" not in page


def test_the_number_of_queries_does_not_grow_with_the_rows(people: World):
    client = console(people, Role.TENANT_ADMIN)

    def asked() -> dict[str, int]:
        counts = {}
        for page in ("", "predictions/prediction/", "companies/company/", "predictions/scoringjob/"):
            with queries.asked() as found:
                assert client.get(f"/admin/{page}").status_code == 200
            counts[page] = len(found)
        return counts

    asked()
    before = asked()
    with people.within("alpha", "two"):
        place = Organization.objects.get(slug="two")
        factories.PredictionFactory.create_batch(20, organization=place)
        factories.JobFactory.create_batch(20, organization=place)
    assert asked() == before
    assert max(before.values()) < 40


def test_a_bug_is_a_page_for_who_looks_at_a_console(people: World, monkeypatch):
    client = console(people, Role.OWNER)
    client.raise_request_exception = False

    def broken(*_):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(tenant_site._registry[Company], "get_queryset", broken)
    answer = client.get("/admin/companies/company/", headers={"accept": "text/html"})
    assert (answer.status_code, answer["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert "secret detail" not in text_of(answer)
    assert answer["X-Request-ID"] in text_of(answer)
