"""The file with everything that is kept of a user: JSON in a zip, and his picture."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator
from typing import IO, Any

from django.core.files.storage import default_storage
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Q, QuerySet

from accounts.models import AuthSession, Credential, Membership, Profile, RefreshToken, User
from accounts.privacy.sources import Part, sources
from tenants.kernel.audit.people import PERSON_TYPE
from tenants.kernel.context import in_public
from tenants.models import PlatformAuditEvent

# Columns that are no data about the person but keys to his account.
SECRET = frozenset(
    {"password", "digest", "token_hash", "code_hash", "secret_hash", "secret_sealed", "hash", "public_key"}
)
README = """What this platform keeps of you, as JSON (RFC 8259). Times are UTC.
Passwords and other keys are kept as hashes only and are left out.
"""


def rows(found: QuerySet[Any]) -> list[dict[str, Any]]:
    """Rows with every column but the keys."""
    columns = [f.attname for f in found.model._meta.concrete_fields if f.attname not in SECRET]
    return list(found.values(*columns))


def audit_rows(table: QuerySet[Any], user: User) -> list[dict[str, Any]]:
    """What a log says of what the user did, and of what was done to him."""
    about = Q(actor_id=user.id) | Q(object_type=PERSON_TYPE, object_id=str(user.id))
    columns = ("at", "action", "object_type", "object_id", "changes", "address", "via", "request_id")
    return list(table.filter(about).order_by("id").values(*columns, "actor_id"))


def identity(user: User) -> Iterator[Part]:
    """What the directory holds: every table with a key to the user, and the platform's log."""
    with in_public():
        yield "identity", rows(User.objects.filter(pk=user.pk).select_related(None))
        yield "profile", rows(Profile.objects.filter(user=user))
        yield "credential", rows(Credential.objects.filter(user=user))
        yield "memberships", rows(Membership.objects.filter(user=user))
        yield "sessions", rows(AuthSession.objects.filter(user=user))
        yield "refresh_tokens", rows(RefreshToken.objects.filter(session__user=user))
        known = {Profile, Credential, Membership, AuthSession}
        for relation in User._meta.related_objects:
            model = relation.related_model
            if model not in known and not isinstance(model, str):
                found = model._default_manager.filter(**{relation.field.name: user})
                yield model._meta.label_lower.replace(".", "_"), rows(found)
        yield "audit_platform", audit_rows(PlatformAuditEvent.objects.all(), user)


def everything(user: User) -> Iterable[Part]:
    """All parts, the directory's and those of the apps above."""
    yield from identity(user)
    for source in sources():
        yield from source.collect(user)


def write(user: User, file: IO[bytes]) -> None:
    """Write the zip."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README)
        for name, part in everything(user):
            archive.writestr(f"{name}.json", json.dumps(part, cls=DjangoJSONEncoder, indent=1))
        avatar = user.profile.avatar
        if avatar and default_storage.exists(avatar):
            with default_storage.open(avatar) as picture:
                archive.writestr("avatar.png", picture.read())
