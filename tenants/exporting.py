"""All data of a tenant as one archive in open formats.

``tables/`` holds every table of the tenant's schema twice, as JSON Lines and as CSV; ``platform/`` what the
directory keeps of the tenant; ``files/`` what its people uploaded; ``manifest.json`` the rows, sizes and
SHA-256 of each. Values that open something (hashes, sealed secrets) are masked: they are of no use elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import IO, Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.files.storage import default_storage
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone
from psycopg import sql

from tenants.kernel.audit.records import MASKED, SECRET_WORDS
from tenants.kernel.checks import is_tenant_model
from tenants.kernel.context import in_public
from tenants.models import Tenant

FORMAT = "default-risk-platform tenant export, version 1"
MASKED_WORDS = (*SECRET_WORDS, "sealed")
# Bytes of JSON hold none of these two, so the copy's quotes and separators never appear in a line.
_JSON_LINES = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')")
_CSV = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER true)")
PIECE = 256 * 1024
README = """All data of one institution, as of the time in manifest.json.

tables/NAME.jsonl   every table, a JSON object a line
tables/NAME.csv     the same as CSV (UTF-8, comma, header)
platform/           what the platform's directory keeps of the institution
files/              uploaded files, as they came
manifest.json       rows, bytes and SHA-256 of every entry

Passwords, keys and their hashes are not part of it and read ***.
"""


@dataclass(slots=True)
class Contents:
    """What went into an archive."""

    rows: dict[str, int] = field(default_factory=dict)
    files: int = 0
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)


def write_archive(tenant: Tenant, target: IO[bytes]) -> Contents:
    """Write the archive piece by piece: neither a table nor a file is ever whole in memory."""
    contents = Contents()
    # One moment for all tables, where no transaction is running yet (a test's may be).
    whole = nullcontext() if connection.in_atomic_block else transaction.atomic()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        with in_public(), whole:
            if not isinstance(whole, nullcontext):
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            _tables(archive, tenant.schema_name, contents)
            _directory(archive, tenant, contents)
        for path in _stored(tenant.schema_name):
            with default_storage.open(path) as stored:
                _entry(archive, f"files/{path.partition('/')[2]}", stored.chunks(PIECE), contents)
            contents.files += 1
        _entry(archive, "README.txt", [README.encode()], contents)
        manifest = {
            "format": FORMAT,
            "tenant": {"id": str(tenant.id), "name": tenant.name, "slug": tenant.slug},
            "made_at": timezone.now().isoformat(),
            "rows": contents.rows,
            "files": contents.files,
            "entries": contents.entries,
        }
        archive.writestr("manifest.json", json.dumps(manifest, indent=2))
    return contents


def _entry(archive: zipfile.ZipFile, name: str, pieces: Iterable[bytes], contents: Contents) -> int:
    """Write one entry and note its size and digest; tells how many lines it has."""
    digest, size, lines = hashlib.sha256(), 0, 0
    with archive.open(name, "w", force_zip64=True) as entry:
        for piece in pieces:
            entry.write(piece)
            digest.update(piece)
            size += len(piece)
            lines += piece.count(b"\n")
    contents.entries[name] = {"bytes": size, "sha256": digest.hexdigest()}
    return lines


def _tables(archive: zipfile.ZipFile, schema: str, contents: Contents) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position)"
            " FROM information_schema.columns WHERE table_schema = %s GROUP BY 1 ORDER BY 1",
            [schema],
        )
        tables = cursor.fetchall()
    for name, columns in tables:
        if name == "django_migrations":
            continue
        chosen = sql.SQL("SELECT {} FROM {} ORDER BY 1").format(
            sql.SQL(", ").join(_column(column) for column in columns), sql.Identifier(schema, name)
        )
        as_json = sql.SQL("SELECT row_to_json(chosen)::text FROM ({}) AS chosen").format(chosen)
        lines = _entry(archive, f"tables/{name}.jsonl", _copy(_JSON_LINES.format(as_json)), contents)
        _entry(archive, f"tables/{name}.csv", _copy(_CSV.format(chosen)), contents)
        contents.rows[name] = lines


def _column(name: str) -> sql.Composable:
    if any(word in name for word in MASKED_WORDS) and name not in {"sha256", "input_hash"}:
        return sql.SQL("{} AS {}").format(sql.Literal(MASKED), sql.Identifier(name))
    return sql.Identifier(name)


def _copy(statement: sql.Composed) -> Iterator[bytes]:
    with connection.cursor() as cursor, cursor.copy(statement) as rows:
        for piece in rows:
            yield bytes(piece)


def _directory(archive: zipfile.ZipFile, tenant: Tenant, contents: Contents) -> None:
    """The tenant's own row, every row of public that belongs to it, and who its people are."""
    tables: dict[str, Iterable[Model]] = {"tenant": [tenant]}
    for model in rows_of_public():
        tables[model._meta.db_table] = model._default_manager.filter(tenant_id=tenant.pk)
    for name, rows in tables.items():
        lines = _entry(archive, f"platform/{name}.jsonl", (_line(_plain(row)) for row in rows), contents)
        contents.rows[f"platform.{name}"] = lines
    users = get_user_model()._default_manager.filter(memberships__tenant_id=tenant.pk).distinct()
    people = ({"id": u.pk, "email": u.email, "name": u.get_full_name()} for u in users.iterator())
    contents.rows["platform.users"] = _entry(archive, "platform/users.jsonl", map(_line, people), contents)


def rows_of_public() -> list[type[Model]]:
    """The tables of public whose rows belong to a tenant, by a field called ``tenant``.

    The rows of the deletion itself and of exports are no data of the institution.
    """
    left_out = {"tenants.TenantDeletion", "tenants.TenantExport", "tenants.UsageDay"}
    found = []
    for model in apps.get_models():
        names = {f.attname for f in model._meta.concrete_fields}
        if "tenant_id" in names and model._meta.label not in left_out and not is_tenant_model(model):
            found.append(model)
    return found


def _plain(row: Model) -> dict[str, Any]:
    return {
        f.attname: MASKED if any(word in f.attname for word in MASKED_WORDS) else getattr(row, f.attname)
        for f in row._meta.concrete_fields
    }


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, cls=DjangoJSONEncoder).encode() + b"\n"


def _stored(folder: str) -> Iterator[str]:
    """Every file below a folder of the storage."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in sorted(files):
        yield f"{folder}/{name}"
    for name in sorted(folders):
        yield from _stored(f"{folder}/{name}")
