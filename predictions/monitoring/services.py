"""Recording outcomes, singly and from files, and answering alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import PurePosixPath
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from companies.models import Company
from companies.sheets import Limits, SheetError, open_sheet
from predictions.monitoring.models import Alert, Outcome, OutcomeKind
from tenants.kernel import audit
from tenants.kernel.errors import Absent, Conflict, InvalidInput, TooLarge
from tenants.kernel.jobs import enqueue
from tenants.kernel.request import Actor

MOST_ROWS: Final = 20_000
MOST_FAULTS: Final = 1000
_FIRST_DAY = date(1950, 1, 1)
_NAMES: Final = {
    "company_symbol": ("company_symbol", "symbol", "ticker", "company"),
    "occurred_on": ("occurred_on", "default_date", "date", "defaulted_on"),
    "kind": ("kind", "type", "default_kind"),
    "note": ("note", "comment"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of a file that was not taken."""

    row: int
    column: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What a file of outcomes brought."""

    rows: int
    recorded: int
    repeated: int
    faults: list[Fault]


@transaction.atomic
def outcome_record(
    *, organization_id: UUID, symbol: str, occurred_on: date, kind: str, note: str = "", actor: Actor
) -> Outcome:
    """Record a default of one of the organization's companies.

    Raises Absent for a company that it does not have, InvalidInput for a day that cannot be, Conflict for an
    outcome that stands there already.
    """
    company = Company.objects.filter(organization_id=organization_id, symbol=symbol.strip().upper()).first()
    if company is None:
        raise Absent(f"There is no company {symbol.strip()!r} here.", code="no_such_company")
    if reason := _impossible(occurred_on):
        raise InvalidInput(reason, code="date_value")
    outcome: Outcome
    outcome, fresh = Outcome.objects.get_or_create(
        company=company,
        occurred_on=occurred_on,
        defaults={
            "organization_id": organization_id, "kind": kind, "note": note, "created_by_id": actor.user_id,
        },
    )  # fmt: skip
    if not fresh:
        raise Conflict(f"An outcome of {company.symbol} on that day is recorded already.", code="duplicate")
    audit.record("monitoring.outcome.recorded", on=outcome, changes={"company": company.symbol}, actor=actor)
    return outcome


def outcomes_upload(*, upload: UploadedFile[bytes], organization_id: UUID, actor: Actor) -> Taken:
    """Record the outcomes of a CSV or XLSX file; a faulty row is named and keeps no other from being taken.

    Raises InvalidInput for a file that is no table or lacks a column, TooLarge beyond the limits.
    """
    if (upload.size or 0) > settings.UPLOAD_MAX_BYTES:
        raise TooLarge(f"Files of up to {settings.UPLOAD_MAX_BYTES // 2**20} MB are taken.")
    name = PurePosixPath((upload.name or "upload").replace("\\", "/")).name[-200:]
    try:
        sheet = open_sheet(upload, name, Limits())  # type: ignore[arg-type]
        places = _columns(sheet.columns)
        rows = [(number, _cells(cells, places)) for number, cells in sheet.rows()]
    except SheetError as error:
        raise InvalidInput(error.detail, code=error.code) from None
    if len(rows) > MOST_ROWS:
        raise TooLarge(f"Files of up to {MOST_ROWS:,} rows are taken.", code="too_many_rows")
    return _take(rows, name, organization_id, actor)


@transaction.atomic
def _take(rows: list[tuple[int, dict[str, str]]], name: str, organization_id: UUID, actor: Actor) -> Taken:
    symbols = {cells["company_symbol"].upper() for _, cells in rows}
    companies = dict(
        Company.objects.filter(organization_id=organization_id, symbol__in=symbols).values_list(
            "symbol", "id"
        )
    )
    faults: list[Fault] = []
    wanted: dict[tuple[UUID, date], Outcome] = {}
    repeated = 0
    for number, cells in rows:
        found = _read(number, cells, companies)
        if isinstance(found, Fault):
            faults.append(found)
            continue
        company_id, day, kind = found
        if (company_id, day) in wanted:
            repeated += 1
            continue
        wanted[company_id, day] = Outcome(
            organization_id=organization_id,
            company_id=company_id,
            occurred_on=day,
            kind=kind,
            note=cells.get("note", "")[:300],
            source=f"{name}, row {number}",
            created_by_id=actor.user_id,
        )
    known = set(
        Outcome.objects.filter(company_id__in={c for c, _ in wanted}).values_list("company_id", "occurred_on")
    )
    fresh = [outcome for key, outcome in wanted.items() if key not in known]
    Outcome.objects.bulk_create(fresh, ignore_conflicts=True, batch_size=1000)
    changes = {"file": name, "recorded": len(fresh), "refused": len(faults)}
    audit.record(
        "monitoring.outcomes.uploaded", organization_id=organization_id, changes=changes, actor=actor
    )
    return Taken(len(rows), len(fresh), repeated + len(known & wanted.keys()), faults[:MOST_FAULTS])


def _columns(header: list[str]) -> dict[str, int]:
    plain = [column.strip().lower().replace(" ", "_") for column in header]
    found = {
        ours: plain.index(name) for ours, names in _NAMES.items() for name in names[::-1] if name in plain
    }
    if missing := [name for name in ("company_symbol", "occurred_on") if name not in found]:
        raise InvalidInput(f"Missing required columns: {', '.join(missing)}", code="missing_columns")
    return found


def _cells(cells: list[str], places: dict[str, int]) -> dict[str, str]:
    return {name: cells[at].strip() if at < len(cells) else "" for name, at in places.items()}


def _read(number: int, cells: dict[str, str], companies: dict[str, UUID]) -> tuple[UUID, date, str] | Fault:
    """Company, day and kind of a row, or what is wrong with it."""
    symbol = cells["company_symbol"]
    if (company := companies.get(symbol.upper())) is None:
        shown = symbol[:30]
        return Fault(number, "company_symbol", "no_such_company", f"There is no company {shown!r} here.")
    text = cells["occurred_on"]
    try:
        # A workbook's day comes with its midnight.
        day = datetime.fromisoformat(text).date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return Fault(number, "occurred_on", "date_value", f"{text[:30]!r} is no date like 2024-12-31.")
    if reason := _impossible(day):
        return Fault(number, "occurred_on", "date_value", reason)
    kind = cells.get("kind", "").lower().replace(" ", "_") or OutcomeKind.BANKRUPTCY.value
    if kind not in OutcomeKind.values:
        listed = ", ".join(OutcomeKind.values)
        return Fault(number, "kind", "unknown_kind", f"{kind[:30]!r} is none of {listed}.")
    return company, day, kind


def _impossible(day: date) -> str:
    """Why a default cannot have happened on this day; empty where it can."""
    if day > timezone.now().date():
        return "A default cannot lie in the future."
    return "" if day >= _FIRST_DAY else f"Defaults from {_FIRST_DAY.year} on are taken."


@transaction.atomic
def outcome_delete(*, outcome: Outcome, actor: Actor) -> None:
    """Take an outcome back."""
    audit.record("monitoring.outcome.deleted", on=outcome, actor=actor)
    outcome.delete()


@transaction.atomic
def alert_acknowledge(*, alert: Alert, note: str = "", actor: Actor) -> Alert:
    """Say that somebody has looked at an alert; it stays open until the figure is back.

    Raises Conflict for one that is closed.
    """
    locked: Alert = Alert.objects.select_for_update().get(id=alert.id)
    if locked.closed_at is not None:
        raise Conflict("The alert is closed already.", code="closed")
    locked.acknowledged_at, locked.acknowledged_by, locked.note = timezone.now(), actor.label[:254], note
    locked.save(update_fields=["acknowledged_at", "acknowledged_by", "note"])
    audit.record("monitoring.alert.acknowledged", on=locked, changes={"note": note}, actor=actor)
    return locked


@transaction.atomic
def observation_request(*, organization_id: UUID, actor: Actor) -> None:
    """Have this week's scores looked at now, in the background."""
    audit.record("monitoring.observation.requested", organization_id=organization_id, actor=actor)
    enqueue("monitoring.observe", actor=actor, queue="default", organization_id=str(organization_id))
