"""The life of an organization: switched off and on, suspended and lifted, archived and restored.

What each state does to whom is a table in docs/organizations.md and data in ``accounts.permissions``.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from accounts.memberships import forget_sessions_of
from accounts.models import Membership
from organizations.authority import authority, organization_lock
from organizations.models import Organization, StateChange
from organizations.services.directory import entry_write
from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.errors import Conflict, Forbidden, InvalidInput
from tenants.kernel.owned import OrganizationOwned
from tenants.kernel.request import Actor
from tenants.models import OrganizationEntry, OrganizationState

ACTIVE, INACTIVE = OrganizationState.ACTIVE, OrganizationState.INACTIVE
SUSPENDED, ARCHIVED = OrganizationState.SUSPENDED, OrganizationState.ARCHIVED
# From which states each step leads, and where to.
STEPS: dict[str, tuple[frozenset[str], str]] = {
    "activated": (frozenset({INACTIVE}), ACTIVE),
    "deactivated": (frozenset({ACTIVE}), INACTIVE),
    "suspended": (frozenset({ACTIVE, INACTIVE}), SUSPENDED),
    "lifted": (frozenset({SUSPENDED}), ACTIVE),
    "archived": (frozenset({ACTIVE, INACTIVE, SUSPENDED}), ARCHIVED),
    "restored": (frozenset({ARCHIVED}), ACTIVE),
}
# Rows that tell of the organization itself: they neither make it full nor outlive it.
ABOUT_ITSELF = ("organizations", "joining")


def organization_activate(*, organization_id: UUID, reason: str = "", actor: Actor) -> Organization:
    """Open an inactive organization for work again."""
    return _step("activated", organization_id, reason, actor)


def organization_deactivate(*, organization_id: UUID, reason: str = "", actor: Actor) -> Organization:
    """Close an organization for work: its members read, nobody writes."""
    return _step("deactivated", organization_id, reason, actor)


def organization_suspend(*, organization_id: UUID, reason: str, actor: Actor) -> Organization:
    """Keep an organization's members out; the tenant's admins read on. A reason is needed."""
    return _step("suspended", organization_id, _reason(reason), actor)


def organization_lift(*, organization_id: UUID, reason: str = "", actor: Actor) -> Organization:
    """End a suspension."""
    return _step("lifted", organization_id, reason, actor)


def organization_archive(*, organization_id: UUID, reason: str, actor: Actor) -> Organization:
    """Put an organization away: out of every list, entered by nobody. A reason is needed."""
    return _step("archived", organization_id, _reason(reason), actor)


def organization_restore(*, organization_id: UUID, reason: str = "", actor: Actor) -> Organization:
    """Bring an archived organization back."""
    return _step("restored", organization_id, reason, actor)


def _reason(reason: str) -> str:
    if not reason.strip():
        error = {"pointer": "/reason", "code": "required", "detail": "Say why."}
        raise InvalidInput(errors=[error])
    return reason.strip()


@transaction.atomic
def _step(step: str, organization_id: UUID, reason: str, actor: Actor) -> Organization:
    organization = organization_lock(organization_id)
    allowed_from, target = STEPS[step]
    # Whoever runs an organization opens and closes it; the rest is for those who stand above it.
    own_step = step in {"activated", "deactivated"}
    standing = authority(actor, organization_id)
    if not standing.governs and not own_step:
        raise Forbidden()
    if organization.state not in allowed_from:
        said = organization.get_state_display().lower()
        raise Conflict(f"The organization is {said}.", code="wrong_state")
    if organization.is_default and target != ACTIVE:
        raise Conflict("Make another organization the default one first.", code="default_organization")
    before, organization.state = organization.state, target
    organization.archived_at = timezone.now() if target == ARCHIVED else None
    organization.save(update_fields=["state", "archived_at", "updated_at"])
    StateChange.objects.create(
        organization=organization,
        from_state=before,
        to_state=target,
        reason=reason,
        by_id=actor.user_id,
    )
    entry_write(organization)
    audit.record(
        f"organizations.organization.{step}",
        on=organization,
        changes={"state": [before, target], "reason": reason},
        actor=actor,
    )
    with in_public():
        members = Membership.objects.filter(organization_id=organization_id)
        forget_sessions_of(set(members.values_list("user_id", flat=True)))
    return organization


@transaction.atomic
def organization_delete(*, organization_id: UUID, actor: Actor) -> None:
    """Remove an organization for good: one without any content, or one archived long enough ago."""
    organization = organization_lock(organization_id)
    if not authority(actor, organization_id).governs:
        raise Forbidden()
    if organization.is_default:
        raise Conflict("Make another organization the default one first.", code="default_organization")
    content = _content(organization)
    keep = timedelta(days=settings.ORGANIZATION_DELETE_AFTER_DAYS)
    ripe = organization.archived_at is not None and organization.archived_at <= timezone.now() - keep
    if content and not ripe:
        raise Conflict(
            f"It still holds data: archive it; {keep.days} days later it can be deleted.",
            code="organization_not_empty",
            holds=content,
        )
    changes = {"name": organization.name, "held": content}
    audit.record("organizations.organization.deleted", on=organization, changes=changes, actor=actor)
    with in_public():
        members = Membership.objects.filter(organization_id=organization_id)
        forget_sessions_of(set(members.values_list("user_id", flat=True)))
        members.delete()
        OrganizationEntry.objects.filter(id=organization_id).delete()
    files = _files(organization)
    transaction.on_commit(lambda: _remove_files(files))
    for model in reversed(_owned_models()):
        model._default_manager.filter(organization_id=organization_id).delete()
    organization.delete()


def _owned_models() -> list[type[OrganizationOwned]]:
    """Every kind of row that an organization owns; what others point to comes first."""
    found = [m for m in apps.get_models() if issubclass(m, OrganizationOwned)]
    ordered: list[type[OrganizationOwned]] = []

    def add(model: type[OrganizationOwned], under_way: frozenset[type[OrganizationOwned]]) -> None:
        if model in ordered or model in under_way:
            return
        for field in model._meta.get_fields():
            target = field.related_model if field.is_relation and field.concrete else None
            if isinstance(target, type) and issubclass(target, OrganizationOwned):
                add(target, under_way | {model})
        ordered.append(model)

    for model in found:
        add(model, frozenset())
    return ordered


def _files(organization: Organization) -> list[str]:
    """Paths of the files that its rows name: uploads and what was made of them."""
    named = [m for m in _owned_models() if any(f.name == "path" for f in m._meta.concrete_fields)]
    return [
        path
        for model in named
        for path in model._default_manager.filter(organization_id=organization.id).values_list(
            "path", flat=True
        )
        if path
    ]


def _remove_files(paths: list[str]) -> None:
    for path in paths:
        default_storage.delete(path)


def _content(organization: Organization) -> list[str]:
    """What an organization holds beside the rows about itself, as plural names."""
    return [
        str(model._meta.verbose_name_plural)
        for model in _owned_models()
        if model._meta.app_label not in ABOUT_ITSELF
        and model._default_manager.filter(organization_id=organization.id).exists()
    ]
