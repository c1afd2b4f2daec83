"""What every answer tells browsers not to do, and how large a request may be."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from tenants.kernel import problem

GetResponse = Callable[[HttpRequest], HttpResponse]

# What no page of ours asks for.
PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        *("accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "fullscreen"),
        *("geolocation", "gyroscope", "hid", "magnetometer", "microphone", "midi", "payment"),
        *("picture-in-picture", "screen-wake-lock", "serial", "usb", "xr-spatial-tracking"),
    )
)
_PAGE = {
    "default-src": "'self'",
    "script-src": "'self' {nonce}",
    # Widgets are placed by style attributes; a style runs nothing.
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
# The console's widgets (Alpine) read expressions out of attributes, which a browser counts as eval. No
# script in the page itself runs without the nonce.
CONSOLE = _PAGE | {"script-src": "'self' {nonce} 'unsafe-eval'"}
# Redoc searches in a worker made of a blob.
DOCUMENTATION = _PAGE | {"worker-src": "'self' blob:"}
NOTHING = {"default-src": "'none'", "frame-ancestors": "'none'", "sandbox": ""}


def _connections(request: HttpRequest) -> dict[str, str]:
    """Where a console's script may connect: its own origin, and the same host's process of live progress."""
    if not settings.STREAM_PORT:
        return {}
    host = request.get_host().rpartition("@")[2].partition(":")[0]
    return {"connect-src": f"'self' {request.scheme}://{host}:{settings.STREAM_PORT}"}


def policy(request: HttpRequest, content_type: str) -> str:
    """The Content-Security-Policy of an answer."""
    if not content_type.startswith(("text/html", "application/xhtml")):
        chosen = NOTHING
    elif request.path.startswith("/admin"):
        chosen = CONSOLE | _connections(request)
    elif request.path.strip("/").removeprefix("api/") in {"docs", "redoc"}:
        chosen = DOCUMENTATION
    else:
        chosen = _PAGE
    # A nonce that no template has asked for would only be noise.
    used = f"'nonce-{request.csp_nonce}'" if getattr(request, "csp_nonce_used", False) else ""  # type: ignore[attr-defined]
    return "; ".join(
        f"{name} {' '.join(value.format(nonce=used).split())}".strip() for name, value in chosen.items()
    )


class ProtectionMiddleware:
    """Refuse requests that are too large to be meant, and send every answer with its headers."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        def nonce() -> str:
            request.csp_nonce_used = True  # type: ignore[attr-defined]
            return secrets.token_urlsafe(16)

        request.csp_nonce = SimpleLazyObject(nonce)  # type: ignore[attr-defined]
        response = self._too_large(request) or self.get_response(request)
        if problem.wanted(request) and response.status_code >= 400:
            response = self._in_words(request, response)
        content_type = response.get("Content-Type", "")
        headers = response.headers
        headers.setdefault("Content-Security-Policy", policy(request, content_type))
        headers.setdefault("Permissions-Policy", PERMISSIONS)
        # Logos and avatars are shown by clients on other hosts; everything else is read by CORS or not.
        shared = content_type.startswith("image/")
        headers.setdefault("Cross-Origin-Resource-Policy", "cross-origin" if shared else "same-origin")
        return response

    def _too_large(self, request: HttpRequest) -> HttpResponse | None:
        sent = sum(len(str(k)) + len(str(v)) for k, v in request.META.items() if k.startswith("HTTP_"))
        if sent > settings.HEADERS_MAX_BYTES:
            return problem.response(request, 431, "headers_too_large", "The headers are too large.")
        if len(request.META.get("QUERY_STRING", "")) > settings.QUERY_MAX_BYTES:
            return problem.response(request, 414, "address_too_long", "The address is too long.")
        return None

    def _in_words(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """A refusal of Django's own, as a problem: programs switch on its code."""
        said: Any = response
        if hasattr(said, "accepted_renderer") or response.get("Content-Type") == problem.MEDIA_TYPE:
            return response
        if response.streaming or not response.get("Content-Type", "").startswith("text/html"):
            return response
        code, detail = problem.PLAIN.get(response.status_code, ("refused", "The request was refused."))
        told = problem.response(request, response.status_code, code, detail)
        if "Allow" in response:
            told["Allow"] = response["Allow"]
        return told
