"""Verification of a log: every row changed, removed, inserted or moved is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import transaction
from django.db.models import Exists, OuterRef

from tenants.kernel.audit import canonical
from tenants.kernel.audit.records import AuditRecord
from tenants.kernel.audit.records import table as current_table
from tenants.kernel.context import current_schema, in_public

FORGOTTEN = "security.person.forgotten"
AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a log."""

    what: str
    """changed, removed, inserted, moved, blanked, rewritten or cut."""
    sequence: int | None
    event_id: UUID | None
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """What verification saw of one schema's log."""

    schema_name: str
    rows: int
    sequence: int
    hash: str
    findings: tuple[Finding, ...]


def verify(*, most: int = 1000) -> Report:
    """Check the whole log of the current schema; ``findings`` is empty where nobody has touched it.

    Stops looking after ``most`` findings.
    """
    # One snapshot: rows that commit meanwhile belong to the next verification.
    with transaction.atomic():
        return _Verification(current_table(), most).report()


class _Verification:
    def __init__(self, events: type[AuditRecord], most: int) -> None:
        self.events = events._default_manager
        app, stem = events._meta.app_label, events.__name__.removesuffix("Event")
        self.seals = apps.get_model(app, f"{stem}Seal")._default_manager
        self.head: Any = apps.get_model(app, f"{stem}Head")._default_manager.select_for_update().get(id=1)
        self.most = most
        self.findings: list[Finding] = []
        self.keys = canonical.keys()
        self.forgotten, self.blanked = self._forgotten()
        self.checkpoints = self._checkpoints()

    def report(self) -> Report:
        rows = 0
        last, place = self.head.anchor_hash, self.head.anchor_sequence
        for seal, event in self._pairs():
            rows += 1
            if seal.sequence != place + 1:
                missing = seal.sequence - place - 1
                self._found("removed", seal.sequence, None, f"{missing} links before this one are gone")
            elif seal.previous_hash != last:
                self._found("moved", seal.sequence, seal.event_id, "it does not follow the link before")
            self._check_link(seal, event)
            last, place = seal.hash, seal.sequence
            if len(self.findings) >= self.most:
                break
        else:
            self._check_end(place, last)
        return Report(current_schema(), rows, place, last, tuple(self.findings))

    def _pairs(self) -> Iterator[tuple[Any, AuditRecord | None]]:
        """Seals in order, each with its event."""
        place = self.head.anchor_sequence
        # Links from before the anchor were removed by retention; what stands there was put there.
        for stray in self.seals.filter(sequence__lte=place).order_by("sequence")[: self.most]:
            self._found("inserted", stray.sequence, stray.event_id, "a link before the chain's beginning")
        while batch := list(self.seals.filter(sequence__gt=place).order_by("sequence")[:AT_ONCE]):
            events = self.events.in_bulk([seal.event_id for seal in batch])
            yield from ((seal, events.get(seal.event_id)) for seal in batch)
            place = batch[-1].sequence

    def _check_link(self, seal: Any, event: AuditRecord | None) -> None:
        if self.checkpoints.pop(seal.sequence, seal.hash) != seal.hash:
            self._found("rewritten", seal.sequence, seal.event_id, "a signed checkpoint says otherwise")
        if event is None:
            self._found("removed", seal.sequence, seal.event_id, "the row of this link is gone")
            return
        mark = canonical.link(seal.previous_hash, seal.sequence, seal.event_id, event.digest)
        if mark != seal.hash:
            self._found("moved", seal.sequence, event.id, "the link's hash is not that of its row and place")
        if event.digest not in {canonical.row_digest(event, key) for key in self.keys}:
            self._found("changed", seal.sequence, event.id, "the row is not as it was written")
            return
        for name, fields in (("who", canonical.WHO), ("what", canonical.WHAT)):
            self._check_part(seal, event, name, fields)

    def _check_part(self, seal: Any, event: AuditRecord, name: str, fields: tuple[str, ...]) -> None:
        salt, digest = getattr(event, f"{name}_salt"), getattr(event, f"{name}_digest")
        if salt:
            if canonical.part_digest(event, salt, fields) != digest:
                self._found("changed", seal.sequence, event.id, f"{', '.join(fields)} are not as written")
            return
        if any(getattr(event, field) for field in fields):
            self._found("changed", seal.sequence, event.id, f"{', '.join(fields)} came after forgetting")
            return
        person = str(event.actor_id) if name == "who" else event.object_id
        if person not in self.forgotten and str(event.id) not in self.blanked:
            self._found("blanked", seal.sequence, event.id, "emptied, and nobody was forgotten")

    def _check_end(self, place: int, last: str) -> None:
        if (self.head.sequence, self.head.hash) != (place, last):
            self._found(
                "cut", self.head.sequence, None, f"the chain ends at {place}, its head says otherwise"
            )
        for sequence in sorted(self.checkpoints):
            self._found("cut", sequence, None, "a signed checkpoint names a link that is not there")
        sealed = self.seals.filter(event_id=OuterRef("id"))
        for event in self.events.filter(~Exists(sealed))[: self.most]:
            self._found("inserted", None, event.id, "a row outside the chain")

    def _forgotten(self) -> tuple[set[str], set[str]]:
        """Persons whose names were taken out, and further rows that named them."""
        people: set[str] = set()
        rows: set[str] = set()
        for event in self.events.filter(action=FORGOTTEN):
            people.add(event.object_id)
            rows.update(event.changes.get("rows", ()))
        return people, rows

    def _checkpoints(self) -> dict[int, str]:
        """The signed notes of this chain that lie in what is still kept."""
        schema = current_schema()
        known = {}
        with in_public():
            notes = apps.get_model("tenants.AuditCheckpoint")._default_manager.filter(schema_name=schema)
            for note in notes.filter(sequence__gt=self.head.anchor_sequence):
                text = f"{schema}:{note.sequence}:{note.hash}"
                if note.signature in {canonical.signature(text, key) for key in self.keys}:
                    known[note.sequence] = note.hash
                else:
                    self._found("changed", note.sequence, None, "the checkpoint's signature is not ours")
        return known

    def _found(self, what: str, sequence: int | None, event_id: UUID | None, detail: str) -> None:
        self.findings.append(Finding(what, sequence, event_id, detail))
