"""The connectors that there are, and how one is made for a run."""

from __future__ import annotations

from companies.connectors.base import Connector
from companies.connectors.circuits import Circuit
from companies.connectors.kinds.edgar import EdgarConnector, SecDocuments
from companies.connectors.kinds.file_drop import FileDropConnector, drop_storage
from companies.connectors.models import Source
from tenants.kernel.context import current_schema

KINDS: dict[str, type[Connector]] = {
    EdgarConnector.code: EdgarConnector,
    FileDropConnector.code: FileDropConnector,
}


def circuit_name(source: Source) -> str:
    """Name of the circuit that guards a source."""
    return KINDS[source.kind].circuit_name(current_schema(), str(source.id))


def connector_for(source: Source) -> Connector:
    """The connector of a source, ready to run. Raises SecretMissing and SourceFailed."""
    circuit = Circuit(circuit_name(source))
    if source.kind == EdgarConnector.code:
        return EdgarConnector(SecDocuments(source.options, circuit=circuit))
    storage = drop_storage(
        source.options, schema=current_schema(), organization_id=str(source.organization_id)
    )
    return FileDropConnector(source.options, storage=storage, circuit=circuit)
