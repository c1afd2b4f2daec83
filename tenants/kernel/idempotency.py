"""Writes that may be repeated: the answer to an ``Idempotency-Key`` is kept for a day.

Same key, same request: the kept answer. Same key, another request: 422. Still running: 409. Nothing
is kept of an answer of 500 and above, so that a repaired server can be asked again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.kernel.context import in_a_tenant
from tenants.kernel.errors import Conflict, InvalidInput, Unprocessable
from tenants.kernel.owned import Identified

TENANT_TABLE = "organizations.IdempotencyRecord"
PLATFORM_TABLE = "tenants.PlatformIdempotencyRecord"
KEPT = timedelta(hours=24)
# A request that has not answered after this long is taken for dead, and its key is free again.
ABANDONED = timedelta(minutes=10)


class IdempotencyBase(Identified):
    """One key of one caller on one route."""

    caller = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    route = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.route} {self.key}"


@dataclass(slots=True)
class Claim:
    """A key taken by the running request."""

    record: Any

    def keep(self, response: Response) -> None:
        """Store the answer, or free the key where the answer is not worth repeating."""
        if response.status_code >= 500:
            self.record.delete()
            return
        self.record.status = response.status_code
        # As the client saw it: decimals are numbers there.
        self.record.body = (
            json.loads(JSONRenderer().render(response.data)) if response.data is not None else None
        )
        self.record.save(update_fields=["status", "body"])

    def free(self) -> None:
        self.record.delete()


def fingerprint(request: Request) -> str:
    """A digest of what is asked: method, path, query and body, with the content of every file."""
    place = getattr(request.auth, "organization_id", None)
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()} {place}\n".encode())
    if (request.content_type or "").startswith("multipart/"):
        for name, value in sorted(request.POST.items()):
            digest.update(f"{name}={value}\n".encode())
        for name, file in sorted(request.FILES.items()):
            digest.update(f"{name}={file.name}\n".encode())
            for piece in file.chunks():
                digest.update(piece)
            file.seek(0)
    else:
        digest.update(request._request.body)
    return digest.hexdigest()


def claim(request: Request, *, caller: str, route: str) -> Claim | Response | None:
    """None without a key; the kept answer of a repeat; else a claim to be kept or freed."""
    key = request.headers.get("Idempotency-Key")
    if key is None or request.method not in {"POST", "PUT", "PATCH"}:
        return None
    if not 1 <= len(key) <= 255:
        raise InvalidInput("An idempotency key has 1 to 255 characters.", code="bad_idempotency_key")
    table = apps.get_model(TENANT_TABLE if in_a_tenant() else PLATFORM_TABLE)
    # The form must be read before the body's digest is taken from it.
    _ = request.data
    digest = fingerprint(request)
    identity = {"caller": caller, "key": key, "route": route}
    try:
        with transaction.atomic():
            return Claim(table.objects.create(**identity, fingerprint=digest))
    except IntegrityError:
        kept = table.objects.filter(**identity).first()
    age = timezone.now() - kept.created_at if kept else KEPT
    if kept is None or age > KEPT or (kept.status is None and age > ABANDONED):
        if kept is not None:  # this very row: a sibling may have claimed the key anew
            table.objects.filter(pk=kept.pk).delete()
        return claim(request, caller=caller, route=route)
    if kept.fingerprint != digest:
        raise Unprocessable(
            "This idempotency key was used for another request.", code="idempotency_key_reused"
        )
    if kept.status is None:
        raise Conflict("A request with this idempotency key is still running.", code="request_in_flight")
    answer = Response(kept.body, status=kept.status, headers={"Idempotency-Replayed": "true"})
    answer.is_problem = kept.status >= 400  # type: ignore[attr-defined]
    return answer
