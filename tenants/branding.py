"""How an institution looks to the outside: its logo by address, its colours in shades."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from uuid import UUID

from django.core.files.storage import default_storage
from django.http import FileResponse, HttpRequest, HttpResponseNotModified
from django.http.response import HttpResponseBase

from tenants import selectors
from tenants.kernel import problem
from tenants.kernel.context import TenantRef
from tenants.kernel.etags import names_in

YEAR = 365 * 24 * 3600
STEPS = (50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 950)
# How much white (above 0) or black (below) is mixed into the colour for each of the steps.
_MIX = (0.95, 0.88, 0.75, 0.58, 0.35, 0.15, 0.0, -0.15, -0.3, -0.45, -0.62)
_HEX = re.compile(r"#[0-9a-fA-F]{6}")


def logo_url(tenant: TenantRef) -> str | None:
    """Where the tenant's logo is, on its own hosts and on the platform's; None where it has none."""
    path = tenant.brand.logo_path
    return f"/branding/{tenant.id}/{PurePosixPath(path).name}" if path else None


def logo(request: HttpRequest, tenant_id: UUID, name: str) -> HttpResponseBase:
    """The logo, to anybody. Its name is its content's digest, so browsers may keep it for good."""
    tenant = selectors.tenant_by_id(tenant_id)
    here = getattr(request, "tenant", None)
    foreign = not getattr(request, "on_platform", False) and (here is None or here.id != tenant_id)
    if tenant is None or foreign or PurePosixPath(tenant.brand.logo_path).name != name:
        return problem.page_not_found(request)
    if name in (names_in(request.headers.get("If-None-Match")) or ()):
        return HttpResponseNotModified(headers={"ETag": f'"{name}"'})
    try:
        stored = default_storage.open(tenant.brand.logo_path)
    except FileNotFoundError:
        return problem.page_not_found(request)
    return FileResponse(
        stored,
        content_type="image/png",
        headers={
            "Cache-Control": f"public, max-age={YEAR}, immutable",
            "ETag": f'"{name}"',
            "Content-Security-Policy": "default-src 'none'",
        },
    )


def shades(colour: str) -> dict[str, str] | None:
    """A colour from light to dark in the steps that the console's theme asks for; None for no colour."""
    if not _HEX.fullmatch(colour):
        return None
    channels = [int(colour[n : n + 2], 16) for n in (1, 3, 5)]

    def mixed(share: float) -> str:
        target = 255 if share > 0 else 0
        return "rgb({} {} {})".format(*(round(c + (target - c) * abs(share)) for c in channels))

    return {str(step): mixed(share) for step, share in zip(STEPS, _MIX, strict=True)}
