"""EDGAR's files from a folder into the reference tenant, in this process: what the command does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from companies.connectors.kinds.edgar import EdgarConnector, LocalDocuments
from companies.connectors.models import UNFINISHED, Run, RunState, Source, Trigger
from companies.connectors.services import run_begin, run_execute
from organizations.models import Organization
from tenants.kernel import scope
from tenants.kernel.context import in_tenant
from tenants.kernel.errors import Conflict
from tenants.kernel.request import Actor
from tenants.selectors import reference_tenant

SOURCE = "EDGAR files"


@contextmanager
def in_reference_books(*, reason: str) -> Iterator[Organization]:
    """The reference tenant's organization, which holds the platform's companies: read and written inside."""
    with in_tenant(reference_tenant()), scope.every_organization(reason=reason):
        place = Organization.objects.get(is_default=True)
        with scope.organizations([place.id], reason=reason):
            yield place


def load_files(path: Path, *, actor: Actor) -> Run:
    """Load a folder or a file of EDGAR's; the run's report. To be called within ``in_reference_books``."""
    place = Organization.objects.get(is_default=True)
    source, _ = Source.objects.get_or_create(
        organization_id=place.id, name=SOURCE, defaults={"kind": EdgarConnector.code, "enabled": False}
    )
    # A command that was interrupted leaves its run open; nobody else runs this source.
    Run.objects.filter(source=source, state__in=UNFINISHED).update(
        state=RunState.FAILED, error="The command was interrupted."
    )
    opened = Run(
        organization_id=place.id, source=source, trigger=Trigger.COMMAND, created_by_id=actor.user_id
    )
    opened.save(force_insert=True)
    run = run_begin(run_id=opened.id)
    if run is None:
        raise Conflict("The files are being loaded already.")
    run_execute(run=run, connector=EdgarConnector(LocalDocuments(path)), actor=actor)
    return run
