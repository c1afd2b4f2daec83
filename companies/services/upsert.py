"""Many companies at once, from files and connectors: a bad row is told of and stops no other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import UUID

from django.db import IntegrityError, transaction

from companies import selectors
from companies.cleaning import Cleaned, Fault, clean
from companies.models import Company
from companies.services.identity import IDENTITY, apply, columns, save_once
from tenants.kernel import audit
from tenants.kernel.errors import Conflict
from tenants.kernel.ids import uuid7_batch
from tenants.kernel.request import Actor

Outcome = Literal["created", "updated", "unchanged", "refused"]
# Rows that are looked up and written by one statement.
BATCH: Final = 1000
# By what a row finds its company, the surest first.
_KEYS: Final = ("symbol", "lei", "cik")


@dataclass(slots=True)
class Upserted:
    """What became of one row, in the order of the rows."""

    outcome: Outcome
    company: Company | None = None
    faults: list[Fault] = field(default_factory=list)
    """Why it was refused."""
    notes: list[Fault] = field(default_factory=list)
    """What was left as it is although the row says otherwise."""


class _DryRun(Exception):
    """Takes back what a trial has written."""


def companies_upsert(
    *,
    rows: Sequence[Mapping[str, Any]],
    organization_id: UUID,
    only_own: bool = False,
    dry_run: bool = False,
    actor: Actor,
) -> list[Upserted]:
    """Create or update a company for each row (names as in ``companies.cleaning``; ``custom.NAME`` for the
    institution's own fields; ``sic`` and ``nace`` for the industry).

    A row finds its company by symbol, else by LEI, else by CIK; a row without any of these by its national
    number and country, else by its ticker and exchange. A new one needs a symbol, or a ticker that serves as
    one. Empty values say nothing. Identifiers that lead to different companies refuse the row. With
    ``only_own``, and for companies that follow the platform's data, only gaps are filled, and ``notes`` name
    what was left. ``dry_run`` tells what would happen and writes nothing. Rows are locked in the order of
    their symbols.
    """
    try:
        with transaction.atomic():
            done = _upsert(rows, organization_id, only_own, actor)
            if dry_run:
                raise _DryRun
    except _DryRun:
        pass
    return done


def _upsert(
    rows: Sequence[Mapping[str, Any]], organization_id: UUID, only_own: bool, actor: Actor
) -> list[Upserted]:
    definitions = selectors.custom_fields_by_name()
    cleaned = [clean(row, definitions=definitions, skip_empty=True) for row in rows]
    done = [Upserted("refused", faults=list(c.faults)) for c in cleaned]
    fine = [n for n, outcome in enumerate(done) if not outcome.faults]
    known = _Known(organization_id)
    known.load(cleaned[n] for n in fine)
    made = _make(rows, cleaned, done, fine, known, definitions, organization_id, actor)
    changed: dict[UUID, tuple[Company, dict[str, Any]]] = {}
    for n in fine:
        outcome = done[n]
        if outcome.faults:
            continue
        company, fault = known.of(cleaned[n])
        if company is None:
            outcome.faults.append(fault or Fault("symbol", "identifier_taken", "An identifier is taken."))
            continue
        outcome.company = company
        if made.get(company.id) == n:
            outcome.outcome = "created"
            continue
        if (taken := known.taken(cleaned[n], company)) is not None:
            outcome.faults.append(taken)
            continue
        changes = _learn(outcome, company, cleaned[n], gaps_only=_foreign(company, only_own, actor))
        outcome.outcome = "updated" if changes else "unchanged"
        known.note(company)
        if changes and company.id not in made:
            before = changed.setdefault(company.id, (company, {}))[1]
            for name, (old, new) in changes.items():
                before[name] = [before.get(name, [old])[0], new]
        elif changes:
            changed.setdefault(company.id, (company, {}))[1].update(changes)
    _write(changed, done)
    audit.record_all("companies.company.changed", changed.values(), actor=actor)
    new = {identifier: row for identifier in made if (row := known.by_id.get(identifier)) is not None}
    created = [(row, {"symbol": row.symbol, "name": row.name}) for row in new.values()]
    audit.record_all("companies.company.created", created, actor=actor)
    for identifier, row in new.items():
        done[made[identifier]].company = row
    return done


def _foreign(company: Company, only_own: bool, actor: Actor) -> bool:
    return only_own and company.created_by_id != actor.user_id


def _learn(outcome: Upserted, company: Company, cleaned: Cleaned, *, gaps_only: bool) -> dict[str, Any]:
    """Put on the company what the row says, and note what was left."""
    # Symbols are for good here: a row that found its company by another identifier does not rename it.
    said = {name: value for name, value in cleaned.values.items() if name != "symbol"}
    symbol = cleaned.values.get("symbol", company.symbol)
    if symbol != company.symbol:
        outcome.notes.append(
            Fault("symbol", "known_by_other_symbol", f"The company is known here as {company.symbol}.")
        )
    follows = company.reference_id is not None
    parts = [
        (Cleaned(values={k: v for k, v in said.items() if k in IDENTITY}), gaps_only or follows),
        (
            Cleaned(values={k: v for k, v in said.items() if k not in IDENTITY}, custom=cleaned.custom),
            gaps_only,
        ),
    ]
    changes: dict[str, Any] = {}
    for part, gaps in parts:
        changes |= apply(company, part, gaps_only=gaps)
        for name, value in part.values.items():
            if gaps and getattr(company, name) != value:
                code = "follows_global" if follows else "not_yours"
                why = "follows the platform's data" if follows else "was made by somebody else"
                outcome.notes.append(Fault(name, code, f"Left as it is: the company {why}."))
    return changes


def _make(
    rows: Sequence[Mapping[str, Any]],
    cleaned: list[Cleaned],
    done: list[Upserted],
    fine: list[int],
    known: _Known,
    definitions: Mapping[str, Any],
    organization_id: UUID,
    actor: Actor,
) -> dict[UUID, int]:
    """Make a company for the first row of each that is new; tells which row made which."""
    first: dict[str, int] = {}
    for n in fine:
        company, fault = known.of(cleaned[n])
        if fault is not None and fault.code == "identifiers_disagree":
            done[n].faults.append(fault)
        if company is not None or done[n].faults:
            continue
        values = cleaned[n].values
        symbol = values.get("symbol") or values.get("ticker", "").replace(" ", "").replace("=", "")
        symbol = symbol or known.claimant(values)
        if symbol in first:
            values["symbol"] = symbol
            continue
        # Once more as a new one: a symbol and the required fields are needed.
        checked = clean(
            {**rows[n], "symbol": symbol}, definitions=definitions, creating=True, skip_empty=True
        )
        done[n].faults.extend(checked.faults)
        if not checked.faults and (clash := known.claim(checked.values)) is not None:
            done[n].faults.append(clash)
        if not done[n].faults:
            cleaned[n].values["symbol"] = checked.values["symbol"]
            first[checked.values["symbol"]] = n
    if not first:
        return {}
    identifiers = dict(zip(sorted(first), uuid7_batch(len(first)), strict=True))
    Company.objects.bulk_create(
        [
            Company(
                id=identifier,
                organization_id=organization_id,
                custom=cleaned[first[symbol]].custom,
                created_by_id=actor.user_id,
                **cleaned[first[symbol]].values,
            )
            for symbol, identifier in identifiers.items()
        ],
        ignore_conflicts=True,
        batch_size=BATCH,
    )
    known.load_symbols(identifiers)
    return {i: first[symbol] for symbol, i in identifiers.items() if i in known.by_id}


def _write(changed: dict[UUID, tuple[Company, dict[str, Any]]], done: list[Upserted]) -> None:
    if not changed:
        return
    names = columns({name: None for _, changes in changed.values() for name in changes})
    try:
        with transaction.atomic():
            Company.objects.bulk_update([c for c, _ in changed.values()], names, batch_size=BATCH)
        return
    except IntegrityError:
        pass  # somebody has taken an identifier meanwhile: find out which
    for company, changes in list(changed.values()):
        try:
            save_once(company, fields=changes)
        except Conflict as conflict:
            del changed[company.id]
            for outcome in done:
                if outcome.company is not None and outcome.company.id == company.id:
                    outcome.outcome, outcome.company = "refused", None
                    outcome.faults.append(Fault("symbol", conflict.code, conflict.detail))


class _Known:
    """The organization's companies that a set of rows is about, locked."""

    def __init__(self, organization_id: UUID) -> None:
        self.rows = Company.objects.filter(organization_id=organization_id)
        self.by_id: dict[UUID, Company] = {}
        self.by: dict[str, dict[str, Company]] = {key: {} for key in _KEYS}
        self.by_national: dict[tuple[str, str], Company] = {}
        self.by_ticker: dict[tuple[str, str], Company] = {}
        self.claimed: dict[tuple[str, str], str] = {}

    def load(self, cleaned: Iterable[Cleaned]) -> None:
        rows = list(cleaned)
        ids: set[UUID] = set()
        for key in _KEYS:
            wanted = {c.values[key] for c in rows if c.values.get(key)}
            if wanted:
                ids.update(self.rows.filter(**{f"{key}__in": wanted}).values_list("id", flat=True))
        loose = [c.values for c in rows if not any(c.values.get(key) for key in _KEYS)]
        for key in ("national_id", "ticker"):
            if wanted := {values[key] for values in loose if values.get(key)}:
                ids.update(self.rows.filter(**{f"{key}__in": wanted}).values_list("id", flat=True))
        self._lock(self.rows.filter(id__in=ids) if ids else None)

    def load_symbols(self, symbols: Iterable[str]) -> None:
        self._lock(self.rows.filter(symbol__in=list(symbols)))

    def _lock(self, rows: Any) -> None:
        if rows is not None:
            for company in rows.order_by("symbol").select_for_update(no_key=True):
                self.note(self.by_id.setdefault(company.id, company))

    def note(self, company: Company) -> None:
        """Remember by what the company can be found from now on."""
        for key in _KEYS:
            if value := getattr(company, key):
                self.by[key][value] = company
        if company.national_id:
            self.by_national[company.country, company.national_id] = company
        if company.ticker:
            self.by_ticker[company.ticker, company.exchange] = company
            self.by_ticker.setdefault((company.ticker, ""), company)

    def of(self, cleaned: Cleaned) -> tuple[Company | None, Fault | None]:
        """The company of a row, or why there is none."""
        values = cleaned.values
        found = {key: self.by[key].get(values.get(key) or "") for key in _KEYS}
        hits = {company.id: company for company in found.values() if company is not None}
        if len(hits) > 1:
            names = " and ".join(sorted(company.symbol for company in hits.values()))
            return None, Fault("symbol", "identifiers_disagree", f"Its identifiers lead to {names}.")
        if hits:
            return next(iter(hits.values())), None
        if any(values.get(key) for key in _KEYS):
            return None, None
        if (number := values.get("national_id")) and (
            company := self.by_national.get((values.get("country", ""), number))
        ):
            return company, None
        return self.by_ticker.get((values.get("ticker") or "", values.get("exchange", ""))), None

    def taken(self, cleaned: Cleaned, company: Company) -> Fault | None:
        """Whether the row would give the company an identifier that another one has."""
        for key in ("lei", "cik"):
            value = cleaned.values.get(key)
            owner = self.by[key].get(value or "")
            if owner is not None and owner.id != company.id:
                return Fault(key, "identifier_taken", f"{owner.symbol} has this {key.upper()}.")
        return None

    def claimant(self, values: Mapping[str, Any]) -> str:
        """The symbol of the new company of the same set that has one of these identifiers; '' for none."""
        owners = (self.claimed.get((key, values.get(key, ""))) for key in ("lei", "cik"))
        return next((owner for owner in owners if owner), "")

    def claim(self, values: Mapping[str, Any]) -> Fault | None:
        """Set a new company's identifiers aside; a second claimant in the same set is refused."""
        for key in ("lei", "cik"):
            value = values.get(key)
            other = self.claimed.setdefault((key, value), values["symbol"]) if value else values["symbol"]
            if other != values["symbol"]:
                return Fault(key, "identifier_taken", f"{other} of the same set has this {key.upper()}.")
        return None
