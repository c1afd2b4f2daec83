"""What tenants hold of a person: his workspace, and what their logs and kept answers say of him.

Named in PERSONAL_DATA_SOURCES: ``accounts`` stands below and calls it when somebody asks for his data or
to be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from uuid import UUID

from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError, RestrictedError

from accounts.models import Membership, User
from accounts.permissions import Role
from accounts.privacy.exporting import audit_rows, rows
from accounts.privacy.services import forget_kept_answers
from accounts.privacy.sources import Part
from organizations.models import AuditEvent, IdempotencyRecord, Organization
from tenants import selectors as directory
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, in_public, in_tenant
from tenants.kernel.files import remove_folder
from tenants.kernel.owned import OrganizationOwned
from tenants.models import OrganizationEntry


def collect(user: User) -> Iterable[Part]:
    """Every row of the user's workspace, and what the logs of his institutions say of him."""
    yield from _workspace_parts(user)
    for tenant in _tenants_of(user):
        with in_tenant(tenant):
            yield f"audit_{tenant.slug}", audit_rows(AuditEvent.objects.all(), user)


def erase(user: User, email: str) -> None:
    """Remove the user's workspace with all it holds, and kept answers that name him.

    What he made for institutions is theirs and stays; it names him by his id only.
    """
    for tenant in _tenants_of(user):
        with in_tenant(tenant):
            forget_kept_answers(IdempotencyRecord.objects.all(), user, email)
    for organization_id in _workspaces_of(user):
        with in_tenant(directory.personal_tenant()):
            _remove_workspace(organization_id)
        with in_public():
            Membership.objects.filter(organization_id=organization_id).delete()
            OrganizationEntry.objects.filter(id=organization_id).delete()


def owned_models() -> list[type[OrganizationOwned]]:
    """Every table whose rows belong to an organization, of all apps."""
    return [m for m in apps.get_models() if issubclass(m, OrganizationOwned)]


def _tenants_of(user: User) -> list[TenantRef]:
    with in_public():
        ids = set(Membership.objects.filter(user=user).values_list("tenant_id", flat=True))
    return [tenant for i in sorted(ids) if (tenant := directory.tenant_by_id(i)) is not None]


def _workspaces_of(user: User) -> list[UUID]:
    with in_public():
        held = Membership.objects.filter(user=user, role=Role.INDIVIDUAL)
        return [i for i in held.values_list("organization_id", flat=True) if i is not None]


def _workspace_parts(user: User) -> Iterator[Part]:
    ids = _workspaces_of(user)
    if not ids:
        return
    with in_tenant(directory.personal_tenant()), scope.organizations(ids, reason="export of personal data"):
        yield "workspace", rows(Organization.objects.filter(id__in=ids))
        for model in owned_models():
            found = rows(model._default_manager.filter(organization_id__in=ids))
            if found:
                yield f"workspace_{model._meta.label_lower.replace('.', '_')}", found


def _remove_workspace(organization_id: UUID) -> None:
    """Remove the rows of a workspace table by table, those that others point at when the others are gone."""
    with scope.organizations([organization_id], reason="archive a person"):
        _remove_files(organization_id)
        waiting = owned_models()
        while waiting:
            left = [model for model in waiting if not _removed(model, organization_id)]
            if len(left) == len(waiting):
                raise IntegrityError(f"rows of {left[0]._meta.label} cannot be removed")
            waiting = left
        Organization.objects.filter(id=organization_id).delete()


def _removed(model: type[models.Model], organization_id: UUID) -> bool:
    try:
        with transaction.atomic():
            model._default_manager.filter(organization_id=organization_id).delete()
    except (IntegrityError, ProtectedError, RestrictedError):
        return False
    return True


def _remove_files(organization_id: UUID) -> None:
    """Uploads lie in a folder for each job; a dry run has that of the job it may become."""
    uploads = [apps.get_model("predictions", "ScoringJob"), apps.get_model("dry_runs", "DryRun")]
    folders = {
        f"{directory.personal_tenant().schema_name}/jobs/{pk}"
        for model in uploads
        for pk in model.objects.values_list("pk", flat=True)
    }

    def remove() -> None:
        for folder in folders:
            remove_folder(folder)

    transaction.on_commit(remove)
