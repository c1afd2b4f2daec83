"""Two people change one prediction: whoever says what he has seen overwrites nothing unseen."""

from __future__ import annotations

import pytest

from accounts.permissions import Role
from companies.models import Company
from tests.fixtures import World

# Ratios that both kinds know.
RATIOS = {"long_term_debt_to_total_capital": 30, "total_debt_to_ebitda": 2}
BODIES = {
    "annual": {"company_symbol": "TAG", "reporting_year": 2024, **RATIOS},
    "quarterly": {"company_symbol": "TAG", "reporting_year": 2024, "reporting_quarter": "Q1", **RATIOS},
}


@pytest.fixture(params=["annual", "quarterly"])
def made(request, people: World):
    """A client, the address of a prediction, its body and its tag."""
    client, body = people.client(Role.OWNER), BODIES[request.param]
    address = f"/api/v1/predictions/{request.param}"
    answer = client.post(address, body, format="json")
    assert answer.status_code == 201, answer.content
    return client, f"{address}/{answer.json()['id']}", body, answer["ETag"]


def test_each_answer_names_the_score_that_holds(made):
    client, address, body, tag = made
    assert client.get(address)["ETag"] == tag
    changed = client.put(address, {**body, "total_debt_to_ebitda": 9}, format="json")
    assert changed.status_code == 200, changed.content
    assert changed["ETag"] != tag
    assert client.get(address)["ETag"] == changed["ETag"]


def test_a_stale_change_is_refused_and_changes_nothing(made):
    client, address, body, tag = made
    current = client.put(
        address, {**body, "total_debt_to_ebitda": 9}, format="json", headers={"if-match": tag}
    )
    assert current.status_code == 200
    before = client.get(address).json()
    stale = client.put(address, {**body, "total_debt_to_ebitda": 5}, format="json", headers={"if-match": tag})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    gone = client.delete(address, headers={"if-match": tag})
    assert (gone.status_code, gone.json()["code"]) == (412, "stale")
    assert client.get(address).json() == before
    assert client.get(f"{address}/scores").json()["total"] == 2


@pytest.mark.parametrize("header", ['"nonsense"', "nonsense", '""'])
def test_a_tag_of_nothing_matches_nothing(made, header):
    client, address, body, _ = made
    assert client.put(address, body, format="json", headers={"if-match": header}).status_code == 412
    assert client.delete(address, headers={"if-match": header}).status_code == 412


@pytest.mark.parametrize("shape", ["{}", "W/{}", '"other", {}', "*"])
def test_the_right_tag_in_every_form_is_taken(made, shape):
    client, address, body, tag = made
    answer = client.put(address, body, format="json", headers={"if-match": shape.format(tag)})
    assert answer.status_code == 200, answer.content
    answer = client.delete(address, headers={"if-match": shape.format(answer["ETag"])})
    assert answer.status_code == 204


def test_without_a_tag_all_goes_on_as_before(made):
    client, address, body, _ = made
    for value in (2, 3):
        assert client.put(address, {**body, "total_debt_to_ebitda": value}, format="json").status_code == 200
    assert client.delete(address).status_code == 204
    assert client.delete(address).status_code == 404


def test_a_read_is_never_spared_since_the_company_may_have_changed(made, people: World):
    client, address, _, tag = made
    with people.within("alpha"):
        Company.objects.filter(symbol="TAG").update(name="Another name")
    answer = client.get(address, headers={"if-none-match": tag})
    assert answer.status_code == 200
    assert answer.json()["company_name"] == "Another name"
