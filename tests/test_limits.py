"""Rate limits: whose bucket, how full, and what happens without Redis."""

from __future__ import annotations

import pytest
from django.core.cache import caches
from django.db import connection

from accounts.permissions import Role
from accounts.watching.models import KnownDevice
from organizations.models import AuditEvent
from tenants.kernel import throttling, watch
from tests.fixtures import PASSWORD, World, anonymous

LISTING = "/api/v1/companies"
LOGIN = "/api/v1/auth/login"


@pytest.fixture
def limits(settings):
    """Rate limits on, and small enough to reach; nothing refills while a test runs."""
    settings.RATE_LIMITS = True
    settings.THROTTLE_RATES = {name: (1, 3600, 1000) for name in settings.THROTTLE_RATES} | {
        "read": (1, 3600, 4),
        "login": (1, 3600, 3),
    }
    return settings


@pytest.fixture
def no_redis(limits):
    """A Redis that is not there: a port on which nobody listens."""
    client = caches["directory"]._cache.get_client(None, write=True).__class__
    throttling._script.cache_clear()
    script = client(host="127.0.0.1", port=1, socket_connect_timeout=1).register_script("return 1")
    kept, throttling._script = throttling._script, lambda: script
    yield
    throttling._script = kept


def test_a_callers_bucket_runs_full_and_says_so(people: World, limits):
    client = people.client(Role.OWNER)
    for left in (3, 2, 1, 0):
        answer = client.get(LISTING)
        assert answer.status_code == 200
        assert answer["RateLimit-Policy"] == '"read";q=4;w=14400'
        assert answer["RateLimit"].startswith(f'"read";r={left};t=')
    answer = client.get(LISTING)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many")
    assert answer["Content-Type"] == "application/problem+json"
    assert 3500 < int(answer["Retry-After"]) <= 3600
    assert answer["RateLimit-Policy"] == '"read";q=4;w=14400'
    # Another session of the same user is the same caller, another user is not.
    assert people.client(Role.OWNER).get(LISTING).status_code == 429
    assert people.client(Role.ADMIN).get(LISTING).status_code == 200


def test_writes_and_named_actions_have_buckets_of_their_own(people: World, limits):
    client = people.client(Role.OWNER)
    for _ in range(5):
        client.get(LISTING)
    assert client.get(LISTING).status_code == 429
    assert client.post("/api/v1/predictions/annual", {}, format="json").status_code == 400


@pytest.mark.parametrize("shared", ["organization", "tenant"])
def test_organization_and_tenant_share_a_bucket(people: World, limits, shared):
    limits.THROTTLE_RATES = limits.THROTTLE_RATES | {shared: (1, 3600, 3), "read": (1, 3600, 100)}
    assert [people.client(r).get(LISTING).status_code for r in (Role.OWNER, Role.ADMIN, Role.VIEWER)] == [
        200
    ] * 3
    assert people.client(Role.ANALYST).get(LISTING).status_code == 429
    other = people.client(Role.ANALYST, "alpha", "two").get(LISTING)
    assert other.status_code == (200 if shared == "organization" else 429)
    assert people.client(Role.ANALYST, "beta").get(LISTING).status_code == 200


def test_log_in_is_limited_by_address_and_forged_headers_do_not_help(people: World, limits):
    body = {"email": "nobody@alpha.test", "password": "x"}
    codes = [
        anonymous()
        .post(LOGIN, body, format="json", headers={"X-Forwarded-For": f"203.0.113.{n}"})
        .status_code
        for n in range(4)
    ]
    assert codes == [401, 401, 401, 429]
    limits.TRUSTED_PROXY_COUNT = 1
    seen = {"X-Forwarded-For": "198.51.100.1, 203.0.113.77"}
    for _ in range(3):
        assert anonymous().post(LOGIN, body, format="json", headers=seen).status_code == 401
    # What stands left of our proxy's entry anybody can write.
    forged = {"X-Forwarded-For": "198.51.100.99, 203.0.113.77"}
    assert anonymous().post(LOGIN, body, format="json", headers=forged).status_code == 429


def test_an_ipv6_household_is_one_address():
    assert throttling.place_of("2001:db8:1:2::1") == throttling.place_of("2001:db8:1:2:ffff::9")
    assert throttling.place_of("2001:db8:1:3::1") != throttling.place_of("2001:db8:1:2::1")
    assert throttling.place_of("::ffff:203.0.113.9") == "203.0.113.9"


def test_guessed_tokens_are_counted(people: World, limits):
    client = anonymous()
    client.credentials(HTTP_AUTHORIZATION="Bearer not-a-token")
    assert [client.get(LISTING).status_code for _ in range(5)] == [401] * 4 + [429]


def test_health_and_preflights_are_never_limited(people: World, limits):
    for _ in range(6):
        assert anonymous().get("/health/live").status_code == 200
        asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
        assert anonymous().options(LISTING, headers=asked).status_code == 200


def test_a_full_bucket_empties_evenly(people: World, settings):
    settings.RATE_LIMITS = True
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"read": (1, 3600, 2)}
    client = people.client(Role.OWNER)
    assert [client.get(LISTING).status_code for _ in range(3)] == [200, 200, 429]
    # An hour later there is room for one: move what Redis holds instead of waiting.
    redis = caches["directory"]._cache.get_client(None, write=True)
    for key in redis.scan_iter("*:rate:read:*"):
        redis.set(key, float(redis.get(key)) - 3600)
    assert [client.get(LISTING).status_code for _ in range(2)] == [200, 429]


def test_one_request_is_one_round_trip(people: World, limits, monkeypatch):
    calls = []
    script = throttling._script()
    monkeypatch.setattr(throttling, "_script", lambda: lambda **kw: calls.append(kw["keys"]) or script(**kw))
    people.client(Role.OWNER).get(LISTING)
    assert [len(keys) for keys in calls] == [3]  # caller, organization, tenant


def test_without_redis_reads_go_on_and_log_ins_do_not(people: World, no_redis, caplog):
    client = people.client(Role.OWNER)
    throttling._warned_at = 0
    assert client.get(LISTING).status_code == 200
    answer = anonymous().post(LOGIN, {"email": "a@b.c", "password": "x"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "nothing is rate-limited" in caplog.text


# -- what is unusual --------------------------------------------------------------------------------


@pytest.fixture
def soon(monkeypatch):
    """Patterns that are reached after three."""
    for kind, pattern in watch.PATTERNS.items():
        fewer = {field: getattr(pattern, field) for field in pattern.__slots__} | {"count": 3}
        monkeypatch.setitem(watch.PATTERNS, kind, watch.Pattern(**fewer))


@pytest.fixture
def letters(monkeypatch):
    """What the people are written, as the mail module gets it."""
    from tenants.kernel import mail

    sent = []
    monkeypatch.setattr(mail, "send", lambda **letter: sent.append(letter))
    return sent


def events(people: World, action: str) -> int:
    with people.within("alpha"):
        return AuditEvent.objects.filter(action=action, category="security").count()


def test_many_refusals_are_one_security_event(people: World, soon, letters):
    client = people.client(Role.VIEWER)
    for _ in range(7):
        assert client.post("/api/v1/predictions/annual", {}, format="json").status_code == 403
    assert events(people, "security.refusals.burst") == 1
    with people.within("alpha"):
        event = AuditEvent.objects.get(action="security.refusals.burst")
        assert event.changes == {"last": "/api/v1/predictions/annual", "count": 3, "seconds": 300}
        assert event.actor_id == people.user(Role.VIEWER).id


def test_failed_log_ins_are_in_the_institutions_log_and_a_burst_is_an_event(
    people: World, soon, letters, django_capture_on_commit_callbacks
):
    owner = people.user(Role.OWNER)
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(5):
            answer = anonymous().post(LOGIN, {"email": owner.email, "password": "wrong"}, format="json")
            assert answer.status_code in {401, 429}
    assert events(people, "accounts.session.refused") >= 3
    assert events(people, "security.log_ins.refused_often") >= 1


def test_exports_are_written_down_and_a_burst_is_told_to_the_admins(
    people: World, soon, letters, django_capture_on_commit_callbacks
):
    from django.utils import timezone

    from accounts.models import User

    User.objects.filter(email__endswith="alpha.test").update(email_verified_at=timezone.now())
    with people.within("alpha", "one"):
        from predictions.models import ScoringJob

        job = ScoringJob.objects.first()
    client = people.client(Role.ANALYST)
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(5):
            assert client.get(f"/api/v1/predictions/jobs/{job.id}/results.csv?x=1").status_code in {200, 409}
    with people.within("alpha"):
        kept = AuditEvent.objects.filter(action="predictions.job.results_downloaded")
        row = kept.first()
        assert (row.category, row.object_id, row.changes) == ("access", str(job.id), {"asked": {"x": "1"}})
        assert (row.credential, row.credential_id) == ("session", client.session_row.id)
    assert events(people, "security.exports.burst") == 1
    assert {letter["to"] for letter in letters} == {
        "tenant-admin@alpha.test",
        people.user(Role.ANALYST).email,
    }


def test_a_log_in_from_somewhere_new_is_told_once_to_the_person(
    people: World, letters, django_capture_on_commit_callbacks
):
    from django.utils import timezone

    user = people.user(Role.OWNER)
    type(user).objects.filter(pk=user.pk).update(email_verified_at=timezone.now())
    KnownDevice.objects.filter(user=user).delete()

    def log_in(device: str, address: str) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            client = anonymous()
            answer = client.post(
                LOGIN,
                {"email": user.email, "password": PASSWORD},
                format="json",
                headers={"user-agent": device},
                REMOTE_ADDR=address,
            )
            assert answer.status_code == 200, answer.content

    log_in("Browser/1.0 (Linux)", "203.0.113.9")  # the first: nothing to compare with
    log_in("Browser/2.7 (Linux)", "203.0.113.200")  # an update, the same network
    assert letters == []
    log_in("Browser/2.7 (Linux)", "198.51.100.1")
    log_in("Browser/2.8 (Linux)", "198.51.100.7")
    log_in("Other/1.0 (Windows)", "203.0.113.9")
    assert [letter["to"] for letter in letters] == [user.email] * 2
    assert events(people, "security.log_in.somewhere_new") == 2


def test_the_letter_reads_well(people: World):
    from django.utils import timezone

    from tenants.kernel import mail

    letter = mail.render(
        template="security/unusual_access",
        to="a@b.c",
        context={
            "sentence": "Many exports were fetched in a short time.",
            "person": "ada@alpha.test",
            "own": False,
            "address": "203.0.113.9",
            "device": "<b>Browser</b>",
            "at": timezone.now(),
        },
    )
    assert letter.subject == "Unusual access by ada@alpha.test"
    assert "From: 203.0.113.9" in letter.text
    assert "<b>Browser" not in letter.html


def test_connections_are_left_as_they_were(people: World, limits):
    people.client(Role.OWNER).get(LISTING)
    assert connection.schema_name == "public"
