"""Two connections at once: races that a single connection cannot show."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from accounts import services
from accounts.models import RefreshToken
from tenants.kernel.errors import BadToken
from tests.fixtures import PASSWORD, OwnTenant


def in_parallel(count, work):
    """Run ``work`` in threads that start together; each has its own connection."""
    gate = threading.Barrier(count)

    def run(number):
        gate.wait()
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_six_parallel_refreshes_have_one_winner(own_tenant: OwnTenant):
    _, pair = services.sign_in(
        email=own_tenant.owner.email,
        password=PASSWORD,
        tenant_id=own_tenant.ref.id,
        device="test",
        address=None,
    )

    def refresh(_):
        try:
            return services.session_refresh(token=pair.refresh_token, rotate=True)
        except BadToken as error:
            return error.code

    outcomes = in_parallel(6, refresh)
    winners = [o for o in outcomes if not isinstance(o, str)]
    assert len(winners) == 1
    assert [o for o in outcomes if isinstance(o, str)] == ["token_rotated"] * 5
    # The winner lives on.
    assert services.session_refresh(token=winners[0].refresh_token, rotate=True)
    assert RefreshToken.objects.filter(session__user=own_tenant.owner, rotated_at=None).count() >= 1


@pytest.mark.parametrize("count", [4])
def test_one_idempotency_key_sent_in_parallel_makes_one_prediction(own_tenant: OwnTenant, count):
    from predictions.models import Prediction

    body = {"company_symbol": "RACE", "reporting_year": 2024, "return_on_assets": 4}

    def post(_):
        return own_tenant.client.__class__(
            headers={"host": f"{own_tenant.owner.email.partition('@')[2]}"}
        ).post(
            "/api/v1/predictions/annual",
            body,
            format="json",
            headers={
                "Idempotency-Key": "race",
                "Authorization": own_tenant.client._credentials["HTTP_AUTHORIZATION"],
            },
        )

    statuses = sorted(answer.status_code for answer in in_parallel(count, post))
    assert set(statuses) <= {201, 409}
    assert statuses.count(201) >= 1
    with own_tenant.within():
        assert Prediction.objects.filter(company__symbol="RACE").count() == 1


def test_the_same_company_and_period_in_parallel_is_stored_once(own_tenant: OwnTenant):
    from predictions.models import Prediction, Score

    body = {"company_symbol": "TWIN", "reporting_year": 2024, "return_on_assets": 4}

    def post(_):
        client = own_tenant.client.__class__(headers={"host": own_tenant.owner.email.partition("@")[2]})
        credentials = own_tenant.client._credentials["HTTP_AUTHORIZATION"]
        return client.post(
            "/api/v1/predictions/annual", body, format="json", headers={"Authorization": credentials}
        ).status_code

    assert sorted(in_parallel(4, post)) == [201, 409, 409, 409]
    with own_tenant.within():
        assert (Prediction.objects.count(), Score.objects.count()) == (1, 1)
