"""Two connections at once: races that a single connection cannot show."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from accounts import services, tokens
from accounts.models import RefreshToken, User
from predictions.models import Prediction, Score, ScoringJob
from tenants.kernel.errors import BadToken
from tenants.kernel.request import SYSTEM
from tests.fixtures import PASSWORD, OwnTenant, anonymous


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


def test_one_idempotency_key_sent_in_parallel_makes_one_job(own_tenant: OwnTenant):
    """A job has no natural key: without the claim there would be four."""
    content = b"company_symbol,reporting_year,return_on_assets\nRACE,2024,4\n"

    def post(_):
        client = own_tenant.client.__class__(headers={"host": own_tenant.owner.email.partition("@")[2]})
        file = io.BytesIO(content)
        file.name = "race.csv"
        credentials = own_tenant.client._credentials["HTTP_AUTHORIZATION"]
        return client.post(
            "/api/v1/predictions/jobs",
            {"file": file},
            format="multipart",
            headers={"Idempotency-Key": "race", "Authorization": credentials},
        ).status_code

    statuses = in_parallel(4, post)
    assert set(statuses) <= {202, 409}
    assert 202 in statuses
    with own_tenant.within():
        assert ScoringJob.objects.count() == 1


def test_a_switch_beside_a_refresh_never_deadlocks(own_tenant: OwnTenant):
    _, pair = services.sign_in(
        email=own_tenant.owner.email, password=PASSWORD, tenant_id=own_tenant.ref.id, device="t", address=None
    )
    session_id = tokens.read_access(pair.access_token).session_id

    def work(number):
        try:
            if number % 2:
                services.session_switch(
                    session_id=session_id,
                    user=own_tenant.owner,
                    organization_id=own_tenant.organization_id,
                    actor=SYSTEM,
                )
            else:
                services.session_refresh(token=pair.refresh_token, rotate=False)
        except BadToken:
            return "refused"
        return "done"

    assert set(in_parallel(6, work)) <= {"done", "refused"}


def test_four_registrations_of_one_address_leave_one_user(own_tenant: OwnTenant):
    def register(_):
        return (
            anonymous()
            .post(
                "/api/v1/auth/register",
                {"email": f"new@{own_tenant.mark}.test", "password": PASSWORD},
                headers={"host": "localhost"},
            )
            .status_code
        )

    # One is made; the others are told nothing, and its owner is.
    assert in_parallel(4, register) == [201] * 4
    assert User.objects.filter(email=f"new@{own_tenant.mark}.test").count() == 1


def test_the_same_company_and_period_in_parallel_is_stored_once(own_tenant: OwnTenant):
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
