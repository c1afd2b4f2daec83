"""What a person may ask for: everything that is kept of him, and to be forgotten."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.db.models.functions import Cast
from django.utils import timezone

from accounts import lockout, passwords
from accounts import services as accounts
from accounts.models import Credential, Membership, Profile, User, UserState
from accounts.permissions import Role
from accounts.privacy import exporting
from accounts.privacy.models import DataExport, ExportState
from accounts.privacy.sources import sources
from accounts.recovery.services import assert_password
from accounts.standing import services as standing
from accounts.standing.models import Change, StatusChange
from accounts.standing.selectors import PLATFORM, Reach
from tenants.kernel import audit, mail
from tenants.kernel.audit import upkeep
from tenants.kernel.context import in_public
from tenants.kernel.errors import Absent, Conflict
from tenants.kernel.files import keep_file
from tenants.kernel.ids import uuid7
from tenants.kernel.jobs import enqueue
from tenants.kernel.request import SYSTEM, Actor
from tenants.kernel.sealing import seal_bytes, unseal_bytes
from tenants.mailing.models import OutgoingLetter
from tenants.models import PlatformIdempotencyRecord

FOLDER = "public/exports"
PURPOSE = "accounts.privacy.export"
ABANDONED = timedelta(hours=1)


# -- export --------------------------------------------------------------------------------------


@transaction.atomic
def export_ask(*, user: User, actor: Actor) -> DataExport:
    """Have everything that is kept of a user collected; one at a time (Conflict)."""
    with in_public():
        User.objects.select_for_update().get(pk=user.pk)
        since = timezone.now() - ABANDONED
        running = DataExport.objects.filter(user=user, state=ExportState.PENDING, created_at__gt=since)
        if running.exists():
            raise Conflict("An export is being made already.", code="export_running")
        export = DataExport.objects.create(user=user)
        enqueue("privacy.build_export", actor=SYSTEM, queue="io", export_id=str(export.id))
        audit.record("accounts.export.asked", on=user, access=True, actor=actor)
    return export


def export_build(*, export_id: UUID) -> None:
    """Write the file of an export and tell the user; done already, nothing happens."""
    with in_public():
        export = DataExport.objects.select_related("user__profile").filter(id=export_id).first()
        if export is None or export.state != ExportState.PENDING:
            return
        with tempfile.TemporaryFile() as file:
            exporting.write(export.user, file)
            size = file.tell()
            file.seek(0)
            # It lies there for days, with everything of a person: the storage alone shall tell nobody.
            content = ContentFile(seal_bytes(file.read(), purpose=PURPOSE))
            path = keep_file(f"{FOLDER}/{uuid7().hex}.sealed", content)
        if not _export_finish(export_id, path, size):
            default_storage.delete(path)


@transaction.atomic
def _export_finish(export_id: UUID, path: str, size: int) -> bool:
    # Whoever was archived meanwhile has no export any more, and gets no letter.
    row = DataExport.objects.select_for_update(of=("self",)).filter(id=export_id, state=ExportState.PENDING)
    export = row.select_related("user__profile").first()
    if export is None or not export.user.is_active:
        return False
    export.state, export.path, export.size = ExportState.READY, path, size
    export.ready_at = timezone.now()
    export.expires_at = export.ready_at + settings.PERSONAL_EXPORT_LIFETIME
    export.save()
    context = {"name": export.user.profile.full_name, "days": settings.PERSONAL_EXPORT_LIFETIME.days}
    mail.send(template="accounts/export_ready", to=export.user.email, context=context)
    return True


def export_read(*, user: User, export_id: UUID, actor: Actor) -> bytes:
    """The file of a user's own export; raises Absent for a foreign, unfinished or expired one."""
    with in_public():
        export = DataExport.objects.filter(user=user, id=export_id, state=ExportState.READY).first()
        if export is None or export.expires_at is None or export.expires_at <= timezone.now():
            raise Absent()
        if not default_storage.exists(export.path):
            raise Absent()
        with default_storage.open(export.path) as file:
            kept = bytes(file.read())
        # Files of an earlier release are not sealed; they are gone after PERSONAL_EXPORT_LIFETIME.
        content = kept if kept.startswith(b"PK") else unseal_bytes(kept, purpose=PURPOSE)
        if content is None:  # sealed with another SECRET_KEY: ask for a new one
            raise Absent()
        audit.record("accounts.export.fetched", on=user, access=True, actor=actor)
        return content


def exports_purge(*, now: datetime | None = None) -> int:
    """Remove the files of expired exports, and exports that never became one; tells how many."""
    now = now or timezone.now()
    with in_public():
        ended = list(DataExport.objects.filter(state=ExportState.READY, expires_at__lte=now))
        for export in ended:
            default_storage.delete(export.path)
            export.state, export.path, export.size = ExportState.EXPIRED, "", 0
            export.save(update_fields=["state", "path", "size"])
        lost = DataExport.objects.filter(state=ExportState.PENDING, created_at__lt=now - timedelta(days=1))
        return len(ended) + lost.update(state=ExportState.FAILED)


# -- being forgotten -----------------------------------------------------------------------------


def user_end(*, user: User, reach: Reach, actor: Actor, role: Role) -> None:
    """What removing a user means where the caller is: archived on the platform, else out of the reach."""
    if reach.is_platform:
        user_archive(user=user, actor=actor, role=role)
    else:
        standing.user_remove(user=user, reach=reach, actor=actor, role=role)


@transaction.atomic
def user_archive(*, user: User, reason: str = "", actor: Actor, role: Role) -> None:
    """Make a user nameless for good: nothing is left that says who he was, his work for others stays.

    Raises Conflict for oneself, an owner, the last tenant admin and the last super admin.
    """
    with in_public():
        locked = User.objects.select_for_update().get(pk=user.pk)
        held = standing.memberships_lock(locked, PLATFORM)
        standing.assert_may(locked, held, PLATFORM, Change.ARCHIVED, role, actor)
        _forget(locked, reason, actor)


def account_close(*, user: User, password: str, address: str | None, actor: Actor) -> None:
    """Archive one's own account, by whoever knows its password.

    Raises WrongPassword (counted like a failed log-in), and Conflict as for everybody.
    """
    attempt = lockout.begin(user.email, address)
    with in_public(), transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        locked = User.objects.with_credential().get(pk=user.pk)
        assert_password(locked, password)
        held = standing.memberships_lock(locked, PLATFORM)
        standing.assert_dispensable(locked, held, PLATFORM, Change.ARCHIVED)
        _forget(locked, "The user has closed his account.", actor)
    lockout.succeeded(attempt)


def _forget(user: User, reason: str, actor: Actor) -> None:
    if user.state == UserState.ARCHIVED:
        raise Conflict("The user is archived already.", code="same_state")
    email = user.email
    sessions = [str(identifier) for identifier in user.auth_sessions.values_list("id", flat=True)]
    for source in sources():
        source.erase(user, email)
    accounts.user_sessions_end(user=user, because="archived")
    _remove_files(user)
    _remove_rows(user)
    Membership.objects.filter(user=user).delete()
    Profile.objects.filter(user=user).update(
        **{f.attname: f.get_default() for f in Profile._meta.concrete_fields if not f.primary_key}
    )
    passwords.store(user, None)
    user.email, user.email_verified_at, user.last_login = f"archived-{user.id.hex}@users.invalid", None, None
    user.state, user.is_active, user.suspended_until = UserState.ARCHIVED, False, None
    user.is_super_admin = False
    user.save()
    forget_letters(email)
    forget_kept_answers(PlatformIdempotencyRecord.objects.all(), user, email)
    standing.history_write(user, PLATFORM, Change.ARCHIVED, reason, None, actor)
    audit.record("accounts.user.archived", on=user, actor=actor)
    # Last, so that what this very request has written goes with the rest.
    upkeep.forget(user.id, words=[email], objects=sessions, actor=actor)


def _remove_files(user: User) -> None:
    paths = [path for path in DataExport.objects.filter(user=user).values_list("path", flat=True) if path]
    if user.profile.avatar:
        paths.append(user.profile.avatar)

    def remove() -> None:
        for path in paths:
            default_storage.delete(path)

    transaction.on_commit(remove)


def _remove_rows(user: User) -> None:
    """Every row of the directory with a key to the user, but what says that he was and what became of him."""
    kept = {Profile, Credential, Membership, StatusChange}
    for relation in User._meta.related_objects:
        model = relation.related_model
        if model not in kept and not isinstance(model, str):
            model._default_manager.filter(**{relation.field.name: user}).delete()
    # Reasons are free text, written about a person.
    StatusChange.objects.filter(user=user).update(reason="")


def forget_letters(email: str) -> None:
    """Remove letters to an address that are not sent yet. Few ever wait."""
    for row in OutgoingLetter.objects.exclude(sealed=""):
        letter = mail.read(row.sealed)
        if letter is not None and letter.to.lower() == email.lower():
            row.delete()


def forget_kept_answers(records: models.QuerySet[Any], user: User, email: str) -> None:
    """Remove answers kept for a repeat that were given to a user, or name his address."""
    naming = records.annotate(text=Cast("body", models.TextField())).filter(text__icontains=email)
    records.filter(models.Q(caller=str(user.id)) | models.Q(pk__in=naming.values("pk"))).delete()
