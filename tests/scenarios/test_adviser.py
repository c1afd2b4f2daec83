"""An adviser on his own, over the wire and with a real worker: from registering to joining an organization,
with his personal work untouched by it."""

from __future__ import annotations

import io

import openpyxl
import pytest

from accounts.models import User
from companies.models import Company
from organizations.models import Organization
from organizations.personal import erase
from predictions.models import Prediction
from tenants.kernel import scope
from tenants.kernel.context import in_public, in_tenant
from tenants.kernel.ids import uuid7
from tests.factories import CompanyFactory, PredictionFactory
from tests.fixtures import PASSWORD, OwnTenant, World
from tests.letters import last_text, token_in
from tests.scenarios.books import Year
from tests.serving import Caller
from tests.web import WebServer
from tests.worker import Worker, wait_until


@pytest.fixture
def known(world: World, django_db_blocker):
    """A company of the platform, committed, with its peers; gone after the test."""
    mark = uuid7().hex[-6:].upper()
    with django_db_blocker.unblock():
        with world.within("reference"):
            owner = Organization.objects.get(is_default=True)
            rows = [
                CompanyFactory(
                    organization=owner, symbol=f"G{mark}{n}", name=f"Global {mark} {n}", sector="Energy"
                )
                for n in range(12)
            ]
            for n, row in enumerate(rows):
                PredictionFactory(organization=owner, company=row, pd=0.01 + 0.005 * n)
            ids = [row.id for row in rows]
        yield rows[0]
        with world.within("reference"):
            Prediction.all_objects.filter(company__in=ids).delete()
            Company.all_objects.filter(id__in=ids).delete()


@pytest.fixture
def address(django_db_blocker):
    """An address of somebody who is not here yet; whatever he leaves is removed after."""
    email = f"adviser.{uuid7().hex[-10:]}@alone.test"
    yield email
    with django_db_blocker.unblock(), in_public():
        user = User.objects.by_email(email)
        if user is not None:
            erase(user, email)
            user.delete()


def letter_to(email: str) -> str:
    def there() -> bool:
        try:
            return bool(last_text(email))
        except AssertionError:
            return False

    wait_until(there, "the letter")
    return last_text(email)


@pytest.mark.worker
@pytest.mark.slow
def test_an_adviser(own_tenant: OwnTenant, worker: Worker, server: WebServer, known, address):
    public = Caller(server, "localhost")

    # A personal account, proved by a letter.
    person = {"email": address, "password": PASSWORD, "full_name": "Ada Viser"}
    public.post("/auth/register", person, status=201)
    public.post("/auth/verify-email", {"token": token_in(letter_to(address))})
    adviser = public.signed_in(address, PASSWORD)
    me = adviser.get("/auth/me")
    (place,) = me["places"]
    workspace = place["workspace_id"]
    assert adviser.get("/dashboards/mine")["dashboard"] == "personal"
    assert adviser.get("/companies")["total"] == 0

    # The platform's data: found, read, compared with, tracked.
    found = adviser.get("/companies/global", search=known.symbol)["items"][0]
    assert found["latest"]["probability"] == pytest.approx(0.01)
    board = adviser.get("/dashboards/personal")
    assert board["own"]["companies"] == 0
    assert board["reference"]["companies"] >= 12
    tracked = adviser.post("/companies/track", {"reference_id": found["id"]}, status=201)
    company = tracked["id"]
    benchmark = adviser.get("/comparison/benchmark", sector="Energy")
    assert benchmark["group"]["reference"] >= 12

    # His own view: a statement typed in, scored by itself; what if sales fell.
    amounts = {name: round(value, 2) for name, value in Year("X", "X", 2024).amounts().items()}
    said = {"company": company, "fiscal_year": 2024, "currency": "USD", "unit": "millions"}
    adviser.post("/statements", {**said, "amounts": amounts}, status=201)
    wait_until(lambda: adviser.get("/predictions/annual")["total"] == 1, "the score")
    own = adviser.get("/predictions/annual")["items"][0]
    assert own["company_symbol"] == tracked["symbol"]
    shocks = [{"kind": "sales", "mode": "relative", "value": -0.2}]
    shocked = adviser.post("/scenarios/apply", {"company_id": company, "shocks": shocks})
    assert shocked["base"]["probability"] == pytest.approx(own["probability"], abs=1e-6)
    beside = adviser.get("/comparison/benchmark", company_id=company)
    assert beside["company_symbol"] == tracked["symbol"]

    # Notes, a list, exports.
    note = adviser.post("/notes", {"company": company, "text": "Cash covers two years."}, status=201)
    watchlist = adviser.post("/watchlists", {"name": "Clients"}, status=201)
    adviser.post(f"/watchlists/{watchlist['id']}/add", {"companies": [company]})
    assert adviser.get("/exports/company", company=company, type="pdf").startswith(b"%PDF")
    book = adviser.get("/exports/now", list="statements", type="xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(book)).worksheets[0]
    assert [cell.value for cell in sheet[2]][:1] == [tracked["symbol"]]
    export = adviser.post("/exports", {"list": "predictions_annual", "type": "csv"}, status=202)
    wait_until(lambda: adviser.get(f"/exports/{export['id']}")["state"] == "ready", "the export")
    assert tracked["symbol"] in adviser.get(f"/exports/{export['id']}/file").decode("utf-8-sig")
    # What is an organization's is not for individuals.
    adviser.get("/audit", status=403)

    # He joins an organization by its token, and works there; his own things are not in it.
    owner = Caller(server, f"{own_tenant.mark}.test").signed_in(own_tenant.owner.email, PASSWORD)
    organization = str(own_tenant.organization_id)
    listed = {"email": address, "role": "analyst"}
    owner.post(f"/organizations/{organization}/whitelist", listed, status=201)
    link = owner.post(f"/organizations/{organization}/links", {"role": "analyst"}, status=201)
    joined = adviser.post("/auth/join", {"join_token": link["join_token"]})
    assert joined["organization_id"] == organization
    places = adviser.get("/auth/me")["places"]
    there_is = {(place["organization"] or {}).get("id") or place["workspace_id"] for place in places}
    assert there_is == {workspace, organization}
    there = public.signed_in(address, PASSWORD)
    tokens = there.post("/auth/switch-organization", {"organization_id": organization})
    member = Caller(server, "localhost", tokens["access_token"])
    assert member.get("/dashboards/mine")["dashboard"] == "analyst"
    assert member.get("/companies")["total"] == 0
    for path in (f"/companies/{company}", f"/notes/{note['id']}", f"/watchlists/{watchlist['id']}"):
        member.get(path, status=404)
        owner.get(path, status=404)
    member.post("/companies", {"symbol": "TEAM", "name": "Team's own"}, status=201)
    assert owner.get("/companies", search="TEAM")["total"] == 1

    # Back in his workspace everything is as he left it, and nothing of the organization is there.
    tokens = member.post("/auth/switch-organization", {"organization_id": workspace})
    back = Caller(server, "localhost", tokens["access_token"])
    assert [c["symbol"] for c in back.get("/companies")["items"]] == [tracked["symbol"]]
    assert back.get(f"/notes/{note['id']}")["text"] == "Cash covers two years."
    assert [c["id"] for c in back.get(f"/watchlists/{watchlist['id']}/companies")["items"]] == [company]
    assert back.get("/predictions/annual")["items"][0]["probability"] == own["probability"]
    assert back.get(f"/statements/{back.get('/statements')['items'][0]['id']}")["fiscal_year"] == 2024
    assert back.get(f"/exports/{export['id']}")["state"] == "ready"
    with in_tenant(own_tenant.world.tenants["personal"]), scope.every_organization(reason="test"):
        assert Company.objects.filter(id=company, organization_id=workspace).exists()
