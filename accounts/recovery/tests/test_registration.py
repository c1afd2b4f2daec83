"""Registering: nobody learns who is here, addresses are proved, institutions are opened after that."""

from __future__ import annotations

import statistics
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuthSession, Membership, User
from accounts.permissions import Role
from accounts.recovery.models import MailedToken, PendingInstitution
from accounts.services import membership_grant
from organizations.onboarding.services import registered_open
from tenants.kernel.context import in_public
from tenants.kernel.request import SYSTEM
from tenants.models import OrganizationEntry, PlatformSettings, Tenant, TenantSettings
from tenants.selectors import forget_platform_settings, forget_tenant
from tests.fixtures import PASSWORD, World, anonymous
from tests.letters import letters, token_in
from tests.queries import asked

NEW = "new.person@elsewhere.test"


def post(address, body, host="localhost", client=None):
    return (client or anonymous()).post(f"/api/v1/auth/{address}", body, headers={"host": host})


def register(email=NEW, host="localhost", **more):
    return post("register", {"email": email, "password": PASSWORD, "full_name": "New Person", **more}, host)


def log_in(email=NEW, password=PASSWORD):
    answer = post("login", {"email": email, "password": password})
    client = anonymous()
    if answer.status_code == 200:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access_token']}")
        client.defaults["HTTP_HOST"] = "localhost"
    return answer, client


def test_a_known_address_gets_the_same_answer_and_a_letter_of_its_own(people: World):
    known = people.user(Role.OWNER).email
    first, second = register(), register(known.upper())
    assert (first.status_code, second.status_code) == (201, 201)
    own, other = first.json(), second.json()
    assert own.pop("email") == NEW
    assert other.pop("email") == known.upper()
    assert own == other
    assert "id" not in own
    assert [letter.subject for letter in letters(NEW)] == ["Please confirm your e-mail address"]
    assert [letter.subject for letter in letters(known)] == ["You have an account already"]
    assert User.objects.filter(email__iexact=known).count() == 1
    assert not User.objects.filter(email__endswith="@users.invalid").exists()
    assert log_in(known)[0].status_code == 200


def test_a_known_address_costs_the_same_work(people: World):
    """As queries, not as time: the same statements run, and those of the known address are undone."""

    def work(email):
        with asked() as found:
            assert register(email).status_code == 201
        return len([sql for sql in found if sql.startswith(("INSERT", "UPDATE"))])

    register("warm.up@elsewhere.test")
    unknown, known = work(NEW), work(people.user(Role.OWNER).email)
    assert abs(unknown - known) <= 2


@pytest.mark.parametrize("fault", [{"email": "nonsense"}, {"password": "short"}, {"password": "password1"}])
def test_bad_input_is_named_for_known_and_unknown_alike(people: World, fault):
    answers = [register(**{"email": email, **fault}) for email in (NEW, people.user(Role.OWNER).email)]
    assert {a.status_code for a in answers} == {400}
    assert answers[0].json()["errors"] == answers[1].json()["errors"]


def test_a_password_like_the_name_is_refused(people: World):
    answer = register(password="New.Person-1", full_name="New Person-1")
    assert answer.status_code == 400
    assert register(password="new.person").status_code == 400


def test_the_link_proves_the_address_once(people: World):
    register()
    assert log_in()[1].get("/api/v1/users/me").json()["email_verified"] is False
    [letter] = letters(NEW)
    token = token_in(letter)
    assert f"/account/verify?token={token}" in letter.text
    assert not MailedToken.objects.filter(digest__contains=token).exists()
    assert post("verify-email", {"token": token}).status_code == 200
    assert log_in()[1].get("/api/v1/users/me").json()["email_verified"] is True
    again = post("verify-email", {"token": token})
    assert (again.status_code, again.json()["code"]) == (400, "bad_link")


@pytest.mark.parametrize("fault", ["expired", "unknown", "for a password", "deactivated"])
def test_bad_tokens_are_all_the_same(people: World, fault):
    register()
    token = token_in(letters(NEW)[0])
    user = User.objects.get(email=NEW)
    if fault == "expired":
        MailedToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif fault == "unknown":
        token = "x" * 43
    elif fault == "for a password":
        post("forgot-password", {"email": NEW})
        token = token_in(letters(NEW)[1])
    else:
        User.objects.filter(pk=user.pk).update(is_active=False, state="deactivated")
    answer = post("verify-email", {"token": token})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_link")
    user.refresh_from_db()
    assert user.email_verified_at is None


def test_who_did_not_register_closes_the_account_to_who_did(people: World):
    """Somebody registers with a stranger's address and waits for him to confirm it."""
    register()
    _, thief = log_in()
    assert post("disown-email", {"token": token_in(letters(NEW)[0])}).status_code == 200
    assert AuthSession.objects.filter(user__email=NEW, revoked_at=None).count() == 0
    assert log_in()[0].status_code == 401
    # The owner of the mailbox may still have the account.
    post("forgot-password", {"email": NEW})
    token = token_in(letters(NEW)[-1])
    assert post("reset-password", {"token": token, "password": "another-horse-7"}).status_code == 200
    assert log_in(password="another-horse-7")[0].status_code == 200


def test_the_letter_can_be_had_again_a_few_times(people: World, settings):
    register()
    _, client = log_in()
    for _ in range(settings.MAILED_TOKENS_PER_HOUR - 1):
        assert post("resend-verification", {}, client=client).status_code == 202
    refused = post("resend-verification", {}, client=client)
    assert (refused.status_code, refused["Retry-After"]) == (429, "3600")
    # Every link that was sent works, and one is enough.
    tokens = [token_in(letter) for letter in letters(NEW)]
    assert post("verify-email", {"token": tokens[1]}).status_code == 200
    assert post("verify-email", {"token": tokens[0]}).status_code == 400
    answer = post("resend-verification", {}, client=client)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_verified")


def test_an_unverified_user_works_alone_and_joins_nothing(people: World):
    from accounts.errors import Unverified

    register()
    _, client = log_in()
    assert client.get("/api/v1/companies").status_code == 200
    user = User.objects.get(email=NEW)
    place = {
        "tenant_id": people.tenants["alpha"].id,
        "organization_id": people.organizations["alpha", "one"],
        "role": Role.VIEWER,
    }
    with pytest.raises(Unverified):
        membership_grant(user=user, actor=SYSTEM, **place)
    assert [m.role for m in Membership.objects.filter(user=user)] == [Role.INDIVIDUAL]
    post("verify-email", {"token": token_in(letters(NEW)[0])})
    user.refresh_from_db()
    assert membership_grant(user=user, actor=SYSTEM, **place)


# -- with an organization ------------------------------------------------------------------------


def prove(email=NEW):
    post("verify-email", {"token": token_in(letters(email)[0])})
    registered_open(user_id=User.objects.get(email=email).pk)


def test_with_an_organization_a_small_institution_opens_after_the_proof(people: World):
    assert register(organization_name="Small Advisers").status_code == 201
    user = User.objects.get(email=NEW)
    registered_open(user_id=user.pk)  # too early: nothing is opened for an address that nobody proved
    assert not Tenant.objects.filter(name="Small Advisers").exists()
    prove()
    registered_open(user_id=user.pk)  # and not twice
    tenant = Tenant.objects.get(name="Small Advisers")
    assert OrganizationEntry.objects.filter(tenant=tenant).count() == 1
    assert Membership.objects.get(user=user, tenant=tenant).role == Role.TENANT_ADMIN
    assert "Small Advisers is ready" in [letter.subject for letter in letters(NEW)]
    assert not PendingInstitution.objects.exists()
    # His personal workspace stays his.
    assert Membership.objects.filter(user=user, role=Role.INDIVIDUAL).exists()


def test_a_name_that_is_taken_is_not_told_and_gets_a_number(people: World):
    assert register(organization_name="Alpha").status_code == 201
    prove()
    assert Membership.objects.get(user__email=NEW, role=Role.TENANT_ADMIN).tenant.name == "Alpha 2"


def test_on_an_institutions_host_an_organization_of_it_opens_where_it_allows(people: World):
    tenant = Tenant.objects.get(pk=people.tenants["alpha"].id)
    refused = register(host="alpha.test", organization_name="Branch")
    assert (refused.status_code, refused.json()["code"]) == (403, "registration_off")
    TenantSettings.objects.filter(tenant=tenant).update(allow_registration=True)
    forget_tenant(tenant)
    assert register(host="alpha.test", organization_name="Branch").status_code == 201
    prove()
    entry = OrganizationEntry.objects.get(tenant=tenant, name="Branch")
    assert Membership.objects.get(user__email=NEW, organization_id=entry.id).role == Role.OWNER
    assert not Tenant.objects.filter(name="Branch").exists()


@pytest.mark.parametrize(
    ("changes", "with_organization", "status"),
    [
        ({"registration_enabled": False}, False, 403),
        ({"registration_enabled": False}, True, 403),
        ({"small_tenants_allowed": False}, False, 201),
        ({"small_tenants_allowed": False}, True, 403),
    ],
)
def test_operators_decide_who_may_register(people: World, changes, with_organization, status):
    with in_public():
        PlatformSettings.objects.update(**changes)
    forget_platform_settings()
    more = {"organization_name": "Small Advisers"} if with_organization else {}
    answer = register(**more)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "registration_off"


def test_the_variable_is_a_ceiling(people: World, settings):
    settings.ENABLE_REGISTRATION = False
    assert register().status_code == 403


@pytest.mark.slow
def test_the_time_tells_little(people: World):
    """Measured and shown, not asserted: see the statements above for what is held to."""
    spent = {}
    for name, address in (("unknown", "u{}@elsewhere.test"), ("known", people.user(Role.OWNER).email)):
        times = []
        for number in range(5):
            begun = time.perf_counter()
            register(address.format(number))
            times.append(time.perf_counter() - begun)
        spent[name] = statistics.median(times)
    print({name: f"{1000 * value:.0f} ms" for name, value in spent.items()})
