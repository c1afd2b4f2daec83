"""How an institution looks in its console and its mails."""

from __future__ import annotations

import hashlib
import re
from typing import IO, Any
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.etags import ANY_STATE, Precondition
from tenants.kernel.files import keep_file
from tenants.kernel.images import png_from
from tenants.kernel.request import Actor
from tenants.models import TenantSettings
from tenants.models.settings import COLOUR_FORM
from tenants.services.base import field_error, forget_on_commit, locked, locked_settings, save_changed

LONGEST_SIDE = 512


@transaction.atomic
def branding_update(
    *, tenant_id: UUID, changes: dict[str, Any], expected: Precondition = ANY_STATE, actor: Actor
) -> TenantSettings:
    """Change display name and colours. Raises InvalidInput for what is no colour."""
    with in_public():
        tenant = locked(tenant_id)
        row = locked_settings(tenant)
        expected.check(row)
        for field, value in changes.items():
            if field in {"brand_colour", "brand_accent"} and value and not re.match(COLOUR_FORM, value):
                raise field_error(field, "invalid", "A colour is written #rrggbb.")
        record = {f: [getattr(row, f), v] for f, v in changes.items() if getattr(row, f) != v}
        if record:
            for field, (_, value) in record.items():
                setattr(row, field, value)
            save_changed(row, *record)
            audit.record("tenants.branding.changed", on=tenant, changes=record, actor=actor)
            forget_on_commit(tenant)
    return row


@transaction.atomic
def logo_set(*, tenant_id: UUID, file: IO[bytes], actor: Actor) -> TenantSettings:
    """Take a picture as the institution's logo: decoded and written anew as a PNG."""
    picture = png_from(file, longest=LONGEST_SIDE, field="file")
    with in_public():
        tenant = locked(tenant_id)
        row = locked_settings(tenant)
        # The name is the content's: what a browser keeps of it is never stale.
        digest = hashlib.sha256(picture).hexdigest()[:20]
        name = f"{tenant.schema_name}/branding/{digest}.png"
        if row.logo_path != name:
            before = row.logo_path
            if default_storage.exists(name):
                default_storage.delete(name)
            row.logo_path = keep_file(name, ContentFile(picture))
            save_changed(row, "logo_path")
            audit.record("tenants.branding.logo_set", on=tenant, changes={"sha256": digest}, actor=actor)
            forget_on_commit(tenant)
            if before:
                transaction.on_commit(lambda: default_storage.delete(before))
    return row


@transaction.atomic
def logo_remove(*, tenant_id: UUID, actor: Actor) -> TenantSettings:
    """Show the institution without a logo again."""
    with in_public():
        tenant = locked(tenant_id)
        row = locked_settings(tenant)
        if before := row.logo_path:
            row.logo_path = ""
            save_changed(row, "logo_path")
            audit.record("tenants.branding.logo_removed", on=tenant, actor=actor)
            forget_on_commit(tenant)
            transaction.on_commit(lambda: default_storage.delete(before))
    return row
