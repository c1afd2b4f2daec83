"""What describes a person, his picture, and where he is signed in."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from django.core.files.storage import default_storage
from PIL import Image

from accounts.models import AuthSession, Profile
from accounts.permissions import Role
from tenants.models import PlatformAuditEvent
from tests.fixtures import World, anonymous

ME = "/api/v1/users/me"


@pytest.mark.parametrize("place", ["me", "profile", "{id}/profile"])
def test_a_profile_is_changed_field_by_field(people: World, place):
    client, user = people.client(Role.ANALYST), people.user(Role.ANALYST)
    address = f"/api/v1/users/{place.format(id=user.id)}"
    body = {"full_name": "Anna A", "job_title": "Senior Analyst", "bio": "Likes ratios.", "sector": "Energy"}
    answer = client.patch(address, body)
    assert answer.status_code == 200, answer.content
    assert {k: answer.json()[k] for k in body} == body
    answer = client.patch(address, {"time_zone": "Europe/Zurich"})
    assert (answer.json()["time_zone"], answer.json()["bio"]) == ("Europe/Zurich", "Likes ratios.")
    row = PlatformAuditEvent.objects.filter(action="accounts.profile.updated").first()
    assert row.changes == {"time_zone": ["UTC", "Europe/Zurich"]}
    first = PlatformAuditEvent.objects.filter(action="accounts.profile.updated").last()
    assert "Anna" not in str(first.changes)


def test_what_the_client_sends(people: World):
    user = people.user(Role.ANALYST)
    body = {"full_name": "A B", "email": user.email, "sector": "Technology"}
    answer = people.client(Role.ANALYST).put(ME, body)
    assert answer.status_code == 200
    assert answer.json()["role"] == "org_member"
    assert answer.json()["sector"] == "Technology"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"time_zone": "Mars/Phobos"}, "/time_zone"),
        ({"preferences": {"colour": "red"}}, "/preferences/colour"),
        ({"preferences": {"theme": "pink"}}, "/preferences/theme"),
        ({"preferences": {"rows_per_page": True}}, "/preferences/rows_per_page"),
        ({"preferences": {"rows_per_page": 5}}, "/preferences/rows_per_page"),
        ({"preferences": ["theme"]}, "/preferences"),
        ({"bio": "x" * 2001}, "/bio"),
    ],
)
def test_what_cannot_be_kept_is_named(people: World, body, pointer):
    answer = people.client(Role.ANALYST).patch(ME, body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_preferences_are_merged_and_have_defaults(people: World):
    client = people.client(Role.VIEWER)
    assert client.get(ME).json()["preferences"]["theme"] == "system"
    client.patch(ME, {"preferences": {"theme": "dark"}})
    kept = client.patch(ME, {"preferences": {"rows_per_page": 25}}).json()["preferences"]
    assert (kept["theme"], kept["rows_per_page"], kept["mail_alerts"]) == ("dark", 25, True)


def test_roles_and_standing_are_no_part_of_a_profile(people: World):
    client = people.client(Role.VIEWER)
    body = {"role": "super_admin", "is_active": False, "is_super_admin": True, "tenant_id": "x"}
    assert client.patch(ME, body).json()["role"] == "org_member"


def test_somebody_elses_profile_is_not_found(people: World):
    other = people.user(Role.VIEWER).id
    assert people.client(Role.OWNER).patch(f"/api/v1/users/{other}/profile", {}).status_code == 404


# -- pictures ------------------------------------------------------------------------------------


def picture(kind="JPEG", size=(600, 300), **options) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind, **options)
    return out.getvalue()


def upload(client, data, name="me.png", kind="image/png"):
    file = io.BytesIO(data)
    file.name, file.content_type = name, kind
    return client.put(f"{ME}/avatar", {"file": file}, format="multipart")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_written_anew(people: World, kind, django_capture_on_commit_callbacks):
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    data = picture(kind, exif=exif)
    assert b"taken at home" in data
    client = people.client(Role.ANALYST)
    assert client.get(f"{ME}/avatar").status_code == 204
    assert upload(client, data, "x.exe", "text/html").status_code == 204
    answer = client.get(f"{ME}/avatar")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert b"taken at home" not in answer.content
    with Image.open(io.BytesIO(answer.content)) as kept:
        assert (kept.format, kept.size, kept.info, dict(kept.getexif())) == ("PNG", (256, 256), {}, {})
    assert client.get(ME).json()["avatar"] == "/api/v1/users/me/avatar"
    before = Profile.objects.get(user=people.user(Role.ANALYST)).avatar
    with django_capture_on_commit_callbacks(execute=True):
        upload(client, picture())
    assert not default_storage.exists(before)
    with django_capture_on_commit_callbacks(execute=True):
        assert client.delete(f"{ME}/avatar").status_code == 204
    assert client.get(f"{ME}/avatar").status_code == 204


def bomb() -> bytes:
    """A few bytes of PNG that say they are 30,000 pixels square."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", 400, "invalid_image"),
        (b"GIF89a" + b"\0" * 50, 400, "invalid_image"),
        (picture()[:400], 400, "invalid_image"),
        (bomb(), 400, None),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * (2 * 1024 * 1024 + 1), 413, "too_large"),
        (b"x", 400, "invalid_image"),
    ],
    ids=["svg", "gif", "truncated", "bomb", "large", "text"],
)
def test_what_is_no_picture_is_refused(people: World, data, status, code):
    client = people.client(Role.ANALYST)
    answer = upload(client, data)
    assert answer.status_code == status, answer.content
    if code and status == 400:
        assert answer.json()["errors"][0]["code"] == code
    assert client.get(f"{ME}/avatar").status_code == 204


def test_pictures_are_for_those_who_look_after_their_owners(people: World):
    user = people.user(Role.ANALYST)
    upload(people.client(Role.ANALYST), picture())
    address = f"/api/v1/users/{user.id}/avatar"
    assert people.client(Role.OWNER).get(address).status_code == 200
    assert people.client(Role.OWNER, "alpha", "two").get(address).status_code == 404
    assert people.client(Role.OWNER, "beta").get(address).status_code == 404
    assert anonymous().get(address).status_code == 401


# -- sessions ------------------------------------------------------------------------------------


def test_sessions_are_listed_and_ended_one_by_one(people: World, django_capture_on_commit_callbacks):
    here, there = people.client(Role.ANALYST), people.client(Role.ANALYST)
    AuthSession.objects.filter(pk=there.session_row.pk).update(device="Firefox on Linux", address="192.0.2.7")
    rows = {row["id"]: row for row in here.get(f"{ME}/sessions").json()["items"]}
    mine, other = rows[str(here.session_row.pk)], rows[str(there.session_row.pk)]
    assert (mine["current"], other["current"]) == (True, False)
    assert (other["device"], other["address"]) == ("Firefox on Linux", "192.0.2.7")
    assert other["tenant"] == "Alpha"
    with django_capture_on_commit_callbacks(execute=True):
        assert here.delete(f"{ME}/sessions/{there.session_row.pk}").status_code == 204
    assert there.get(ME).status_code == 401
    assert here.delete(f"{ME}/sessions/{there.session_row.pk}").status_code == 404
    assert here.get(ME).status_code == 200


def test_all_other_sessions_or_all(people: World, django_capture_on_commit_callbacks):
    here, there = people.client(Role.ANALYST), people.client(Role.ANALYST)
    with django_capture_on_commit_callbacks(execute=True):
        assert here.post(f"{ME}/sessions/end-others").json()["ended"] >= 1
    assert (here.get(ME).status_code, there.get(ME).status_code) == (200, 401)
    with django_capture_on_commit_callbacks(execute=True):
        assert here.post(f"{ME}/sessions/end-all").json() == {"ended": 1}
    assert here.get(ME).status_code == 401


def test_a_session_of_somebody_else_is_not_found(people: World):
    other = people.client(Role.VIEWER).session_row.pk
    for target in (other, "nonsense"):
        assert people.client(Role.OWNER).delete(f"{ME}/sessions/{target}").status_code == 404
    assert AuthSession.objects.get(pk=other).revoked_at is None
