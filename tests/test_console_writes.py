"""Changes in the consoles: through services, into our audit log, and never into Django's own."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.middleware import SESSION_KEY
from accounts.models import AuthSession
from accounts.permissions import Role
from companies.models import Company
from organizations import services as organizations
from organizations.models import AuditEvent, Organization
from predictions.models import JobState, Prediction, ScoringJob
from tenants.kernel.request import SYSTEM
from tests.console import ABSENT, console, errors_of, messages_of, text_of
from tests.fixtures import World

SHEET = b"Company Symbol,Reporting Year,Return on Assets,Current Ratio\nAAA,2023,4.1,1.2\nBBB,2023,-3,0.9\n"
COMPANY = {"name": "Acme", "sector": "Energy", "currency": "eur", "market_cap": "12.5"}


@pytest.fixture(autouse=True)
def _no_log_of_django(db):
    """Whatever a test does in a console, Django's own log stays empty."""
    yield
    assert LogEntry.objects.count() == 0


def events(people: World, tenant: str = "alpha") -> list[str]:
    with people.within(tenant):
        return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


def upload(client, content=SHEET, name="portfolio.csv", **more):
    file = SimpleUploadedFile(name, content)
    data = {"kind": "annual", "unit": "units", "currency": "", "file": file, **more}
    return client.post("/admin/predictions/scoringjob/add/", data)


# -- a tenant's console ----------------------------------------------------------------------------


def test_a_company_is_made_changed_and_removed(people: World):
    client = console(people, Role.OWNER)
    made = client.post("/admin/companies/company/add/", {"symbol": "acme", **COMPANY})
    assert made.status_code == 302
    with people.within("alpha", "one"):
        company = Company.objects.get(symbol="ACME")
    assert (company.organization_id, company.currency) == (people.organizations["alpha", "one"], "EUR")
    address = f"/admin/companies/company/{company.pk}"
    changed = {**COMPANY, "name": "Acme plc", "symbol": "OTHER"}
    assert client.post(f"{address}/change/", changed).status_code == 302
    with people.within("alpha", "one"):
        company = Company.objects.get(pk=company.pk)
        event = AuditEvent.objects.get(action="companies.company.changed")
    assert (company.name, company.symbol) == ("Acme plc", "ACME")
    assert event.changes == {"name": ["Acme", "Acme plc"]}
    history = text_of(client.get(f"{address}/history/"))
    assert "companies.company.created" in history
    assert people.user(Role.OWNER).email in history
    assert client.post(f"{address}/delete/", {"post": "yes"}).status_code == 302
    with people.within("alpha", "one"):
        assert not Company.objects.filter(pk=company.pk).exists()
    assert events(people)[-3:] == [f"companies.company.{verb}" for verb in ("created", "changed", "deleted")]


def test_a_company_that_is_there_already_is_a_clear_error(people: World):
    client = console(people, Role.OWNER)
    with people.within("alpha", "one"):
        symbol = Company.objects.first().symbol
    answer = client.post("/admin/companies/company/add/", {"symbol": symbol, **COMPANY})
    assert errors_of(answer) == {"symbol": ["There is a company of this symbol already."]}


def test_companies_are_removed_together(people: World):
    client = console(people, Role.TENANT_ADMIN)
    with people.within("alpha"):
        rows = list(Company.objects.values_list("pk", flat=True))
    data = {"action": "delete_selected", "_selected_action": [str(pk) for pk in rows], "post": "yes"}
    assert client.post("/admin/companies/company/", data).status_code == 302
    with people.within("alpha"):
        assert Company.objects.count() == 0
    assert events(people).count("companies.company.deleted") == len(rows)


def test_foreign_rows_are_not_removed_with_ones_own(people: World):
    client = console(people, Role.OWNER)
    with people.within("alpha", "two"):
        foreign = list(Company.objects.values_list("pk", flat=True))
    data = {"action": "delete_selected", "_selected_action": [str(pk) for pk in foreign], "post": "yes"}
    client.post("/admin/companies/company/", data)
    with people.within("alpha", "two"):
        assert Company.objects.count() == len(foreign)


def test_a_prediction_and_a_job_are_removed(people: World):
    client = console(people, Role.OWNER)
    with people.within("alpha", "one"):
        rows = {"prediction": Prediction.objects.first(), "scoringjob": ScoringJob.objects.first()}
    for kind, row in rows.items():
        answer = client.post(f"/admin/predictions/{kind}/{row.pk}/delete/", {"post": "yes"})
        assert answer.status_code == 302
    with people.within("alpha", "one"):
        assert not Prediction.objects.filter(pk=rows["prediction"].pk).exists()
        assert not ScoringJob.objects.filter(pk=rows["scoringjob"].pk).exists()
    assert events(people)[-2:] == ["predictions.prediction.deleted", "predictions.job.deleted"]


def test_predictions_are_not_changed_by_hand(people: World):
    client = console(people, Role.TENANT_ADMIN)
    with people.within("alpha"):
        head = Prediction.objects.first()
    assert client.post(f"/admin/predictions/prediction/{head.pk}/change/", {"pd": 0}).status_code == 405
    assert client.get("/admin/predictions/prediction/add/").status_code == 403


def test_a_tenant_admin_makes_and_changes_an_organization(people: World):
    client = console(people, Role.TENANT_ADMIN)
    address = "/admin/organizations/organization"
    assert client.post(f"{address}/add/", {"name": "Third", "description": ""}).status_code == 302
    with people.within("alpha"):
        row = Organization.objects.get(name="Third")
    data = {"description": "x", "max_users": 7, "default_role": "viewer"}
    assert client.post(f"{address}/{row.pk}/change/", {**data, "name": "Renamed"}).status_code == 302
    with people.within("alpha"):
        row = Organization.objects.get(pk=row.pk)
    assert (row.name, row.max_users, row.allow_global_data_access) == ("Renamed", 7, False)
    about = [event for event in events(people) if event.startswith("organizations.organization.")]
    assert about[-2:] == [f"organizations.organization.{verb}" for verb in ("created", "changed")]
    again = client.post(f"{address}/add/", {"name": "renamed", "description": ""})
    assert errors_of(again) == {"name": ["An organization of this name already exists."]}


def test_an_owner_makes_no_organization(people: World):
    client = console(people, Role.OWNER)
    assert client.get("/admin/organizations/organization/add/").status_code == 403


# -- jobs ------------------------------------------------------------------------------------------


def test_a_file_is_uploaded(people: World):
    client = console(people, Role.OWNER)
    # Naming a place that is not offered changes nothing.
    answer = upload(client, place=str(people.organizations["alpha", "two"]), unit="thousands", currency="eur")
    with people.within("alpha"):
        job = ScoringJob.objects.get(original_filename="portfolio.csv", created_by_id__isnull=False)
    assert answer.url == f"/admin/predictions/scoringjob/{job.pk}/change/"
    assert job.organization_id == people.organizations["alpha", "one"]
    assert (job.total_rows, job.unit, job.currency) == (2, "thousands", "EUR")
    page = client.get(answer.url)
    assert "data-refresh" in text_of(page)
    assert "console/progress.js" in text_of(page)
    part = client.get(f"/admin/predictions/scoringjob/{job.pk}/progress/")
    assert "0 of 2 rows" in text_of(part)
    assert "<html" not in text_of(part)


def test_a_tenant_admin_says_whose_the_file_is(people: World):
    two = people.organizations["alpha", "two"]
    upload(console(people, Role.TENANT_ADMIN), place=str(two))
    with people.within("alpha", "two"):
        assert ScoringJob.objects.filter(created_by_id__isnull=False, organization_id=two).exists()


@pytest.mark.parametrize(
    ("content", "name"),
    [(b"", "empty.csv"), (b"Colour,Shape\nred,round\n", "other.csv"), (b"MZ\x00\x01", "program.exe")],
)
def test_a_file_that_cannot_be_scored_is_refused_in_words(people: World, content, name):
    answer = upload(console(people, Role.OWNER), content, name)
    assert answer.status_code == 200
    assert list(errors_of(answer)) == ["file"]
    with people.within("alpha"):
        assert not ScoringJob.objects.filter(original_filename=name).exists()


def test_a_job_is_cancelled_once(people: World):
    client = console(people, Role.OWNER)
    upload(client)
    with people.within("alpha", "one"):
        job = ScoringJob.objects.get(created_by_id__isnull=False)
    address = f"/admin/predictions/scoringjob/{job.pk}"
    assert "Cancel the job" in text_of(client.get(f"{address}/change/"))
    assert "It stops after the chunks" in text_of(client.get(f"{address}/cancel/"))
    assert messages_of(client.post(f"{address}/cancel/", follow=True)) == ["The job is cancelled."]
    assert messages_of(client.post(f"{address}/cancel/", follow=True)) == ["The job is cancelled already."]
    with people.within("alpha", "one"):
        assert ScoringJob.objects.get(pk=job.pk).state == JobState.CANCELLED
    assert "Cancel the job" not in text_of(client.get(f"{address}/change/"))


def test_a_running_job_is_not_deleted(people: World):
    client = console(people, Role.OWNER)
    upload(client)
    with people.within("alpha", "one"):
        job = ScoringJob.objects.get(created_by_id__isnull=False)
    answer = client.post(f"/admin/predictions/scoringjob/{job.pk}/delete/", {"post": "yes"}, follow=True)
    assert "Cancel the job before deleting it." in messages_of(answer)
    with people.within("alpha", "one"):
        assert ScoringJob.objects.filter(pk=job.pk).exists()


# -- organizations of one person -------------------------------------------------------------------


@pytest.fixture
def two_places(people: World):
    """The owner of alpha's first organization, an admin in its second too."""
    user = people.user(Role.OWNER)
    with people.within("alpha"):
        organizations.member_add(
            user=user, organization_id=people.organizations["alpha", "two"], role=Role.ADMIN, actor=SYSTEM
        )
    return user


def companies_seen(client) -> set:
    rows = client.get("/admin/companies/company/").context["cl"].result_list
    return {row.organization_id for row in rows}


def test_somebody_with_two_organizations_switches(people: World, two_places):
    one, two = (people.organizations["alpha", name] for name in ("one", "two"))
    client = console(people, Role.OWNER)
    assert companies_seen(client) == {one}
    assert "Work here" in text_of(client.get("/admin/organization/"))
    assert client.post("/admin/organization/", {"organization": str(two)}).status_code == 302
    assert companies_seen(client) == {two}
    assert AuthSession.objects.get(id=client.session[SESSION_KEY]["id"]).organization_id == two


@pytest.mark.parametrize("wanted", [("beta", "one"), None])
def test_nobody_switches_to_where_he_has_no_place(people: World, two_places, wanted):
    client = console(people, Role.OWNER)
    key = people.organizations[wanted] if wanted else ABSENT
    assert client.post("/admin/organization/", {"organization": str(key)}).status_code == 403
    assert companies_seen(client) == {people.organizations["alpha", "one"]}


def test_an_analyst_here_and_admin_there_lands_there(people: World):
    two = people.organizations["alpha", "two"]
    with people.within("alpha"):
        organizations.member_add(
            user=people.user(Role.ANALYST), organization_id=two, role=Role.ADMIN, actor=SYSTEM
        )
    client = console(people, Role.ANALYST)
    assert companies_seen(client) == {two}
    one = people.organizations["alpha", "one"]
    assert client.post("/admin/organization/", {"organization": str(one)}).status_code == 403
