"""What a connector is: it fetches documents, normalises each, and the result is ingested.

A connector is a subclass of ``Connector`` in a module of its own under ``kinds/`` and an entry in
``registry.KINDS``. It knows its source and nothing of the database; what it yields is written by
``services.ingesting`` for all connectors alike, so that one document twice has one effect.
"""

from __future__ import annotations

import hashlib
import io
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, ClassVar

_PIECE = 1 << 20


@dataclass(slots=True)
class FetchedDocument:
    """A document of a source: in memory, or as a file where it is large."""

    key: str
    content: bytes = b""
    path: Path | None = None

    def open(self) -> IO[bytes]:
        return self.path.open("rb") if self.path is not None else io.BytesIO(self.content)

    def read(self) -> bytes:
        return self.path.read_bytes() if self.path is not None else self.content

    @property
    def content_hash(self) -> str:
        """SHA-256 of the content, read in pieces."""
        digest = hashlib.sha256()
        with self.open() as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class StatementFound:
    """A period as a document tells it, of the company that ``company`` names (a key of the same batch).

    Amounts are in millions of ``currency``. ``document`` names the kind of document: two kinds that hold the
    same filing do not contradict each other.
    """

    company: str
    kind: str
    fiscal_year: int
    fiscal_quarter: int | None
    amounts: Mapping[str, Decimal]
    currency: str
    document: str
    period_end: date | None = None
    months: int | None = None
    unit: str = "units"
    form: str = ""
    source: str = ""
    source_ref: Mapping[str, Any] = field(default_factory=dict)
    filing_id: str = ""
    filed_on: date | None = None
    is_derived: bool = False


@dataclass(frozen=True, slots=True)
class DefaultFound:
    """A default of a company."""

    company: str
    on: date
    kind: str
    filing_id: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """What a document holds and cannot be taken: where, why as a code, and in a sentence."""

    where: str
    code: str
    reason: str


@dataclass(slots=True)
class Batch:
    """A piece of a document, small enough for one transaction.

    ``companies`` maps a key of the connector's own to what is said of the company, in the names that
    ``companies_upsert`` takes.
    """

    companies: dict[str, dict[str, Any]] = field(default_factory=dict)
    statements: list[StatementFound] = field(default_factory=list)
    defaults: list[DefaultFound] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    # Whether it tells of the past: a company that is known only learns what it lacks.
    is_history: bool = False


class Connector(ABC):
    """A way to a source. Made for one run; ``options`` are those of the source, checked before."""

    code: ClassVar[str]
    about: ClassVar[str]
    # Whether it fills the platform's reference data, which only super admins write.
    reference_only: ClassVar[bool] = False
    option_help: ClassVar[Mapping[str, str]] = {}

    @classmethod
    @abstractmethod
    def check(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options as they are kept. Raises InvalidInput with every fault."""

    @classmethod
    @abstractmethod
    def circuit_name(cls, schema: str, source_id: str) -> str:
        """Name of the circuit that guards the source: shared by all who would ask the same machine."""

    @abstractmethod
    def fetch(self, *, done: Collection[str]) -> Iterator[FetchedDocument]:
        """The documents of the source, those not in ``done`` (keys this run has handled before).

        Raises SourceFailed and CircuitOpen.
        """

    @abstractmethod
    def normalise(self, document: FetchedDocument) -> Iterator[Batch]:
        """What a document says, in the platform's terms. Raises Unreadable."""

    def always_reads(self, document: FetchedDocument) -> bool:
        """Whether a document is read even if its content is known: what others cannot be read without."""
        return False

    def ingest(self, batch: Batch, writer: Any) -> None:
        """Hand a batch to the writer (``services.ingesting.Writer``); a connector may add to it here."""
        writer.write(batch)
