"""Changes of risk are flagged once, told to who watches, and acknowledged."""

from __future__ import annotations

from accounts.permissions import Role
from organizations.notices.models import Notice
from predictions.flags.models import Flag
from predictions.flags.services import flags_review
from tenants.kernel.request import SYSTEM
from tests.factories import CompanyFactory, PredictionFactory, ScoreFactory
from tests.fixtures import World


def test_what_changes_is_flagged_once(people: World):
    client, place = people.client(Role.ANALYST), people.organizations["alpha", "one"]
    with people.within("alpha"):
        company = CompanyFactory(organization_id=place, symbol="JUMP")
        calm = CompanyFactory(organization_id=place, symbol="CALM")
        for row, pd in ((company, 0.02), (calm, 0.02)):
            PredictionFactory(organization_id=place, company=row, fiscal_year=2023, pd=pd)
        assert flags_review(actor=SYSTEM) == 0  # what was there before the first look
    watchlist = client.post("/api/v1/watchlists", {"name": "Mine"}, format="json").json()
    said = {"companies": [str(company.id)]}
    client.post(f"/api/v1/watchlists/{watchlist['id']}/add", said, format="json")
    with people.within("alpha"):
        head = PredictionFactory(
            organization_id=place, company=company, fiscal_year=2024, pd=0.08, risk_level="HIGH"
        )
        PredictionFactory(organization_id=place, company=calm, fiscal_year=2024, pd=0.025)
        assert flags_review(actor=SYSTEM) == 1
        assert flags_review(actor=SYSTEM) == 0
        assert Notice.objects.filter(kind="alerts", user_id=people.user(Role.ANALYST).id).count() == 1
    items = client.get("/api/v1/flags?open=true&kind=annual").json()["items"]
    found = next(item for item in items if item["symbol"] == "JUMP")
    assert (found["reasons"], found["change"], found["level_before"]) == (["points", "level"], 0.06, "LOW")
    # A new score of the same period is held against the one before, and replaces the flag.
    with people.within("alpha"):
        score = ScoreFactory(organization_id=place, prediction=head, pd=0.2, risk_level="CRITICAL")
        head.current, head.pd, head.risk_level = score, 0.2, "CRITICAL"
        head.save()
        assert flags_review(actor=SYSTEM) == 1
        assert Flag.objects.get(id=found["id"]).replaced_at is not None
    item = client.get(f"/api/v1/flags?open=true&company={company.id}").json()["items"][0]
    assert (item["pd_before"], item["pd"]) == (0.08, 0.2)
    address = f"/api/v1/flags/{item['id']}/acknowledge"
    assert client.post(address, {"note": "Looked."}, format="json").json()["note"] == "Looked."
    assert client.post(address, {}, format="json").json()["code"] == "same_state"
    assert client.get(f"/api/v1/flags?open=true&company={company.id}").json()["total"] == 0
    client.delete(f"/api/v1/companies/{company.id}")
    assert people.client(Role.OWNER).delete(f"/api/v1/companies/{company.id}").status_code == 204
    assert client.get(f"/api/v1/flags?company={company.id}").json()["total"] == 0


def test_an_institution_says_what_is_flagged(people: World):
    place = people.organizations["alpha", "one"]
    admin = people.client(Role.TENANT_ADMIN)
    said = {"points": None, "relative": 0.05, "on_level": False}
    assert admin.patch("/api/v1/flags/rule", said, format="json").json() == said
    assert people.client(Role.OWNER).get("/api/v1/flags/rule").json() == said
    with people.within("alpha"):
        company = CompanyFactory(organization_id=place)
        PredictionFactory(organization_id=place, company=company, fiscal_year=2023, pd=0.02)
        flags_review(actor=SYSTEM)
        PredictionFactory(organization_id=place, company=company, fiscal_year=2024, pd=0.021)
        assert flags_review(actor=SYSTEM) == 1
        assert Flag.objects.get(company=company).reasons == ["relative"]
