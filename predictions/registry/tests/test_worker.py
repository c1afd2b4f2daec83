"""Through the real queue: a report is made, and a challenger scores in the shadow."""

from __future__ import annotations

import pytest

from accounts.permissions import Role
from predictions.models import ShadowScore
from predictions.registry import reports, selectors, services
from predictions.registry.models import ModelEvent, ModelStatus, ModelVersion, ReportState, ValidationReport
from tenants.kernel.request import SYSTEM
from tests.fixtures import OwnTenant
from tests.worker import wait_until


@pytest.fixture
def challenger(world, django_db_blocker, make_model):
    """A committed challenger, gone afterwards."""
    with django_db_blocker.unblock():
        row = services.model_register(folder=make_model("shadow-1"), actor=SYSTEM)
        services.model_challenge(version_id=row.id, reason="Test.", actor=SYSTEM)
        try:
            yield row
        finally:
            ModelEvent.objects.filter(version=row)._raw_delete("default")
            ModelVersion.objects.filter(id=row.id).delete()
            selectors.forget()


def test_the_queue_makes_a_report_and_the_challenger_follows(own_tenant: OwnTenant, worker, challenger):
    body = {"company_symbol": "WORK", "company_name": "W", "reporting_year": "2024", "return_on_assets": 2.0}
    assert own_tenant.client.post("/api/v1/predictions/annual", body).status_code == 201

    def shadowed():
        with own_tenant.within():
            return ShadowScore.objects.filter(model_version_id=challenger.id).exists()

    wait_until(shadowed, "the challenger's score")
    asked = reports.report_request(version=selectors.version_get("champion"), actor=SYSTEM)
    try:
        wait_until(lambda: ValidationReport.objects.get(id=asked.id).state == ReportState.DONE, "the report")
        answer = own_tenant.member(Role.VIEWER).get("/api/v1/models/champion/validation.pdf")
        assert answer.content.startswith(b"%PDF-")
    finally:
        ValidationReport.objects.filter(id=asked.id).delete()
    assert ModelVersion.objects.filter(status=ModelStatus.CHAMPION).count() == 1
