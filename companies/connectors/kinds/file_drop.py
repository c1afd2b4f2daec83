"""A folder or a bucket into which an organization's own systems put CSV and XLSX files of statements."""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import FileSystemStorage, Storage

from companies.connectors.base import Batch, Connector, FetchedDocument, Refused, StatementFound
from companies.connectors.circuits import Circuit
from companies.connectors.errors import SourceFailed, Unreadable
from companies.connectors.secrets import store
from companies.line_items import LineItems
from companies.sheets import COLUMNS, SheetError, batches, map_columns, open_sheet, parse_rows
from companies.sheets.columns import normalised
from companies.sheets.units import CURRENCIES
from tenants.kernel.errors import InvalidInput

MOST_FILES = 10_000
MOST_BYTES = 200 * 1024 * 1024
_ROWS = 500
_EXACT = Decimal("0.000001")
_UNITS = ("units", "thousands", "millions")
_KINDS = ("annual", "quarterly")
_BUCKET = re.compile(r"^[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]$")
_SECRET = re.compile(r"^[A-Za-z0-9_\-]{1,64}$")


class FileDropConnector(Connector):
    """Files of statements from a folder of the organization's own, or from its bucket."""

    code = "file_drop"
    about = "CSV and XLSX files that your systems put into a folder or a bucket."
    option_help: ClassVar[Mapping[str, str]] = {
        "statements": "What a row is: annual or quarterly.",
        "columns": "Your column names and what each means here, for those that are not understood by name.",
        "unit": "Of the amounts: units, thousands or millions.",
        "currency": "Of the amounts where a row says none: three letters (ISO 4217).",
        "pattern": "Which files: a name with * and ?.",
        "prefix": "Folder within the drop, or beginning of the names in the bucket.",
        "bucket": "Bucket of an object store; empty for the organization's own folder on the platform.",
        "secret": "The bucket's credential in the secret store: access_key_id and secret_access_key.",
    }

    def __init__(self, options: Mapping[str, Any], *, storage: Storage, circuit: Circuit) -> None:
        self._options = options
        self._storage = storage
        self._circuit = circuit

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        errors = [
            _fault(name, "unknown", "There is no such option.") for name in options.keys() - cls.option_help
        ]
        kept: dict[str, Any] = {
            "statements": options.get("statements", "annual"),
            "unit": options.get("unit", "units"),
            "currency": str(options.get("currency") or "USD").upper(),
            "pattern": str(options.get("pattern") or "*"),
            "prefix": str(options.get("prefix") or "").strip("/"),
            "bucket": str(options.get("bucket") or ""),
            "secret": str(options.get("secret") or ""),
            "columns": {},
        }
        if kept["statements"] not in _KINDS:
            errors.append(_fault("statements", "invalid", "annual or quarterly."))
        if kept["unit"] not in _UNITS:
            errors.append(_fault("unit", "invalid", "units, thousands or millions."))
        if kept["currency"] not in CURRENCIES:
            errors.append(_fault("currency", "invalid", "Three letters of ISO 4217."))
        if ".." in Path(kept["prefix"]).parts or len(kept["prefix"]) > 200:
            errors.append(_fault("prefix", "invalid", "A folder below the drop."))
        if kept["bucket"] and not _BUCKET.match(kept["bucket"]):
            errors.append(_fault("bucket", "invalid", "The name of a bucket."))
        if kept["bucket"] and not _SECRET.match(kept["secret"]):
            errors.append(_fault("secret", "required", "A bucket needs the name of its credential."))
        columns = options.get("columns") or {}
        if not isinstance(columns, Mapping) or len(columns) > 200:
            errors.append(_fault("columns", "invalid", "Your column names, each with its meaning."))
            columns = {}
        for name, meaning in columns.items():
            if meaning not in COLUMNS or COLUMNS[meaning].role == "ratio":
                errors.append(_fault(f"columns/{name}", "unknown", f"{str(meaning)[:40]!r} is no line item."))
            else:
                kept["columns"][str(name)[:200]] = meaning
        if errors:
            raise InvalidInput(errors=errors)
        return kept

    @classmethod
    def circuit_name(cls, schema: str, source_id: str) -> str:
        return f"file_drop:{schema}:{source_id}"

    # -- fetch --------------------------------------------------------------------------------

    def fetch(self, *, done: Collection[str]) -> Iterator[FetchedDocument]:
        for name in self._circuit.call(self._names):
            if name not in done:
                yield FetchedDocument(name, self._circuit.call(lambda name=name: self._content(name)))  # type: ignore[misc]

    def _names(self) -> list[str]:
        prefix = self._options["prefix"]
        try:
            if not self._options["bucket"] and not self._storage.exists(prefix or "."):
                return []
            _, files = self._storage.listdir(prefix)
        except _failures() as error:
            raise SourceFailed("The drop cannot be listed.") from error
        # A name that begins with a point is a file on its way.
        wanted = [
            f"{prefix}/{file}" if prefix else file
            for file in sorted(files)
            if file and not file.startswith(".") and fnmatch.fnmatch(file, self._options["pattern"])
        ]
        if len(wanted) > MOST_FILES:
            raise SourceFailed(f"The drop holds more than {MOST_FILES} files; take some away.")
        return wanted

    def _content(self, name: str) -> bytes:
        try:
            if self._storage.size(name) > MOST_BYTES:
                # Refused when it is read, with its name.
                return b""
            with self._storage.open(name) as file:
                content: bytes = file.read()
        except _failures() as error:
            raise SourceFailed("A file of the drop cannot be read.") from error
        return content

    # -- normalise ----------------------------------------------------------------------------

    def normalise(self, document: FetchedDocument) -> Iterator[Batch]:
        kind, name = self._options["statements"], document.key
        try:
            with document.open() as file:
                sheet = open_sheet(file, name)  # type: ignore[arg-type]
                named = {normalised(key): meaning for key, meaning in self._options["columns"].items()}
                header = [named.get(normalised(cell), cell) for cell in sheet.columns]
                columns = map_columns(header, kind).require()
                for rows in batches(sheet.rows(), _ROWS):
                    parsed = parse_rows(
                        rows,
                        columns,
                        kind,
                        decimal=sheet.decimal,
                        unit=self._options["unit"],
                        currency=self._options["currency"],
                    )
                    yield self._batch(parsed, kind, name)
        except SheetError as error:
            raise Unreadable(str(error)) from error

    def _batch(self, parsed: Any, kind: str, name: str) -> Batch:
        batch = Batch()
        batch.refused += [
            Refused(f"{name}, row {error.row}, {error.column or 'row'}", error.code, error.message)
            for error in parsed.errors
        ]
        items = [item for item in LineItems.item_names() if item in parsed.frame.columns]
        for number, row in zip(parsed.row_numbers.tolist(), parsed.frame.to_dict("records"), strict=True):
            amounts = {
                item: Decimal(repr(row[item])).quantize(_EXACT) for item in items if not math.isnan(row[item])
            }
            if not amounts.keys() - {"market_cap"}:
                reason = "The row holds no line item of a statement."
                batch.refused.append(Refused(f"{name}, row {number}", "no_line_items", reason))
                continue
            symbol = row["company_symbol"]
            said = {"symbol": symbol, "name": row["company_name"], "sector": row["sector"]}
            batch.companies[symbol] = {
                **batch.companies.get(symbol, {}),
                **{field: value for field, value in said.items() if value},
                "currency": row["currency"],
            }
            batch.statements.append(
                StatementFound(
                    company=symbol,
                    kind=kind,
                    fiscal_year=int(row["reporting_year"]),
                    fiscal_quarter=int(row["reporting_quarter"]) if kind == "quarterly" else None,
                    amounts=amounts,
                    currency=row["currency"],
                    document="file",
                    unit=self._options["unit"],
                    form=kind,
                    source=f"{name}, row {number}",
                    source_ref={"connector": "file_drop", "document": "file", "file": name, "row": number},
                )
            )
        return batch


def _failures() -> tuple[type[Exception], ...]:
    """What a folder or a bucket fails with; asked for when one does."""
    from companies.connectors.aws import FAILURES

    return (OSError, SuspiciousFileOperation, *FAILURES)


def drop_folder(schema: str, organization_id: str) -> Path:
    """The folder of an organization's drop: no other organization reaches it."""
    return Path(settings.CONNECTOR_DROP_ROOT) / schema / organization_id


def drop_storage(options: Mapping[str, Any], *, schema: str, organization_id: str) -> Storage:
    """Where the files are. A bucket's credential is looked up below the organization's own name, so that
    nobody can name another's. Raises SecretMissing."""
    if not options["bucket"]:
        return FileSystemStorage(location=drop_folder(schema, organization_id))
    secret = store().read(f"drop/{schema}/{organization_id}/{options['secret']}")
    # Here: only a drop in a bucket needs its library.
    from companies.connectors.aws import bucket

    return bucket(options["bucket"], secret)


def _fault(option: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": f"/options/{option}", "code": code, "detail": detail}
