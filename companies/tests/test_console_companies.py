"""Companies and own fields on a tenant's console."""

from __future__ import annotations

from accounts.permissions import Role
from companies.models import Company, CustomField
from organizations.models import AuditEvent
from tests.console import console, errors_of, text_of
from tests.fixtures import World


def test_an_own_field_is_defined_changed_and_archived(people: World):
    client = console(people, Role.TENANT_ADMIN)
    form = {"name": "desk", "label": "Desk", "kind": "choice", "choices": "North,South", "position": "1"}
    answer = client.post("/admin/companies/customfield/add/", {**form, "choices": ""})
    assert errors_of(answer)["choices"]
    answer = client.post("/admin/companies/customfield/add/", form)
    assert answer.status_code == 302, errors_of(answer)
    with people.within("alpha"):
        row = CustomField.objects.get(name="desk")
        assert row.choices == ["North", "South"]
    address = f"/admin/companies/customfield/{row.pk}"
    assert client.post(f"{address}/change/", {**form, "label": "Sales desk"}).status_code == 302
    assert client.post(f"{address}/archive/").status_code == 302
    with people.within("alpha"):
        row.refresh_from_db()
        assert (row.label, row.archived_at is not None) == ("Sales desk", True)
        actions = AuditEvent.objects.filter(object_id=str(row.pk)).order_by("id")
        assert [a.rpartition(".")[2] for a in actions.values_list("action", flat=True)] == [
            "created",
            "changed",
            "archived",
        ]
    assert console(people, Role.OWNER).get("/admin/companies/customfield/").status_code == 403


def test_a_company_is_changed_by_the_same_rules(people: World):
    client = console(people, Role.OWNER)
    with people.within("alpha", "one"):
        company = Company.objects.first()
    address = f"/admin/companies/company/{company.pk}/change/"
    form = {"name": "Renamed", "sector": "information technology", "currency": "USD", "market_cap": "5"}
    answer = client.post(address, form)
    assert answer.status_code == 302, errors_of(answer)
    with people.within("alpha", "one"):
        company.refresh_from_db()
        assert (company.name, company.sector) == ("Renamed", "Technology")
        assert company.version > 1
    assert "Internal rating" in text_of(client.get(address))
