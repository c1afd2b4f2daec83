"""The smallest endpoint that there is, once with the rule of tenancy and permission and once without."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.kernel.routers import Router
from tenants.kernel.viewsets import ANYONE, DeclaredViewSet


class MinimalViewSet(DeclaredViewSet):
    permissions: ClassVar[dict[str, str]] = {"open": ANYONE, "guarded": "companies.read"}

    @action(detail=False, methods=["get"])
    def open(self, request: Request) -> Response:
        return Response({"answer": 42})

    @action(detail=False, methods=["get"])
    def guarded(self, request: Request) -> Response:
        return Response({"answer": 42})


_router = Router()
_router.register("minimal", MinimalViewSet, basename="minimal")
urlpatterns = _router.urls
