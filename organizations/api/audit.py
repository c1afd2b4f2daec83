"""The audit log over HTTP: an institution's for those who run it, the platform's for super admins."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

import django_filters
from django.core.validators import validate_ipv46_address
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from organizations.models import AuditEvent, AuditSeal
from tenants.kernel import scope, serializers
from tenants.kernel.audit import Category
from tenants.kernel.context import current_tenant, in_a_tenant, in_public, in_tenant
from tenants.kernel.errors import Absent
from tenants.kernel.viewsets import DeclaredViewSet
from tenants.models import PlatformAuditEvent, PlatformAuditSeal

AT_ONCE = 1000
COLUMNS = (
    *("sequence", "at", "actor_id", "actor", "action", "category", "object_type", "object_id", "object"),
    *("organization_id", "changes", "request_id", "address", "device", "via", "credential", "credential_id"),
    *("previous_hash", "hash", "id"),
)
# What a spreadsheet would take for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class AuditFilter(django_filters.FilterSet):
    """Who, what, on which object, when."""

    actor = django_filters.UUIDFilter(field_name="actor_id", label="User who did it.")
    action = django_filters.CharFilter(
        field_name="action", lookup_expr="startswith", label="Dotted action, or its beginning: `accounts.`."
    )
    category = django_filters.ChoiceFilter(choices=Category.choices, label="change, access or security.")
    object_type = django_filters.CharFilter(label="Kind of object, as `companies.Company`.")
    object = django_filters.CharFilter(field_name="object_id", label="Id of the object.")
    organization = django_filters.UUIDFilter(field_name="organization_id", label="Organization.")
    request = django_filters.CharFilter(field_name="request_id", label="Id of the request.")
    address = django_filters.CharFilter(
        field_name="address", label="Network address, exactly.", validators=[validate_ipv46_address]
    )
    since = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte", label="From this moment.")
    until = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt", label="Before this moment.")


class AuditRowOut(serializers.Serializer[Any]):
    """One row of an audit log."""

    id = serializers.UUIDField()
    sequence = serializers.IntegerField(allow_null=True, help_text="Place in the chain.")
    hash = serializers.CharField(allow_null=True, help_text="SHA-256 of the chain up to this row.")
    previous_hash = serializers.CharField(allow_null=True, help_text="The same of the row before.")
    at = serializers.DateTimeField()
    actor_id = serializers.UUIDField(allow_null=True)
    actor = serializers.CharField(help_text="The user's present address, or what stands for him.")
    action = serializers.CharField(help_text="app.entity.verb")
    category = serializers.ChoiceField(choices=Category.choices)
    object_type = serializers.CharField()
    object_id = serializers.CharField()
    object = serializers.CharField(help_text="The object's name when it happened.")
    organization_id = serializers.UUIDField(allow_null=True)
    changes = serializers.JSONField(
        help_text="By field the new value, or before and after. Secrets are masked."
    )
    request_id = serializers.CharField()
    address = serializers.CharField(allow_null=True)
    device = serializers.CharField()
    via = serializers.CharField(help_text="api, console, task or process.")
    credential = serializers.CharField(help_text="What the caller has shown: session or api_key.")
    credential_id = serializers.UUIDField(allow_null=True, help_text="Which.")


def row_of(event: Any) -> dict[str, Any]:
    """A row as it is shown."""
    named = {"actor": event.actor_name or "", "object": event.object_name or ""}
    return {column: named.get(column, getattr(event, column, None)) for column in COLUMNS}


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


def json_lines(rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """One JSON object on each line."""
    for row in rows:
        yield json.dumps({key: _plain(value) for key, value in row.items()}).encode() + b"\n"


def csv_lines(rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """A table with a header; nothing in it is a formula to a spreadsheet."""

    def line(values: list[Any]) -> bytes:
        text = io.StringIO()
        csv.writer(text).writerow(values)
        return text.getvalue().encode()

    def cell(value: Any) -> str:
        value = json.dumps(value) if isinstance(value, dict) else _plain(value)
        text = "" if value is None else str(value)
        return f"'{text}" if text.startswith(FORMULA) else text

    yield line(list(COLUMNS))
    for row in rows:
        yield line([cell(row[column]) for column in COLUMNS])


class AuditViewSet(DeclaredViewSet):
    """What happened in the institution; for those who run one organization, what happened in it."""

    events: ClassVar[type[Model]] = AuditEvent
    seals: ClassVar[type[Model]] = AuditSeal
    serializer_class = AuditRowOut
    filterset_class = AuditFilter
    keeps_answers = False
    permissions: ClassVar[dict[str, str]] = {
        "list": "audit.read",
        "export_csv": "audit.read",
        "export_jsonl": "audit.read",
    }
    throttles: ClassVar[dict[str, str]] = {"export_csv": "export", "export_jsonl": "export"}
    watched: ClassVar[dict[str, str]] = {
        "list": "organizations.audit.read",
        "export_csv": "organizations.audit.exported",
        "export_jsonl": "organizations.audit.exported",
    }

    def door(self) -> Callable[[], AbstractContextManager[Any]]:
        """The way into the log's schema, for now and for each piece of a streamed answer."""
        if not in_a_tenant():
            raise Absent()
        return partial(in_tenant, current_tenant())

    def reach(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The rows that the caller may see."""
        if self.principal.reaches_tenant:
            return rows
        return rows.filter(organization_id__in=scope.current().organization_ids or ())

    def get_queryset(self) -> QuerySet[Any]:
        """Nothing: what the description of the filters is read from; see `rows`."""
        return self.events._default_manager.none()

    def rows(self) -> QuerySet[Any]:
        seal = self.seals._default_manager.filter(event_id=OuterRef("id"))
        links = {name: Subquery(seal.values(name)[:1]) for name in ("sequence", "hash", "previous_hash")}
        events: Any = self.events._default_manager
        return self.filter_queryset(self.reach(events.named().annotate(**links))).order_by("-id")

    def list(self, request: Request) -> Response:
        """Rows, the newest first; `?cursor=` walks through all of them. The reading is recorded as well."""
        with self.door()():
            page = self.paginate_queryset(self.rows())
            return self.get_paginated_response([AuditRowOut(row_of(row)).data for row in page or []])

    def _pieces(self) -> Iterator[dict[str, Any]]:
        """Every row, the newest first, batch after batch: the view has left its tenant by then."""
        door = self.door()
        with door():
            wanted = self.rows()

        def run() -> Iterator[dict[str, Any]]:
            below = None
            while True:
                with door():
                    rest = wanted if below is None else wanted.filter(id__lt=below)
                    batch = [row_of(event) for event in rest[:AT_ONCE]]
                yield from batch
                if len(batch) < AT_ONCE:
                    return
                below = batch[-1]["id"]

        return run()

    def _file(self, lines: Iterator[bytes], media_type: str, ending: str) -> HttpResponseBase:
        answer = StreamingHttpResponse(lines, content_type=media_type)
        answer["Content-Disposition"] = f'attachment; filename="audit.{ending}"'
        return answer

    @extend_schema(
        responses={(200, "text/csv"): OpenApiTypes.STR}, summary="Export the audit log as CSV", filters=True
    )
    @action(detail=False, methods=["get"], url_path=r"export\.csv")
    def export_csv(self, request: Request) -> HttpResponseBase:
        """Every row that the filters let through, with its link of the chain."""
        return self._file(csv_lines(self._pieces()), "text/csv; charset=utf-8", "csv")

    @extend_schema(
        responses={(200, "application/x-ndjson"): OpenApiTypes.STR},
        summary="Export the audit log as JSON lines",
        filters=True,
    )
    @action(detail=False, methods=["get"], url_path=r"export\.jsonl")
    def export_jsonl(self, request: Request) -> HttpResponseBase:
        """The same, one JSON object on each line."""
        return self._file(json_lines(self._pieces()), "application/x-ndjson", "jsonl")


class PlatformAuditViewSet(AuditViewSet):
    """What happened on the platform outside any institution's schema."""

    events = PlatformAuditEvent
    seals = PlatformAuditSeal
    permissions: ClassVar[dict[str, str]] = {
        "list": "platform.read",
        "export_csv": "platform.read",
        "export_jsonl": "platform.read",
    }
    watched: ClassVar[dict[str, str]] = {
        "list": "tenants.audit.read",
        "export_csv": "tenants.audit.exported",
        "export_jsonl": "tenants.audit.exported",
    }

    def door(self) -> Callable[[], AbstractContextManager[Any]]:
        return in_public

    def reach(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows
