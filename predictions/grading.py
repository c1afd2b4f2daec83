"""What the current tenant gives out: its floor of the PD and its master scale."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from ml.masterscale import MasterScale, MasterScaleError, default_scale, parse, validate
from tenants.kernel.context import current_tenant
from tenants.kernel.errors import InvalidInput


def pd_floor() -> float | None:
    """The least PD that is given out: the tenant's, or else the platform's; None where there is none."""
    own = current_tenant().settings.pd_floor
    return (settings.PD_FLOOR if own is None else own) or None


def master_scale() -> MasterScale:
    """The tenant's master scale, or else the platform's."""
    own = current_tenant().settings.master_scale
    return parse(own) if own else default_scale()


def master_scale_check(content: Any) -> None:
    """Refuse a master scale that nothing could be graded by; raises InvalidInput that names the place."""
    try:
        validate(content)
    except MasterScaleError as error:
        pointer = f"/master_scale{error.pointer}"
        fault = {"pointer": pointer, "code": "master_scale", "detail": error.message}
        raise InvalidInput(errors=[fault]) from None
