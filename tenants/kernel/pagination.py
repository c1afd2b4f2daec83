"""Two ways through a list: pages for people, cursors for programs that walk everything."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.pagination import BasePagination, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants.kernel import stamps
from tenants.kernel.errors import InvalidInput

DEFAULT_SIZE = 50
MAX_SIZE = 100


class _Walk(CursorPagination):
    # Identifiers are unique and in the order of time, so a walk needs nothing else: rows of one batch
    # share their moment of creation.
    ordering = ("-id",)
    cursor_query_param = "cursor"


class EnvelopePagination(BasePagination):
    """``items, total, page, size, pages``; with ``?cursor=`` instead ``items, next, previous``.

    ``limit`` means ``size``; ``skip`` and ``offset`` are accepted. A size above the cap is clamped.
    A view may set ``max_size``, and ``list_aliases``: by action the key that older clients read.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        aliases: dict[str, str] = getattr(view, "list_aliases", {})
        self.alias = aliases.get(str(getattr(view, "action", "")))
        self.size = self._size(request, getattr(view, "max_size", MAX_SIZE))
        self.walk: _Walk | None = None
        self.offset: int | None = None
        page = self._whole(request, "page", 1)
        if "cursor" in request.query_params:
            self.walk = _Walk()
            self.walk.page_size = self.size
            return list(self.walk.paginate_queryset(queryset, request, view) or [])
        self.total = stamps.total(queryset) if isinstance(queryset, QuerySet) else queryset.count()
        offset = self._whole(request, "offset", self._whole(request, "skip", -1))
        if offset < 0:
            offset = (max(page, 1) - 1) * self.size
        self.offset = offset
        # To find that there is nothing takes as long as walking through everything.
        return list(queryset[offset : offset + self.size]) if offset < self.total else []

    def _size(self, request: Request, cap: int) -> int:
        asked = self._whole(request, "size", self._whole(request, "limit", DEFAULT_SIZE))
        return min(max(asked, 1), cap)

    @staticmethod
    def _whole(request: Request, name: str, default: int) -> int:
        values = request.query_params.getlist(name)
        if values in ([], [""]):
            return default
        try:
            (value,) = values  # of two nobody knows which one is meant
            return min(int(value), 10_000_000)
        except ValueError:
            raise InvalidInput(
                errors=[{"pointer": f"/{name}", "code": "invalid", "detail": "One whole number is needed."}]
            ) from None

    def get_paginated_response(self, data: Any) -> Response:
        if self.walk is not None:
            links = {"next": self.walk.get_next_link(), "previous": self.walk.get_previous_link()}
            return Response({"items": data, **links})
        offset = self.offset or 0
        page = {
            "items": data,
            "total": self.total,
            "page": offset // self.size + 1,
            "size": self.size,
            "pages": -(-self.total // self.size),
        }
        if self.alias:
            page |= {self.alias: data, "skip": offset, "limit": self.size}
        return Response(page)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        whole = {"type": "integer"}
        return {
            "type": "object",
            "required": ["items"],
            "properties": {
                "items": schema,
                "total": {**whole, "description": "Rows in all; absent when walking by cursor."},
                "page": whole,
                "size": whole,
                "pages": whole,
                "next": {"type": "string", "nullable": True, "description": "Only when walking by cursor."},
                "previous": {"type": "string", "nullable": True},
            },
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        def parameter(name: str, kind: str, text: str) -> dict[str, Any]:
            schema = {"type": kind}
            return {"name": name, "required": False, "in": "query", "description": text, "schema": schema}

        return [
            parameter("page", "integer", "Page, from 1."),
            parameter(
                "size", "integer", f"Rows a page; {DEFAULT_SIZE} by default, clamped to the list's cap."
            ),
            parameter(
                "cursor", "string", "Empty to start a walk over everything, then the `next` of the answer."
            ),
        ]
