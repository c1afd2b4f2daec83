"""How the demo's institutions look, and its second one: a credit union with other colours, fewer modules."""

from __future__ import annotations

import io
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from PIL import Image, ImageDraw

from organizations import services as organizations
from predictions.management.demo_summary import DEMO_PASSWORD, HARBOR_ADMIN
from tenants import services
from tenants.kernel.context import TenantRef, in_public
from tenants.kernel.request import Actor
from tenants.models import OrganizationEntry, Tenant

HARBOR = "Harbor Credit Union"
HARBOR_LENDING = "Member Lending"
# Its companies, by number: the last ones that can be made up.
HARBOR_NUMBERS = range(890, 898)


@dataclass(frozen=True, slots=True)
class Looks:
    """Colours of an institution, and the bars of its logo."""

    colour: str
    accent: str
    bars: tuple[int, ...]


BANK_LOOKS = Looks("#1f4e8c", "#c8963e", (28, 52, 40, 72))
HARBOR_LOOKS = Looks("#0f766e", "#f59e0b", (64, 36, 56, 30))


def harbor_host() -> str:
    """The credit union's host."""
    return f"harbor.{settings.TENANT_HOST_SUFFIX}"


def harbor_ensure(*, actor: Actor) -> tuple[TenantRef, UUID]:
    """The credit union and its organization, made where they are missing. Scoring files is off there."""
    with in_public():
        found = Tenant.objects.select_related("settings").filter(domains__domain=harbor_host()).first()
    if found is None:
        found = organizations.tenant_open(
            name=HARBOR,
            admin_email=HARBOR_ADMIN.email,
            admin_password=DEMO_PASSWORD,
            admin_full_name=HARBOR_ADMIN.name,
            domain=harbor_host(),
            slug="harbor",
            organization_name=HARBOR_LENDING,
            description="A made-up credit union: the second institution of the demo.",
            actor=actor,
        ).tenant
        services.modules_set(
            tenant_id=found.id,
            switches={"bulk_scoring": False, "own_models": False},
            by_platform=True,
            actor=actor,
        )
        brand(found.id, "Harbor CU", HARBOR_LOOKS, actor=actor)
    with in_public():
        entry = OrganizationEntry.objects.get(tenant_id=found.id, is_default=True)
        fresh = Tenant.objects.select_related("settings").get(id=found.id)
    return fresh.ref, entry.id


def brand(tenant_id: UUID, name: str, looks: Looks, *, actor: Actor) -> None:
    """Give an institution a display name, colours and a drawn logo."""
    changes = {"display_name": name, "brand_colour": looks.colour, "brand_accent": looks.accent}
    services.branding_update(tenant_id=tenant_id, changes=changes, actor=actor)
    services.logo_set(tenant_id=tenant_id, file=_logo(looks), actor=actor)


def _logo(looks: Looks) -> io.BytesIO:
    """A square with bars, so that no picture has to lie in the repository."""
    picture = Image.new("RGBA", (128, 128), (0, 0, 0, 0))
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle((0, 0, 127, 127), radius=26, fill=looks.colour)
    for place, height in enumerate(looks.bars):
        left = 24 + 22 * place
        fill = looks.accent if place == len(looks.bars) - 1 else "#ffffff"
        pen.rounded_rectangle((left, 100 - height, left + 14, 100), radius=4, fill=fill)
    written = io.BytesIO()
    picture.save(written, "PNG")
    written.seek(0)
    return written
