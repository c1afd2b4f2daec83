"""Monitoring over HTTP: outcomes, realised performance, weekly observations, alerts."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.permissions import Role
from companies.services import CompanyFacts
from ml.validation import auc
from organizations.models import AuditEvent, Organization
from predictions.models import Prediction, Score
from predictions.monitoring import tasks
from predictions.monitoring.models import Alert, Observation, Outcome
from predictions.monitoring.observing import MOST_ALERTS, alerts_refresh, monday, organization_observe
from predictions.monitoring.realised import period_end
from predictions.registry.selectors import active_model
from predictions.services.scoring import Inputs, ScoreRequest, score_requests, store
from tenants.kernel.request import SYSTEM
from tests import factories
from tests.console import console
from tests.fixtures import World

ROOT = "/api/v1/monitoring"


def company_of(people: World, organization: str = "one") -> str:
    with people.within("alpha", organization):
        return Prediction.objects.filter(kind="annual").first().company.symbol


# -- outcomes --------------------------------------------------------------------------------------


def test_a_default_is_recorded_and_taken_back(people: World):
    client = people.client(Role.ANALYST)
    body = {"company_symbol": company_of(people).lower(), "occurred_on": "2024-03-01", "kind": "bankruptcy"}
    answer = client.post(f"{ROOT}/outcomes", body, format="json")
    assert answer.status_code == 201, answer.content
    again = client.post(f"{ROOT}/outcomes", body, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "duplicate")
    assert client.delete(f"{ROOT}/outcomes/{answer.json()['id']}").status_code == 204
    with people.within("alpha"):
        actions = list(AuditEvent.objects.order_by("-id").values_list("action", flat=True)[:2])
    assert actions == ["monitoring.outcome.deleted", "monitoring.outcome.recorded"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"company_symbol": "NOBODY"}, 404, "no_such_company"),
        ({"occurred_on": "2999-01-01"}, 400, "date_value"),
        ({"occurred_on": "soon"}, 400, "invalid_input"),
        ({"kind": "bad luck"}, 400, "invalid_input"),
    ],
)
def test_what_cannot_be_is_refused(people: World, change, status, code):
    body = {"company_symbol": company_of(people), "occurred_on": "2024-03-01", **change}
    answer = people.client(Role.ANALYST).post(f"{ROOT}/outcomes", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_company_of_another_organization_does_not_exist(people: World):
    body = {"company_symbol": company_of(people, "two"), "occurred_on": "2024-03-01"}
    answer = people.client(Role.ANALYST).post(f"{ROOT}/outcomes", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_company")


def test_a_file_is_taken_row_by_row_and_twice_is_once(people: World):
    symbol = company_of(people)
    lines = [
        "Ticker;Default date;Kind",
        f"{symbol};2023-02-01;payment_default",
        "NOBODY;2023-02-01;",
        f"{symbol};01.02.2023;",
        f"{symbol};2023-02-01;bankruptcy",
        f"{symbol};2022-02-01 00:00:00;odd",
    ]

    def send():
        file = SimpleUploadedFile("defaults.csv", "\n".join(lines).encode())
        return people.client(Role.ANALYST).post(f"{ROOT}/outcomes/upload", {"file": file}, format="multipart")

    answer = send()
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["rows"], body["recorded"], body["repeated"]) == (5, 1, 1)
    assert [(f["row"], f["column"], f["code"]) for f in body["faults"]] == [
        (3, "company_symbol", "no_such_company"),
        (4, "occurred_on", "date_value"),
        (6, "kind", "unknown_kind"),
    ]
    assert send().json()["recorded"] == 0
    with people.within("alpha", "one"):
        assert Outcome.objects.get(occurred_on="2023-02-01").source == "defaults.csv, row 2"


def test_a_file_without_the_columns_is_refused(people: World):
    file = SimpleUploadedFile("defaults.csv", b"name,when\nx,2020-01-01\n")
    answer = people.client(Role.ANALYST).post(f"{ROOT}/outcomes/upload", {"file": file}, format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (400, "missing_columns")
    assert answer.json()["detail"] == "Missing required columns: company_symbol, occurred_on"


# -- realised performance --------------------------------------------------------------------------


def test_ends_of_periods():
    assert [period_end(2023, q) for q in (None, 1, 4)] == [
        date(2023, 12, 31), date(2023, 3, 31), date(2023, 12, 31),
    ]  # fmt: skip


@pytest.fixture
def cohort(people: World):
    """Forty companies with statements of 2019 and 2020; the best and the seven worst of them fail in 2021."""
    pds = np.linspace(0.001, 0.3, 40)
    with people.within("alpha", "two"):
        Prediction.objects.all().delete()
        owner = Organization.objects.get(id=people.organizations["alpha", "two"])
        for number, pd_ in enumerate(pds):
            company = factories.CompanyFactory(organization=owner, symbol=f"COH{number}")
            for year in (2019, 2020):
                factories.PredictionFactory(
                    organization=owner, company=company, fiscal_year=year, pd=float(pd_)
                )
            if number in (0, 33, 34, 35, 36, 37, 38, 39):
                factories.OutcomeFactory(organization=owner, company=company, occurred_on=date(2021, 5, 1))
    return pds


def test_realised_defaults_are_held_against_the_pds(people: World, cohort):
    body = people.client(Role.ANALYST, "alpha", "two").get(f"{ROOT}/performance").json()
    found = {c["period"]: c for c in body["cohorts"] if c["kind"] == "annual"}
    target = np.isin(np.arange(40), (0, 33, 34, 35, 36, 37, 38, 39)).astype(float)
    assert found["2020"]["defaults"] == 8
    assert found["2020"]["auc"]["value"] == pytest.approx(auc(target, cohort))
    # The default follows the last statement before it, and no earlier one.
    assert (found["2019"]["defaults"], found["2019"]["auc"]) == (0, None)
    total = body["total"]["annual"]
    assert (total["cohorts"], total["names"], total["defaults"]) == (2, 80, 8)
    assert sum(grade["names"] for grade in total["grades"]) == 80
    assert body["total"]["quarterly"] is None


def test_an_open_cohort_counts_for_no_total(people: World):
    with people.within("alpha", "two"):
        owner = Organization.objects.get(id=people.organizations["alpha", "two"])
        factories.PredictionFactory(organization=owner, fiscal_year=timezone.now().year)
    body = people.client(Role.ANALYST, "alpha", "two").get(f"{ROOT}/performance").json()
    open_ones = [c for c in body["cohorts"] if not c["closed"]]
    assert str(timezone.now().year) in {c["period"] for c in open_ones}
    names = sum(c["names"] for c in body["cohorts"] if c["closed"] and c["kind"] == "annual")
    assert (body["total"]["annual"] or {"names": 0})["names"] == names


def test_a_prediction_counts_with_its_first_score(people: World, cohort):
    with people.within("alpha", "two"):
        for prediction in Prediction.objects.filter(company__symbol="COH39"):
            factories.ScoreFactory(prediction=prediction, organization=prediction.organization, pd=0.0001)
    body = people.client(Role.ANALYST, "alpha", "two").get(f"{ROOT}/performance").json()
    found = {c["period"]: c for c in body["cohorts"] if c["kind"] == "annual"}
    assert found["2020"]["mean_pd"] == pytest.approx(cohort.mean())


# -- observations and alerts -----------------------------------------------------------------------


@pytest.fixture
def scored(people: World):
    """Two hundred scores of annual ratios made today: of healthy firms, all with the same return."""
    rng = np.random.default_rng(1)
    requests = [
        ScoreRequest(
            CompanyFacts(f"MON{n}"),
            2024,
            None,
            Inputs(
                ratios={
                    "return_on_assets": 5.0,
                    "net_income_margin": float(rng.normal(4, 3)),
                    "total_debt_to_ebitda": float(rng.gamma(2, 1.5)),
                }
            ),
        )
        for n in range(200)
    ]
    with people.within("alpha", "one"):
        Observation.objects.all().delete()
        Alert.objects.all().delete()
        model = active_model()
        drafts = score_requests("annual", requests, model=model, drivers=0)
        store(
            "annual", drafts, organization_id=people.organizations["alpha", "one"], model=model, actor=SYSTEM
        )
    return people.organizations["alpha", "one"]


def observe(people: World, organization_id) -> int:
    with people.within("alpha", "one"):
        return organization_observe(organization_id=organization_id, actor=SYSTEM)


def test_a_week_is_observed_against_the_development_sample(people: World, scored):
    assert observe(people, scored) == 1
    (row,) = people.client(Role.VIEWER).get(f"{ROOT}/observations").json()["items"]
    assert (row["week"], row["scores"], row["looked_at"]) == (str(monday(timezone.now().date())), 200, 200)
    assert sum(row["levels"].values()) == 200
    drift = {entry["variable"]: entry for entry in row["drift"]}
    assert drift["return_on_assets"]["level"] == "alarm"
    assert drift["score"]["psi"] > 0
    # A later look at the same week renews the row.
    assert observe(people, scored) == 1
    with people.within("alpha", "one"):
        assert Observation.objects.count() == 1


def test_what_has_moved_is_an_alert_until_it_is_back(people: World, scored):
    observe(people, scored)
    client = people.client(Role.ANALYST)
    alerts = client.get(f"{ROOT}/alerts?open=true").json()["items"]
    subjects = {alert["subject"]: alert for alert in alerts}
    assert "drift:annual:annual_ratios:return_on_assets" in subjects
    alert = subjects["drift:annual:annual_ratios:return_on_assets"]
    assert "has moved from the development sample" in alert["text"]
    answer = client.post(f"{ROOT}/alerts/{alert['id']}/acknowledge", {"note": "A new book."}, format="json")
    assert (answer.status_code, answer.json()["note"]) == (200, "A new book.")
    # Seen again, it stays the same alert, acknowledged.
    observe(people, scored)
    again = client.get(f"{ROOT}/alerts/{alert['id']}").json()
    assert again["closed_at"] is None
    assert again["acknowledged_at"]
    with people.within("alpha", "one"):
        Observation.objects.update(drift=[], missing=0.0, out_of_range=0.0)
        Score.objects.all().update(created_at=timezone.now() - timedelta(weeks=30))
    observe(people, scored)
    closed = client.get(f"{ROOT}/alerts/{alert['id']}").json()
    assert closed["closed_at"]
    refused = client.post(f"{ROOT}/alerts/{alert['id']}/acknowledge", {}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "closed")


def test_many_variables_that_have_moved_share_an_alert(people: World, scored):
    observe(people, scored)
    client = people.client(Role.ANALYST)
    entry = {
        "variable": "v", "label": "Margin", "psi": 0.4, "watch_from": 0.1, "alarm_from": 0.25,
        "missing": 0.0, "missing_reference": 0.0, "level": "alarm",
    }  # fmt: skip
    moved = [
        {**entry, "variable": f"v{n}", "label": f"Ratio {n}", "psi": 0.3 + n} for n in range(MOST_ALERTS + 1)
    ]
    with people.within("alpha", "one"):
        for drift, expected in ((moved, 2), (moved[1:], MOST_ALERTS + 1)):
            Observation.objects.update(drift=[{**entry, "variable": "score"}, *drift])
            alerts_refresh(organization_id=people.organizations["alpha", "one"], actor=SYSTEM)
            subjects = set(
                Alert.objects.filter(closed_at=None, subject__startswith="drift:").values_list(
                    "subject", flat=True
                )
            )
            assert len(subjects) == expected
            assert ("drift:annual:annual_ratios" in subjects) is (drift is moved)
            assert "drift:annual:annual_ratios:score" in subjects
    alerts = client.get(f"{ROOT}/alerts").json()["items"]
    (shared,) = (alert for alert in alerts if alert["subject"] == "drift:annual:annual_ratios")
    assert "6 variables" in shared["text"]
    assert "Ratio 5: index 5.30" in shared["text"]
    assert (shared["value"], shared["limit"]) == (5.3, 0.25)


def test_scores_of_another_model_are_not_compared(people: World, scored):
    with people.within("alpha", "one"):
        Score.objects.all().update(model_sha256="f" * 64)
    assert observe(people, scored) == 0


def test_the_overview_counts_within_reach(people: World, scored):
    observe(people, scored)
    one = people.client(Role.ANALYST).get(f"{ROOT}/overview").json()
    assert one["weeks"][-1]["scores"] == 200
    assert one["open_alerts"]["alarm"] >= 1
    two = people.client(Role.ANALYST, "alpha", "two").get(f"{ROOT}/overview").json()
    assert [week["scores"] for week in two["weeks"]] == [100]


def test_beat_has_every_organization_observed(people: World, scored, monkeypatch):
    sent = []
    monkeypatch.setattr(tasks, "enqueue", lambda name, **given: sent.append((name, given["organization_id"])))
    assert tasks.observe_all() == len(sent)
    assert ("monitoring.observe", str(scored)) in sent


# -- the console -----------------------------------------------------------------------------------


def test_the_console_shows_weeks_with_charts_and_what_came_true(people: World, scored):
    observe(people, scored)
    client = console(people, Role.OWNER, "alpha", host="alpha.test")
    page = client.get("/admin/monitoring/observation/").content.decode()
    assert page.count("<svg role") == 4
    assert "Nothing is beyond its limit" not in page
    with people.within("alpha", "one"):
        row, alert = Observation.objects.first(), Alert.objects.first()
    detail = client.get(f"/admin/monitoring/observation/{row.pk}/change/").content.decode()
    assert "Return on assets" in detail
    address = f"/admin/monitoring/alert/{alert.pk}/acknowledge/"
    assert client.post(address, {"note": "Seen."}).status_code == 302
    with people.within("alpha", "one"):
        assert Alert.objects.get(pk=alert.pk).note == "Seen."
