"""One shape for every API error: RFC 9457 problem details."""

from __future__ import annotations

import http
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, RequestDataTooBig
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from psycopg.errors import UniqueViolation
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import exception_handler as drf_handler

from tenants.kernel import request as request_info
from tenants.kernel.errors import Absent, Conflict, DomainError, InvalidInput, StorageFull, TooLarge
from tenants.kernel.files import no_room

MEDIA_TYPE = "application/problem+json"
# Enough to mend a request by; the next attempt tells the rest.
MOST_ERRORS = 100
# Clients show this much of a sentence.
LONGEST_DETAIL = 100
LONGEST_ERROR = 300
TYPE_PREFIX = "urn:default-risk-platform:problem:"
# DRF's own codes, in the words of this API.
CODES = {
    "not_authenticated": "not_signed_in",
    "authentication_failed": "bad_token",
    "permission_denied": "forbidden",
    "not_found": Absent.code,
    "parse_error": "malformed_body",
    "throttled": "too_many",
}
SENTENCES = {
    "not_signed_in": "Sign in first.",
    "forbidden": "Your role does not allow this.",
    Absent.code: Absent.title,
    "malformed_body": "The body is not readable JSON.",
    "too_many": "Too many requests; wait a little.",
}


def body(status: int, code: str, detail: str, instance: str | None, **extra: Any) -> dict[str, Any]:
    """The members of a problem document."""
    detail = detail if len(detail) <= LONGEST_DETAIL else f"{detail[: LONGEST_DETAIL - 1]}…"
    return {
        "type": f"{TYPE_PREFIX}{code}",
        "title": extra.pop("title", None) or http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
        "request_id": request_info.current().request_id,
        **extra,
    }


def response(request: HttpRequest, status: int, code: str, detail: str, **extra: Any) -> HttpResponse:
    """A problem outside DRF: middleware and the handlers of unknown addresses."""
    text = json.dumps(body(status, code, detail, request.path, **extra))
    return HttpResponse(text, status=status, content_type=MEDIA_TYPE)


def leaves(detail: Any, pointer: str = "") -> Iterator[dict[str, str]]:
    """DRF's nested error detail as a flat list of JSON pointer, code and text."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            yield from leaves(value, pointer if key == "non_field_errors" else f"{pointer}/{key}")
    elif isinstance(detail, list):
        nested = any(isinstance(item, dict | list) for item in detail)
        for position, value in enumerate(detail):
            yield from leaves(value, f"{pointer}/{position}" if nested else pointer)
    else:
        text = str(detail)
        shown = text if len(text) <= LONGEST_ERROR else f"{text[: LONGEST_ERROR - 1]}…"
        yield {"pointer": pointer[:200], "code": getattr(detail, "code", "invalid"), "detail": shown}


def handle(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. A bug answers None here and becomes a bare 500 with its request id."""
    if isinstance(exc, DjangoValidationError):
        exc = exceptions.ValidationError(as_serializer_error(exc))
    elif isinstance(exc, Http404 | ObjectDoesNotExist):
        # The second: a row that somebody removed between being found and being locked.
        exc = Absent()
    elif isinstance(exc, RequestDataTooBig):
        exc = TooLarge("The body is too large.")
    elif isinstance(exc, IntegrityError) and isinstance(exc.__cause__, UniqueViolation):
        # Two at once: the check before the insert saw nothing of the other.
        exc = Conflict("Somebody made the same at the same moment.", code="duplicate")
    elif isinstance(exc, DjangoPermissionDenied):
        exc = exceptions.PermissionDenied()
    elif no_room(exc):
        # A body that was being received, or a file that was being made.
        exc = StorageFull()
    headers: dict[str, str] = {}
    if isinstance(exc, exceptions.APIException):
        answer = drf_handler(exc, context)  # sets the authentication and retry headers
        if answer is not None:
            headers = {k: v for k, v in answer.items() if k in ("WWW-Authenticate", "Retry-After", "Allow")}
        if isinstance(exc, exceptions.ValidationError):
            exc = InvalidInput(errors=list(islice(leaves(exc.detail), MOST_ERRORS)))
        else:
            raw = exc.default_code if isinstance(exc.detail, dict | list) else exc.detail.code
            code = CODES.get(str(raw), str(raw))
            return _answer(
                context, exc.status_code, code, SENTENCES.get(code, str(exc.detail)), headers=headers
            )
    if not isinstance(exc, DomainError):
        return None
    fields = dict(exc.fields)
    if exc.status == 401:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="api"')
    if "retry_after" in fields:
        headers["Retry-After"] = str(fields["retry_after"])
    detail = exc.detail
    if isinstance(exc, InvalidInput) and detail == exc.title and len(fields.get("errors") or []) == 1:  # type: ignore[arg-type]
        # One faulty field: say at once which and why.
        only = fields["errors"][0]  # type: ignore[index]
        name = only["pointer"].strip("/").replace("/", ".")
        detail = f"{name}: {only['detail']}" if name else only["detail"]
    return _answer(context, exc.status, exc.code, detail, headers=headers, title=exc.title, **fields)


def _answer(context: dict[str, Any], status: int, code: str, detail: str, **extra: Any) -> Response:
    request = context.get("request")
    headers = extra.pop("headers", None)
    instance = request.path if request is not None else None
    # The content type stays the renderer's for people in the browsable API; see viewsets.finalize.
    answer = Response(body(status, code, detail, instance, **extra), status=status, headers=headers)
    answer.is_problem = True  # type: ignore[attr-defined]
    return answer


# Refusals of Django's own, by their status.
PLAIN = {
    400: ("malformed_request", "The request could not be read."),
    403: ("forbidden", "Your role does not allow this."),
    404: (Absent.code, Absent.title),
    405: ("method_not_allowed", "This address does not take this method."),
    413: ("too_large", "The body is too large."),
    500: ("internal", "Something went wrong on our side; it has been recorded."),
}


def wanted(request: HttpRequest) -> bool:
    """Whether a refusal is for a program: on the API's addresses, and for whoever asks for no page."""
    if request.path.startswith(("/api/", "/.well-known/", "/health/")):
        return True
    return "text/html" not in request.headers.get("Accept", "")


def _refuse(request: HttpRequest, status: int, code: str = "", detail: str = "") -> HttpResponse:
    """A refusal as a problem, or as a page for people, which needs no database, session or site."""
    known = PLAIN[status]
    code, detail = code or known[0], detail or known[1]
    if wanted(request):
        return response(request, status, code, detail)
    title = http.HTTPStatus(status).phrase
    known_as = request_info.current().request_id
    page = render_to_string("console/plain.html", {"title": title, "detail": detail, "request_id": known_as})
    return HttpResponse(page, status=status)


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Unknown addresses: the same body as a row that does not exist."""
    return _refuse(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """A bug: nothing of it leaves the process but the request's id."""
    return _refuse(request, 500)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _refuse(request, 413 if isinstance(exception, RequestDataTooBig) else 400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _refuse(request, 403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form, or a request with the console's cookie, that does not prove where it comes from."""
    return _refuse(request, 403, "csrf_failed", "The form has expired or came from elsewhere; load it again.")
