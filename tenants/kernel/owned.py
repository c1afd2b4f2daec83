"""Rows that belong to one organization of one tenant, guarded in both directions.

The default manager (which DRF's related fields, the admin and Django's own relations use as well)
filters by the active scope and raises where there is none. A queryset remembers the schema and the
scope in which it was built and refuses to run in another; an instance refuses to be saved elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from django.db import models
from django.db.models import sql

from tenants.kernel import scope
from tenants.kernel.context import current_schema
from tenants.kernel.errors import OutOfScope
from tenants.kernel.ids import uuid7


class Identified(models.Model):
    """A row with a time-ordered identifier."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    class Meta:
        abstract = True


class SchemaBoundQuery(sql.Query):
    """A query that compiles only in the schema and within the scope in which it was built.

    Every way of running a queryset (iteration, count, exists, aggregate, subquery) asks for a
    compiler, so this is the one place to check.
    """

    bound_schema: str | None = None
    bound_scope: scope.Scope | None = None

    def get_compiler(self, *args: Any, **kwargs: Any) -> Any:
        if self.bound_schema is not None and self.bound_schema != current_schema():
            raise OutOfScope(f"a queryset built in {self.bound_schema} ran in {current_schema()}")
        if self.bound_scope is not None and not scope.current().covers(self.bound_scope):
            raise OutOfScope("a queryset built in one scope ran in another")
        return super().get_compiler(*args, **kwargs)


class SchemaBoundQuerySet(models.QuerySet[Any]):
    """A queryset of a tenant's rows that stays in its tenant."""

    query: SchemaBoundQuery

    def __init__(self, model: Any = None, query: Any = None, using: Any = None, hints: Any = None) -> None:
        if query is None and model is not None:
            query = SchemaBoundQuery(model)
            query.bound_schema = current_schema()
        super().__init__(model=model, query=query, using=using, hints=hints)

    def _check_bounds(self) -> None:
        # UPDATE and DELETE run as queries of other classes: ask this one first.
        self.query.get_compiler(self.db)

    def update(self, **kwargs: Any) -> int:
        self._check_bounds()
        return super().update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        self._check_bounds()
        return super().delete()


class OwnedQuerySet(SchemaBoundQuerySet):
    """A queryset of organization-owned rows."""

    def update(self, **kwargs: Any) -> int:
        if {"organization", "organization_id"} & kwargs.keys():
            raise OutOfScope("rows change their organization in a service, never by update()")
        return super().update(**kwargs)

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        rows = list(objs)
        for row in rows:
            row.assert_writable()
        return super().bulk_create(rows, *args, **kwargs)


class Scoped:
    """What makes a manager give the rows of the active scope only, and none where no scope is active."""

    scope_field = "organization_id"

    def get_queryset(self) -> Any:
        active = scope.current()
        rows = super().get_queryset()  # type: ignore[misc]
        rows.query.bound_scope = active
        if active.organization_ids is None:
            return rows
        return rows.filter(**{f"{self.scope_field}__in": active.organization_ids})


class OwnedManager(Scoped, models.Manager.from_queryset(OwnedQuerySet)):  # type: ignore[misc]
    """The only way to organization-owned rows: those of the active scope."""


class SchemaBound(Identified):
    """A row of a tenant's schema that refuses to be written into another."""

    _schema: str | None = None

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.assert_writable()
        super().save(*args, **kwargs)
        self._schema = current_schema()

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        self.assert_writable()
        return super().delete(*args, **kwargs)

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Self:
        row = super().from_db(*args, **kwargs)
        row._schema = current_schema()
        return row

    def assert_writable(self) -> None:
        if self._schema not in {None, current_schema()}:
            raise OutOfScope(f"{self._meta.label} was loaded in {self._schema}")


class OrganizationOwned(SchemaBound):
    """A row that belongs to exactly one organization of the tenant."""

    organization = models.ForeignKey(
        "organizations.Organization", on_delete=models.PROTECT, related_name="+", editable=False
    )

    objects = OwnedManager()

    class Meta:
        abstract = True
        # Relations and refresh_from_db go through the guard as well.
        base_manager_name = "objects"

    def assert_writable(self) -> None:
        super().assert_writable()
        if not scope.current().allows(self.organization_id):
            raise OutOfScope(f"{self._meta.label} of another organization")
