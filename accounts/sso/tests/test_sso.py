"""Signing in by an institution's provider, and everything that must not be believed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from django.utils import timezone

from accounts import services as accounts
from accounts.models import AuthSession, Membership, User, UserState
from accounts.permissions import Role
from accounts.sso.models import Attempt, Connection, EmailDomain, Link, Ticket
from accounts.sso.provider import challenge_of
from accounts.sso.services import SECRET_PURPOSE
from accounts.sso.tests.providers import Liar, real_provider
from organizations.models import AuditEvent, Organization
from tenants.kernel.context import in_tenant
from tenants.kernel.request import SYSTEM
from tenants.kernel.sealing import seal
from tenants.models import PlatformAuditEvent, Tenant, TenantSettings
from tenants.selectors import forget_tenant
from tests.fixtures import PASSWORD, World, _forget_cache, anonymous

SSO = "/api/v1/auth/sso"
SECRET = "client-secret-of-more-than-32-letters"


@pytest.fixture(scope="module")
def liar() -> Iterator[Liar]:
    provider = Liar()
    yield provider
    provider.stop()


@pytest.fixture
def corp(people: World, liar: Liar, settings) -> World:
    """Alpha signs in by a provider, for addresses of corp.test."""
    settings.SSO_ALLOW_PRIVATE = True
    liar.reset()
    connect(people, "alpha", liar.issuer)
    return people


def connect(people: World, tenant: str, issuer: str, domain: str = "corp.test", **more) -> Connection:
    tenant_id = people.tenants[tenant].id
    EmailDomain.objects.create(tenant_id=tenant_id, domain=domain, confirmed_at=timezone.now())
    values = {
        "client_id": "client-1",
        "secret_sealed": seal(SECRET, purpose=SECRET_PURPOSE),
        "role_claim": "groups",
        "role_map": {"risk-admins": "admin", "analysts": "analyst"},
        "default_role": "viewer",
        "organization_id": people.organizations[tenant, "one"],
        "is_active": True,
        **more,
    }
    return Connection.objects.create(tenant_id=tenant_id, issuer=issuer, **values)


class Trip:
    """A browser on its way: out, to the provider, back, and for its tokens."""

    def __init__(self, host: str = "alpha.test", **query) -> None:
        self.client = anonymous(host.removesuffix(".test"))
        self.verifier = secrets.token_urlsafe(48)
        query = {"challenge": challenge_of(self.verifier), **query}
        self.out = self.client.get(f"{SSO}/start", query)

    @property
    def url(self) -> str:
        assert self.out.status_code == 302, self.out.content
        return self.out["Location"]

    def back(self, address: str):
        """The browser follows the provider's redirect."""
        parts = urlsplit(address)
        return self.client.get(f"{parts.path}?{parts.query}")

    def exchange(self, returned, verifier: str | None = None):
        code = parse_qs(urlsplit(returned["Location"]).query)["code"][0]
        body = {"code": code, "verifier": verifier or self.verifier}
        return self.client.post(f"{SSO}/exchange", body, format="json")


def arrive(liar: Liar, host: str = "alpha.test", **query):
    """The answer of our callback to a whole trip."""
    trip = Trip(host, **query)
    return trip, trip.back(liar.log_in(trip.url))


def tokens(liar: Liar, host: str = "alpha.test", **query) -> dict[str, str]:
    trip, returned = arrive(liar, host, **query)
    assert returned.status_code == 302, returned.content
    answer = trip.exchange(returned)
    assert answer.status_code == 200, answer.content
    return answer.json()


def signed_in(pair, host: str = "alpha.test"):
    client = anonymous(host.removesuffix(".test"))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['access_token']}")
    return client


# -- a real provider ----------------------------------------------------------------------------


def test_a_real_provider_from_start_to_tokens(people: World, settings):
    settings.SSO_ALLOW_PRIVATE = True
    with real_provider() as provider:
        provider.person("ada", email="Ada@corp.test", email_verified=True, name="Ada", groups=["analysts"])
        connect(people, "alpha", provider.issuer, scopes="openid email profile")
        trip = Trip()
        query = parse_qs(urlsplit(trip.url).query)
        assert query["redirect_uri"] == ["http://alpha.test/api/v1/auth/sso/callback"]
        assert query["code_challenge_method"] == ["S256"]
        returned = trip.back(provider.log_in(trip.url, "ada"))
        assert returned.status_code == 302, returned.content
        assert returned["Location"].startswith("http://localhost:8000/sso/callback?code=")
        assert "token" not in returned["Location"]
        answer = trip.exchange(returned)
        assert answer.status_code == 200, answer.content
        me = signed_in(answer.json()).get("/api/v1/auth/me").json()
        assert (me["email"], me["full_name"], me["email_verified"]) == ("Ada@corp.test", "Ada", True)
        assert me["organization"]["slug"] == "one"
        # A second time: the same user, by his subject.
        provider.person("ada", email="married@corp.test", email_verified=True)
        trip = Trip()
        again = trip.exchange(trip.back(provider.log_in(trip.url, "ada")))
        assert signed_in(again.json()).get("/api/v1/auth/me").json()["id"] == me["id"]
        assert Link.objects.get(user_id=me["id"]).subject == "ada"


# -- what must be believed ----------------------------------------------------------------------


def test_someone_new_gets_the_role_of_his_group(corp: World, liar: Liar):
    liar.claims = {"groups": ["staff", "analysts"], "name": "Person"}
    client = signed_in(tokens(liar))
    user = User.objects.get(email="person@corp.test")
    assert [m.role for m in user.memberships.all()] == ["analyst"]
    assert user.email_verified_at
    assert not user.has_usable_password()
    assert client.get("/api/v1/companies").status_code == 200
    assert liar.basic() == f"client-1:{SECRET}"
    assert challenge_of(liar.form["code_verifier"])
    session = AuthSession.objects.get(user=user)
    assert (session.confined_to_id, session.proved_at) == (corp.tenants["alpha"].id, None)


def test_groups_change_the_role_at_each_log_in(corp: World, liar: Liar):
    for groups, role in ((["analysts"], "analyst"), (["risk-admins", "analysts"], "admin"), ([], "viewer")):
        liar.reset()
        liar.claims = {"groups": groups}
        tokens(liar)
        assert Membership.objects.get(user__email="person@corp.test").role == role
    with in_tenant(corp.tenants["alpha"]):
        assert AuditEvent.objects.filter(action="accounts.membership.role_changed").count() == 2


def test_the_limits_of_the_organization_hold_for_the_provider_too(corp: World, liar: Liar):
    with corp.within("alpha", "one"):
        Organization.objects.update(max_users=1)
    _, returned = arrive(liar)
    assert (returned.status_code, returned.json()["code"]) == (409, "member_limit")
    # Nothing is left of him.
    assert not User.objects.filter(email="person@corp.test").exists()


def test_without_a_role_nobody_enters(corp: World, liar: Liar):
    Connection.objects.update(default_role="")
    _, returned = arrive(liar)
    assert (returned.status_code, returned.json()["code"]) == (403, "sso_no_place")
    assert not User.objects.filter(email="person@corp.test").exists()


@pytest.mark.parametrize("role", ["owner", "tenant_admin", "super_admin", "individual"])
def test_a_mapping_never_makes_more_than_an_admin_of_the_organization(corp: World, liar: Liar, role):
    Connection.objects.update(role_map={"all": role}, default_role="")
    liar.claims = {"groups": ["all"]}
    _, returned = arrive(liar)
    assert returned.json()["code"] == "sso_no_place"
    Connection.objects.update(default_role=role)
    liar.nonce = ""
    _, returned = arrive(liar)
    assert returned.json()["code"] == "sso_no_place"


def test_an_existing_member_is_linked_and_keeps_what_people_gave_him(corp: World, liar: Liar):
    EmailDomain.objects.create(
        tenant_id=corp.tenants["alpha"].id, domain="alpha.test", confirmed_at=timezone.now()
    )
    owner = corp.user(Role.OWNER)
    liar.claims = {"email": owner.email.upper(), "groups": ["analysts"]}
    client = signed_in(tokens(liar))
    assert client.get("/api/v1/auth/me").json()["id"] == str(owner.id)
    assert Membership.objects.get(user=owner).role == "owner"


def test_who_registered_an_address_of_the_institution_does_not_come_in_behind_its_owner(
    corp: World, liar: Liar
):
    """An account that nobody proved is its owner's once the provider vouches for him."""
    squatted = accounts.user_create(email="ann@corp.test", password=PASSWORD, actor=SYSTEM)
    liar.claims = {"email": "ann@corp.test", "groups": ["analysts"]}
    client = signed_in(tokens(liar))
    assert client.get("/api/v1/auth/me").json()["id"] == str(squatted.id)
    body = {"email": "ann@corp.test", "password": PASSWORD}
    assert anonymous().post("/api/v1/auth/login", body).status_code == 401
    squatted.refresh_from_db()
    assert squatted.email_verified_at is not None


# -- what must not ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lie",
    [
        "nonce",
        "no nonce",
        "audience",
        "second audience",
        "issuer",
        "expired",
        "from the future",
        "lives for ever",
        "unsigned",
        "symmetric",
        "other key",
        "unknown key",
        "no subject",
        "authorized party",
    ],
)
def test_a_token_that_is_not_for_us_and_now_is_refused(corp: World, liar: Liar, lie):
    now = int(timezone.now().timestamp())
    changes = {
        "nonce": {"nonce": "another"},
        "audience": {"aud": "client-2"},
        "second audience": {"aud": ["client-1", "client-2"]},
        "issuer": {"iss": "https://elsewhere.test"},
        "expired": {"exp": now - 120},
        "from the future": {"iat": now + 600, "exp": now + 900},
        "lives for ever": {"exp": now + 10 * 86_400},
        "authorized party": {"azp": "client-2"},
    }
    liar.claims = changes.get(lie, {})
    liar.without = {"no nonce": {"nonce"}, "no subject": {"sub"}}.get(lie, set())
    liar.algorithm = {"unsigned": "none", "symmetric": "HS256"}.get(lie, "RS256")
    if lie == "other key":
        liar.signing_key = liar.other_key
    if lie == "unknown key":
        liar.header = {"kid": "two"}
    _, returned = arrive(liar)
    assert (returned.status_code, returned.json()["code"]) == (401, "sso_refused")
    assert not User.objects.filter(email="person@corp.test").exists()
    assert PlatformAuditEvent.objects.filter(action="accounts.sso.refused").exists()


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        {"email": "person@elsewhere.test"},
        {"email": "person@sub.corp.test"},
        {"email": "person@corp.test.evil.test"},
        {"email": "corp.test"},
        {"email": None},
    ],
    ids=str,
)
def test_an_address_that_is_not_verified_or_not_theirs_links_nobody(corp: World, liar: Liar, claims):
    liar.claims = claims
    _, returned = arrive(liar)
    assert (returned.status_code, returned.json()["code"]) == (403, "sso_no_place")
    assert not Link.objects.exists()


def test_a_domain_counts_only_once_it_is_confirmed_and_for_one_institution(corp: World, liar: Liar):
    EmailDomain.objects.update(confirmed_at=None)
    _, returned = arrive(liar)
    assert returned.json()["code"] == "sso_no_place"
    # Beta has proved to own it; that says nothing for alpha's provider.
    EmailDomain.objects.create(
        tenant_id=corp.tenants["beta"].id, domain="corp.test", confirmed_at=timezone.now()
    )
    liar.nonce = ""
    _, returned = arrive(liar)
    assert returned.json()["code"] == "sso_no_place"


def test_the_state_is_of_this_browser_this_host_and_used_once(corp: World, liar: Liar):
    trip = Trip()
    address = liar.log_in(trip.url)
    # A stranger who has got hold of the address has not the cookie.
    other = anonymous()
    parts = urlsplit(address)
    assert other.get(f"{parts.path}?{parts.query}").json()["code"] == "sso_refused"
    wrong = trip.back(address.replace("state=", "state=x"))
    assert wrong.json()["code"] == "sso_refused"
    # Another institution's host does not know it, even with the cookie.
    connect(corp, "beta", liar.issuer, domain="beta-corp.test")
    elsewhere = trip.client.get(f"{parts.path}?{parts.query}", headers={"host": "beta.test"})
    assert elsewhere.json()["code"] == "sso_refused"
    assert trip.back(address).status_code == 302
    replayed = trip.back(address)
    assert replayed.json()["code"] == "sso_refused"


def test_a_state_grows_old_and_an_error_is_no_sign_in(corp: World, liar: Liar):
    trip = Trip()
    address = liar.log_in(trip.url)
    Attempt.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert trip.back(address).json()["code"] == "sso_refused"
    trip = Trip()
    denied = trip.back(liar.log_in(trip.url).replace("code=code-1", "error=access_denied"))
    assert denied.json()["code"] == "sso_refused"


def test_the_code_is_for_one_minute_one_use_and_who_has_the_verifier(corp: World, liar: Liar):
    trip, returned = arrive(liar)
    assert returned["Location"] not in str(list(Ticket.objects.values()))
    wrong = trip.exchange(returned, verifier=secrets.token_urlsafe(48))
    assert (wrong.status_code, wrong.json()["code"]) == (401, "sso_refused")
    # The wrong try has used it up.
    assert trip.exchange(returned).status_code == 401
    liar.nonce = ""
    trip, returned = arrive(liar)
    assert trip.exchange(returned).status_code == 200
    assert trip.exchange(returned).status_code == 401
    liar.nonce = ""
    trip, returned = arrive(liar)
    Ticket.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert trip.exchange(returned).status_code == 401


def test_a_provider_that_speaks_for_another_is_not_heard(corp: World, liar: Liar):
    _forget_cache()
    liar.said_issuer = "https://accounts.example.test"
    answer = Trip().out
    assert (answer.status_code, answer.json()["code"]) == (502, "provider_unreachable")


def test_a_subject_of_another_institutions_provider_is_somebody_else(corp: World, liar: Liar):
    """The same provider and subject, two institutions: each links for itself."""
    tokens(liar)
    connect(corp, "beta", liar.issuer, domain="beta-corp.test")
    liar.nonce = ""
    _, returned = arrive(liar, "beta.test")
    assert returned.json()["code"] == "sso_no_place"
    assert Link.objects.count() == 1


def test_an_address_given_out_again_is_not_the_same_person(corp: World, liar: Liar):
    tokens(liar)
    liar.reset()
    liar.claims = {"sub": "person-2"}
    _, returned = arrive(liar)
    assert returned.json()["code"] == "sso_no_place"


def test_no_provider_opens_an_operators_account(corp: World, liar: Liar):
    EmailDomain.objects.create(
        tenant_id=corp.tenants["alpha"].id, domain="platform.test", confirmed_at=timezone.now()
    )
    liar.claims = {"email": corp.user(Role.SUPER_ADMIN).email}
    _, returned = arrive(liar)
    assert (returned.status_code, returned.json()["code"]) == (401, "sso_refused")
    assert not Link.objects.exists()


def test_who_is_deactivated_or_suspended_stays_out(corp: World, liar: Liar):
    tokens(liar)
    Membership.objects.filter(user__email="person@corp.test").update(state="suspended")
    liar.nonce = ""
    assert arrive(liar)[1].json()["code"] == "sso_no_place"
    User.objects.filter(email="person@corp.test").update(is_active=False, state=UserState.DEACTIVATED)
    liar.nonce = ""
    assert arrive(liar)[1].json()["code"] == "sso_refused"


# -- what a session by a provider opens ---------------------------------------------------------


@pytest.fixture
def shared(corp: World, liar: Liar) -> World:
    """The analyst of alpha also works in beta, and signs in by alpha's provider."""
    user = corp.user(Role.ANALYST)
    EmailDomain.objects.create(
        tenant_id=corp.tenants["alpha"].id, domain="alpha.test", confirmed_at=timezone.now()
    )
    User.objects.filter(pk=user.pk).update(email_verified_at=timezone.now())
    accounts.membership_grant(
        user=User.objects.get(pk=user.pk),
        tenant_id=corp.tenants["beta"].id,
        organization_id=corp.organizations["beta", "one"],
        role=Role.ADMIN,
        actor=SYSTEM,
    )
    liar.claims = {"email": user.email}
    return corp


def test_alphas_provider_opens_nothing_in_beta(shared: World, liar: Liar):
    pair = tokens(liar)
    client = signed_in(pair)
    beta = str(shared.organizations["beta", "one"])
    switched = client.post("/api/v1/auth/switch-organization", {"organization_id": beta})
    assert (switched.status_code, switched.json()["code"]) == (403, "no_member")
    # A token forged for beta out of this session by our own hand opens nothing either.
    session = AuthSession.objects.get(user=shared.user(Role.ANALYST), confined_to__isnull=False)
    session.tenant_id = shared.tenants["beta"].id
    session.organization_id = shared.organizations["beta", "one"]
    from accounts.tokens import access_for

    forged = signed_in({"access_token": access_for(session)}, "beta.test")
    assert forged.get("/api/v1/companies").status_code == 401
    # His role in beta is what it was.
    assert Membership.objects.get(user=session.user, tenant_id=session.tenant_id).role == "admin"


def test_alphas_provider_touches_nothing_of_an_account_that_lives_elsewhere(shared: World, liar: Liar):
    client = signed_in(tokens(liar))
    assert client.get("/api/v1/companies").status_code == 200
    for method, path in (("get", "auth/mfa"), ("post", "auth/mfa/totp"), ("post", "auth/mfa/recovery-codes")):
        answer = getattr(client, method)(f"/api/v1/{path}")
        assert (answer.status_code, answer.json()["code"]) == (403, "session_confined"), path


def test_who_is_only_alphas_own_minds_his_account(corp: World, liar: Liar):
    client = signed_in(tokens(liar))
    assert client.get("/api/v1/auth/mfa").status_code == 200
    refused = client.post("/api/v1/auth/mfa/totp").json()
    assert (refused["code"], refused["step_up"]["methods"]) == ("step_up_required", ["sso"])


def test_the_provider_asked_anew_is_a_proof(corp: World, liar: Liar):
    tokens(liar)
    liar.reset()
    liar.claims = {"auth_time": int(timezone.now().timestamp())}
    trip = Trip(fresh=True)
    query = parse_qs(urlsplit(trip.url).query)
    assert (query["prompt"], query["max_age"]) == (["login"], ["0"])
    client = signed_in(trip.exchange(trip.back(liar.log_in(trip.url))).json())
    assert client.post("/api/v1/auth/mfa/totp").status_code == 201
    # Not asked for, or an old one: no proof.
    for fresh, age in ((False, 0), (True, 3600)):
        liar.reset()
        liar.claims = {"auth_time": int(timezone.now().timestamp()) - age}
        client = signed_in(tokens(liar, fresh=fresh))
        assert client.post("/api/v1/auth/mfa/totp").json()["code"] == "step_up_required"


# -- institutions that take nothing else --------------------------------------------------------


@pytest.fixture
def only(corp: World) -> World:
    TenantSettings.objects.filter(tenant_id=corp.tenants["alpha"].id).update(sso_only=True)
    forget_tenant(Tenant.objects.get(id=corp.tenants["alpha"].id))
    return corp


def log_in(user):
    return anonymous().post("/api/v1/auth/login", {"email": user.email, "password": PASSWORD})


def test_sso_only_refuses_passwords_and_sessions_by_them(only: World, liar: Liar):
    answer = log_in(only.user(Role.OWNER))
    assert (answer.status_code, answer.json()["code"]) == (403, "sso_required")
    wrong = anonymous().post("/api/v1/auth/login", {"email": only.user(Role.OWNER).email, "password": "x"})
    assert wrong.json()["code"] == "bad_credentials"
    # A session opened before, or on the platform's host.
    for host in ("alpha.test", "localhost"):
        refused = only.client(Role.OWNER, host=host).get("/api/v1/companies")
        assert (refused.status_code, refused.json()["code"]) == (403, "sso_required")
    assert signed_in(tokens(liar)).get("/api/v1/companies").status_code == 200
    assert anonymous().get(SSO).json()["passwords_taken"] is False
    assert only.client(Role.OWNER, "beta").get("/api/v1/companies").status_code == 200


def test_admins_keep_their_password_while_the_setting_says_so(only: World):
    assert log_in(only.user(Role.TENANT_ADMIN)).status_code == 200
    Connection.objects.update(break_glass=False)
    assert log_in(only.user(Role.TENANT_ADMIN)).json()["code"] == "sso_required"
    assert log_in(only.user(Role.SUPER_ADMIN)).status_code == 200
    # A provider that is off locks nobody out.
    Connection.objects.update(is_active=False)
    assert log_in(only.user(Role.OWNER)).status_code == 200


def test_the_second_factor_is_the_providers_or_ours(corp: World, liar: Liar):
    from accounts.mfa.tests.test_mfa import code_of, enrol

    tokens(liar)
    person = User.objects.get(email="person@corp.test")
    client = signed_in(tokens_again(liar))
    client.session_row = AuthSession.objects.filter(user=person).first()
    AuthSession.objects.filter(user=person).update(proved_at=timezone.now())
    secret, _ = enrol(client)
    liar.nonce = ""
    trip, returned = arrive(liar)
    half = trip.exchange(returned)
    assert (half.status_code, half.json()["code"]) == (401, "mfa_required")
    body = {"mfa_token": half.json()["mfa_token"], "code": code_of(secret)}
    whole = trip.client.post("/api/v1/auth/mfa/verify", body)
    assert whole.status_code == 200, whole.content
    session = AuthSession.objects.filter(user=person).order_by("-id").first()
    assert (session.confined_to_id, session.second_factor) == (corp.tenants["alpha"].id, True)
    # The provider sees to it: not asked twice.
    Connection.objects.update(provider_mfa=True)
    liar.nonce = ""
    tokens(liar)
    assert AuthSession.objects.filter(user=person).order_by("-id").first().second_factor


def tokens_again(liar: Liar) -> dict[str, str]:
    liar.nonce = ""
    return tokens(liar)


# -- where there is none ------------------------------------------------------------------------


def test_without_a_provider_there_is_nothing(people: World):
    assert anonymous().get(SSO).json()["available"] is False
    answer = anonymous().get(f"{SSO}/start", {"challenge": "x" * 43})
    assert (answer.status_code, answer.json()["code"]) == (404, "sso_off")
    platform = anonymous().get(f"{SSO}/start", {"challenge": "x" * 43}, headers={"host": "localhost"})
    assert platform.json()["code"] == "sso_off"


def test_the_module_switches_it_off(corp: World):
    TenantSettings.objects.filter(tenant_id=corp.tenants["alpha"].id).update(modules_denied=["sso"])
    forget_tenant(Tenant.objects.get(id=corp.tenants["alpha"].id))
    assert Trip().out.json()["code"] == "sso_off"
    assert corp.client(Role.TENANT_ADMIN).get("/api/v1/sso/connection").json()["code"] == "module_off"


def test_a_client_gives_its_challenge(corp: World):
    assert anonymous().get(f"{SSO}/start").status_code == 400
    assert anonymous().get(f"{SSO}/start", {"challenge": "short"}).status_code == 400


def test_algorithms_are_asymmetric():
    from accounts.sso.provider import ALGORITHMS

    assert not {"none", "HS256", "HS384", "HS512"} & set(ALGORITHMS)
    assert set(ALGORITHMS) <= set(jwt.algorithms.get_default_algorithms())
