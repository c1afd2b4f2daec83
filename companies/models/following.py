"""Rows that belong to a company and share its fate: hidden, shown and moved with it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from tenants.kernel.owned import OrganizationOwned, OwnedManager


class PresentRows(OwnedManager):
    """Rows whose company nobody has deleted, within the active scope."""

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(company_deleted_at=None)


class FollowsCompany(OrganizationOwned):
    """A row with a ``company``; ``objects`` does not see it while its company is deleted.

    The mark is repeated on the row, so that lists ask no other table. It is set and taken away in the
    transaction that deletes and restores the company (``companies.services.lifecycle``).
    """

    # What must be there once for a company: rows that would clash stay with a merged one. None: nothing.
    once_by: ClassVar[tuple[str, ...] | None] = None

    company_deleted_at = models.DateTimeField(
        null=True, editable=False, help_text="When its company was deleted."
    )

    objects: ClassVar[OwnedManager] = PresentRows()
    all_objects: ClassVar[OwnedManager] = OwnedManager()

    class Meta(OrganizationOwned.Meta):
        abstract = True
        base_manager_name = "all_objects"


def following_models() -> list[type[FollowsCompany]]:
    """Every table whose rows follow a company, of this app and of those above."""
    from companies.models.company import Company

    related = [relation.related_model for relation in Company._meta.related_objects]
    return [model for model in related if isinstance(model, type) and issubclass(model, FollowsCompany)]
