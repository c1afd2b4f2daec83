"""Answers that are sent piece by piece, long after the view has left its tenant and scope."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tenants.kernel import scope
from tenants.kernel.context import current_tenant, in_tenant


def stream_in_scope(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces, each made within the tenant and the scope that are active now."""
    tenant, reach = current_tenant(), scope.current()

    def run() -> Iterator[bytes]:
        source = iter(pieces)
        while True:
            with in_tenant(tenant), scope.entered(reach):
                piece = next(source, None)
            if piece is None:
                return
            yield piece

    return run()
