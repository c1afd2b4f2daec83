"""Writes to what describes a person."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from accounts.models import Profile, User
from accounts.profiles import avatars, preferences
from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.errors import Absent, InvalidInput
from tenants.kernel.files import keep_file
from tenants.kernel.ids import uuid7
from tenants.kernel.request import Actor

FOLDER = "public/avatars"
FIELDS = ("full_name", "username", "job_title", "sector", "bio", "time_zone", "preferences")


@transaction.atomic
def profile_update(*, user: User, changes: dict[str, Any], actor: Actor) -> Profile:
    """Change what describes a person; fields that are not given stay.

    Preferences are merged key by key. Raises InvalidInput for a time zone or a preference that is none.
    """
    with in_public():
        profile = Profile.objects.select_for_update().get(user=user)
        wanted = {field: changes[field] for field in FIELDS if field in changes}
        if wanted.get("time_zone", "UTC") not in zoneinfo.available_timezones():
            fault = "There is no such time zone in the IANA database."
            raise InvalidInput(errors=[{"pointer": "/time_zone", "code": "invalid", "detail": fault}])
        if "preferences" in wanted:
            given = preferences.checked(wanted["preferences"])
            wanted["preferences"] = {**profile.preferences, **given}
        before = {field: getattr(profile, field) for field in wanted}
        record = {f: [before[f], value] for f, value in wanted.items() if before[f] != value}
        for field in record:
            setattr(profile, field, wanted[field])
        if record:
            profile.save(update_fields=list(record))
            audit.record("accounts.profile.updated", on=user, changes=record, actor=actor)
    user.profile = profile
    return profile


@transaction.atomic
def avatar_set(*, user: User, data: bytes, actor: Actor) -> None:
    """Keep a new picture of a person and remove the old one. Raises InvalidInput or TooLarge."""
    content = avatars.picture(data)
    with in_public():
        profile = Profile.objects.select_for_update().get(user=user)
        before = profile.avatar
        # A name of its own for each picture: nothing on the way shows an older one.
        profile.avatar = keep_file(f"{FOLDER}/{uuid7().hex}.png", ContentFile(content))
        profile.save(update_fields=["avatar"])
        audit.record("accounts.avatar.changed", on=user, actor=actor)
    user.profile = profile
    _remove_later(before)


@transaction.atomic
def avatar_remove(*, user: User, actor: Actor) -> None:
    """Take a person's picture away; without one nothing happens."""
    with in_public():
        profile = Profile.objects.select_for_update().get(user=user)
        before, profile.avatar = profile.avatar, ""
        if not before:
            return
        profile.save(update_fields=["avatar"])
        audit.record("accounts.avatar.removed", on=user, actor=actor)
    user.profile = profile
    _remove_later(before)


def _remove_later(path: str) -> None:
    """After the commit: a picture whose row still names it must be there."""
    if path:
        transaction.on_commit(lambda: default_storage.delete(path))


def avatar_read(user: User) -> bytes:
    """The picture's bytes, PNG; raises Absent where there is none."""
    path = user.profile.avatar
    if not path or not default_storage.exists(path):
        raise Absent()
    with default_storage.open(path) as file:
        return bytes(file.read())
