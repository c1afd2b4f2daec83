"""A person's data: fetched by him alone, and gone when he is."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, models
from django.utils import timezone
from PIL import Image

from accounts.models import AuthSession, Membership, User
from accounts.permissions import Role
from accounts.privacy import services
from accounts.privacy.models import DataExport, ExportState
from accounts.standing.models import StatusChange
from companies.models import Company
from organizations.models import Organization
from tenants.kernel import mail
from tenants.kernel.context import in_bare_schema
from tenants.kernel.errors import Absent
from tenants.models import OrganizationEntry, PlatformAuditEvent, Tenant
from tests.factories import CompanyFactory
from tests.fixtures import PASSWORD, World, anonymous
from tests.letters import letters

DATA = "/api/v1/users/me/data"
NAME = "Quirina Unverwechselbar"
EMAIL = "quirina.unique@elsewhere.test"


@pytest.fixture
def person(people: World):
    """Somebody with a bit of everything: a workspace with a company, a picture, sessions, letters, a role."""
    client = anonymous()
    body = {"email": EMAIL, "password": PASSWORD, "full_name": NAME, "username": "quirina.u"}
    client.post("/api/v1/auth/register", body, headers={"host": "localhost"})
    User.objects.filter(email=EMAIL).update(email_verified_at=timezone.now())
    user = User.objects.get(email=EMAIL)
    tokens = client.post(
        "/api/v1/auth/login", {"email": EMAIL, "password": PASSWORD}, headers={"host": "localhost"}
    ).json()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access_token']}")
    client.defaults["HTTP_HOST"] = "localhost"
    picture = io.BytesIO()
    Image.new("RGB", (30, 30)).save(picture, "PNG")
    picture.seek(0)
    picture.name = "q.png"
    client.put("/api/v1/users/me/avatar", {"file": picture}, format="multipart")
    client.patch("/api/v1/users/me", {"bio": f"I am {NAME}."}, headers={"Idempotency-Key": "bio"})
    workspace = Membership.objects.get(user=user).organization_id
    with people.within("personal"):
        organization = Organization.objects.get(id=workspace)
        CompanyFactory(organization=organization, symbol="MINE", name="Quirina Unverwechselbar GmbH")
    Membership.objects.create(
        user=user,
        tenant_id=people.tenants["alpha"].id,
        organization_id=people.organizations["alpha", "one"],
        role=Role.ANALYST,
    )
    owner = people.client(Role.OWNER)
    owner.post(f"/api/v1/users/{user.id}/deactivate", {"reason": f"{NAME} is away"})
    owner.post(f"/api/v1/users/{user.id}/activate", {"reason": f"{NAME} <{EMAIL}> is back"})
    anonymous().post("/api/v1/auth/forgot-password", {"email": EMAIL})
    anonymous().post("/api/v1/auth/login", {"email": EMAIL, "password": "wrong-horse-1"})
    user.client, user.workspace = client, workspace
    return user


# -- export --------------------------------------------------------------------------------------


def parts_of(content: bytes) -> dict[str, object]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {
            name.removesuffix(".json"): json.loads(archive.read(name)) if name.endswith(".json") else True
            for name in archive.namelist()
        }


def test_everything_that_is_kept_can_be_fetched(people: World, person):
    asked = person.client.post(DATA)
    assert (asked.status_code, asked.json()["state"]) == (202, "pending")
    assert person.client.post(DATA).json()["code"] == "export_running"
    services.export_build(export_id=asked.json()["id"])
    [shown] = person.client.get(DATA).json()["items"]
    assert shown["state"] == "ready"
    answer = person.client.get(f"{DATA}/{shown['id']}/download")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    assert len(answer.content) == shown["size"]
    parts = parts_of(answer.content)
    assert parts["identity"][0]["email"] == EMAIL
    assert parts["profile"][0]["full_name"] == NAME
    assert {m["role"] for m in parts["memberships"]} == {"individual", "analyst"}
    assert parts["sessions"]
    assert [c["change"] for c in parts["standing_statuschange"]] == ["activated", "deactivated"]
    assert "accounts.profile.updated" in {row["action"] for row in parts["audit_platform"]}
    assert "accounts.user.deactivated" in {row["action"] for row in parts["audit_alpha"]}
    assert [c["symbol"] for c in parts["workspace_companies_company"]] == ["MINE"]
    assert parts["avatar.png"]
    # Keys to the account are no data about the person.
    text = json.dumps(parts)
    assert "md5$" not in text
    assert '"digest"' not in text
    assert "Your data is ready" in [letter.subject for letter in letters(EMAIL)]


def test_an_export_is_its_owners_and_expires(people: World, person):
    services.export_build(export_id=person.client.post(DATA).json()["id"])
    export = DataExport.objects.get(user=person)
    address = f"{DATA}/{export.id}/download"
    assert people.client(Role.OWNER).get(address).status_code == 404
    assert anonymous().get(address).status_code == 401
    path = export.path
    assert services.exports_purge(now=export.expires_at) == 1
    assert not default_storage.exists(path)
    assert person.client.get(address).status_code == 404
    assert person.client.get(DATA).json()["items"][0]["state"] == "expired"


def test_the_file_at_rest_tells_nobody_anything(people: World, person, settings):
    services.export_build(export_id=person.client.post(DATA).json()["id"])
    export = DataExport.objects.get(user=person)
    with default_storage.open(export.path) as file:
        kept = file.read()
    assert EMAIL.encode() not in kept
    assert not zipfile.is_zipfile(io.BytesIO(kept))
    content = person.client.get(f"{DATA}/{export.id}/download").content
    assert parts_of(content)["identity"][0]["email"] == EMAIL
    settings.SECRET_KEY = "another key of the platform, long enough"
    with pytest.raises(Absent):
        services.export_read(user=person, export_id=export.id, actor=person.actor)


def test_a_file_of_an_earlier_release_is_still_read(people: World, person):
    services.export_build(export_id=person.client.post(DATA).json()["id"])
    export = DataExport.objects.get(user=person)
    address = f"{DATA}/{export.id}/download"
    content = person.client.get(address).content
    default_storage.delete(export.path)
    path = default_storage.save("public/exports/earlier.zip", ContentFile(content))
    DataExport.objects.filter(id=export.id).update(path=path)
    assert person.client.get(address).content == content
    default_storage.delete(path)


def test_an_export_that_never_came_can_be_asked_for_again(people: World, person):
    person.client.post(DATA)
    DataExport.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert person.client.post(DATA).status_code == 202
    assert services.exports_purge() == 1
    states = set(DataExport.objects.values_list("state", flat=True))
    assert states == {ExportState.FAILED, ExportState.PENDING}


def test_building_twice_makes_one_file(people: World, person):
    identifier = person.client.post(DATA).json()["id"]
    services.export_build(export_id=identifier)
    first = DataExport.objects.get(id=identifier).path
    services.export_build(export_id=identifier)
    assert DataExport.objects.get(id=identifier).path == first


# -- being forgotten -----------------------------------------------------------------------------


def mentions(text: str) -> list[str]:
    """Every column of every table of every schema of which a row holds the text."""
    found = []
    schemas = ["public", *Tenant.objects.values_list("schema_name", flat=True)]
    for schema in schemas:
        with in_bare_schema(schema), connection.cursor() as cursor:
            cursor.execute(
                "SELECT table_name FROM information_schema.tables"
                " WHERE table_schema = %s AND table_type = 'BASE TABLE'",
                [schema],
            )
            for (table,) in cursor.fetchall():
                cursor.execute(
                    f'SELECT count(*) FROM "{schema}"."{table}" AS r WHERE r::text ILIKE %s', [f"%{text}%"]
                )
                if cursor.fetchone()[0]:
                    found.append(f"{schema}.{table}")
    return found


def test_the_search_finds_what_is_there(people: World, person):
    """Or the test below would prove nothing."""
    assert "public.accounts_user" in mentions(EMAIL)
    assert {"public.accounts_profile", "personal.companies_company"} <= set(mentions(NAME))


def test_an_archived_user_is_nameless_everywhere(people: World, person, django_capture_on_commit_callbacks):
    services.export_build(export_id=person.client.post(DATA).json()["id"])
    files = [DataExport.objects.get(user=person).path, person.profile.avatar]
    files = [path for path in files if path] + [User.objects.get(pk=person.pk).profile.avatar]
    root = User.objects.get(pk=people.user(Role.SUPER_ADMIN).pk)
    with django_capture_on_commit_callbacks(execute=True):
        services.user_archive(user=person, reason="asked for it", actor=root.actor, role=Role.SUPER_ADMIN)
    for text in (EMAIL, NAME, "quirina"):
        assert mentions(text) == []
    assert [letter for letter in letters() if letter.to == EMAIL] == []
    assert not any(default_storage.exists(path) for path in files)
    assert person.client.get("/api/v1/users/me").status_code == 401
    user = User.objects.get(pk=person.pk)
    assert (user.state, user.is_active, user.last_login) == ("archived", False, None)
    assert not user.memberships.exists()
    assert not AuthSession.objects.filter(user=user).exists()
    # What others need stays: that somebody was there, and what became of him.
    assert StatusChange.objects.filter(user=user).count() == 3
    assert PlatformAuditEvent.objects.filter(action="accounts.user.archived").count() == 1
    assert not OrganizationEntry.objects.filter(id=person.workspace).exists()


def test_an_archived_user_does_not_come_back(people: World, person):
    from accounts.standing.selectors import PLATFORM
    from accounts.standing.services import user_activate
    from tenants.kernel.errors import Conflict

    root = people.user(Role.SUPER_ADMIN)
    services.user_archive(user=person, actor=root.actor, role=Role.SUPER_ADMIN)
    with pytest.raises(Conflict):
        user_activate(user=person, reach=PLATFORM, actor=root.actor, role=Role.SUPER_ADMIN)
    # The address is free again, for whoever proves it.
    body = {"email": EMAIL, "password": PASSWORD}
    anonymous().post("/api/v1/auth/register", body, headers={"host": "localhost"})
    assert User.objects.get(email=EMAIL).pk != person.pk


def test_a_person_closes_his_own_account(people: World, person, django_capture_on_commit_callbacks):
    wrong = person.client.post(f"{DATA}/close", {"current_password": "nonsense-1"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "wrong_password")
    with django_capture_on_commit_callbacks(execute=True):
        assert person.client.post(f"{DATA}/close", {"current_password": PASSWORD}).status_code == 204
    assert mentions(EMAIL) == []
    owner = people.client(Role.OWNER).post(f"{DATA}/close", {"current_password": PASSWORD})
    assert (owner.status_code, owner.json()["code"]) == (409, "owner_stays")


def test_work_for_an_institution_stays(people: World, person):
    with people.within("alpha", "one"):
        organization = Organization.objects.get()
        company = CompanyFactory(organization=organization, symbol="THEIRS", created_by_id=person.pk)
    services.user_archive(user=person, actor=people.user(Role.SUPER_ADMIN).actor, role=Role.SUPER_ADMIN)
    with people.within("alpha", "one"):
        assert Company.objects.get(id=company.id).created_by_id == person.pk


def test_letters_to_him_that_wait_are_not_sent(people: World, person):
    mail.send(template="accounts/password_changed", to=EMAIL.upper(), context={"name": NAME})
    others = people.user(Role.OWNER).email
    mail.send(template="accounts/password_changed", to=others, context={"name": ""})
    services.user_archive(user=person, actor=people.user(Role.SUPER_ADMIN).actor, role=Role.SUPER_ADMIN)
    assert [letter.to for letter in letters()] == [others]


def test_every_table_with_a_key_to_the_user_is_known():
    """A new one is emptied by itself; this says so where somebody wonders."""
    related = {relation.related_model._meta.label for relation in User._meta.related_objects}
    assert {"accounts.AuthSession", "recovery.MailedToken", "privacy.DataExport"} <= related
    protected = [r for r in User._meta.related_objects if r.on_delete in (models.PROTECT, models.RESTRICT)]
    assert protected == []
