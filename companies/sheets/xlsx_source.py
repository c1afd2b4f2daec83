"""Excel workbooks as records, streamed: only the table of shared strings is held in memory.

The sheets are read with expat directly. openpyxl's read-only mode gives the same values at less than half of
the speed, trusts the dimension that a file claims for itself, and fails on styles and drawings that no sheet
of figures needs.
"""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import IO, Any, BinaryIO, Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

from companies.sheets.csv_source import Record
from companies.sheets.errors import SheetError
from companies.sheets.limits import Limits
from companies.sheets.xlsx_count import count_filled_rows
from companies.sheets.xlsx_xml import DAMAGED, RowScanner, StringScanner

_CHUNK: Final = 1 << 16
_LARGEST_SMALL_PART: Final = 16 << 20
_ROOT_RELATIONS: Final = "_rels/.rels"
_OFFICE_DOCUMENT: Final = "/officeDocument"
_PLAIN_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})

_DAMAGE: Final = (
    *(zipfile.BadZipFile, zlib.error, ParseError, DefusedXmlException, EOFError),
    *(KeyError, ValueError, IndexError, OverflowError, NotImplementedError),
)


@dataclass(frozen=True)
class SheetPart:
    """A worksheet of the workbook: its name, where it is in the archive, and whether it is hidden."""

    name: str
    path: str
    hidden: bool


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _attribute(element: Element, name: str) -> str:
    """The value of an attribute whatever its namespace (strict and transitional workbooks differ there)."""
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")


class XlsxSource:
    """A workbook whose sheets can be read again and again."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self._limits = limits
        with _told_as_damage():
            self._archive = zipfile.ZipFile(file)
            self._members = self._checked_members()
            main = self._main_path()
            self._workbook = self._part(main)
            self._relations = self._related(main)

    def _checked_members(self) -> dict[str, zipfile.ZipInfo]:
        members = self._archive.infolist()
        limits = self._limits
        # ZipFile hands out no more than the declared size of a member, so declared sizes can be relied on.
        if (
            len(members) > limits.archive_members
            or sum(m.file_size for m in members) > limits.uncompressed_bytes
        ):
            raise SheetError("too_large", "The workbook is too large when unpacked. Save it as .csv")
        for member in members:
            if member.flag_bits & 1:
                raise SheetError(
                    "encrypted_file", "The file is protected by a password. Save it without one."
                )
            packed = max(member.compress_size, 1)
            if (
                member.file_size > limits.ratio_free_bytes
                and member.file_size / packed > limits.compression_ratio
            ):
                raise SheetError(
                    "too_large", "The workbook unpacks to far more than its size. Save it as .csv"
                )
            if member.compress_type not in _PLAIN_METHODS:
                raise SheetError(
                    "unsupported_format", "The workbook is packed in an unusual way. Save it as .csv"
                )
        return {member.filename: member for member in members}

    def _part(self, path: str) -> Element:
        if self._members[path].file_size > _LARGEST_SMALL_PART:
            raise SheetError("too_large", "The workbook has too many styles or sheets. Save it as .csv")
        root: Element = fromstring(self._archive.read(self._members[path]), forbid_dtd=True)
        return root

    def _main_path(self) -> str:
        if _ROOT_RELATIONS in self._members:
            for relation in self._part(_ROOT_RELATIONS):
                target = _attribute(relation, "Target").lstrip("/")
                if _attribute(relation, "Type").endswith(_OFFICE_DOCUMENT) and target.endswith(".xml"):
                    return target
        raise SheetError(
            "unsupported_format", "The archive holds no worksheet. Save the file as .xlsx or .csv"
        )

    def _related(self, path: str) -> dict[str, tuple[str, str]]:
        """Relation id to (last word of its type, path in the archive)."""
        folder, name = posixpath.split(path)
        relations = posixpath.join(folder, "_rels", name + ".rels")
        if relations not in self._members:
            return {}
        found = {}
        for relation in self._part(relations):
            target = _attribute(relation, "Target")
            where = target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target)
            kind = _attribute(relation, "Type").rpartition("/")[2]
            found[_attribute(relation, "Id")] = (kind, posixpath.normpath(where))
        return found

    def _path_of(self, kind: str) -> str | None:
        paths = (path for name, path in self._relations.values() if name == kind)
        return next((path for path in paths if path in self._members), None)

    @cached_property
    def sheets(self) -> tuple[SheetPart, ...]:
        """The worksheets in the order of the workbook, visible ones first; charts are left out."""
        parts = []
        for element in self._workbook.iter():
            # The relation's id and the sheet's own id share a local name: only the former is namespaced.
            if _local(element) != "sheet":
                continue
            relation = next((v for k, v in element.attrib.items() if k.endswith("}id")), "")
            kind, path = self._relations.get(relation, ("", ""))
            if kind == "worksheet" and path in self._members:
                hidden = element.get("state", "visible") != "visible"
                parts.append(SheetPart(element.get("name", ""), path, hidden))
        return tuple(sorted(parts, key=lambda part: part.hidden))

    @cached_property
    def _epoch(self) -> datetime:
        epoch: datetime = CALENDAR_WINDOWS_1900
        for element in self._workbook.iter():
            if _local(element) == "workbookPr" and element.get("date1904") in {"1", "true"}:
                epoch = CALENDAR_MAC_1904
        return epoch

    @cached_property
    def _date_styles(self) -> frozenset[str]:
        """Numbers of the cell styles that show a number as a date."""
        path = self._path_of("styles")
        if path is None:
            return frozenset()
        formats: dict[int, str] = dict(BUILTIN_FORMATS)
        used: list[int] = []
        for group in self._part(path):
            if _local(group) == "numFmts":
                formats.update((int(e.get("numFmtId", "0")), e.get("formatCode", "")) for e in group)
            elif _local(group) == "cellXfs":
                used = [int(e.get("numFmtId", "0")) for e in group]
        return frozenset(
            str(style)
            for style, number in enumerate(used)
            if is_date_format(formats.get(number, "General")) and not is_timedelta_format(formats[number])
        )

    @cached_property
    def _strings(self) -> list[str]:
        path = self._path_of("sharedStrings")
        if path is None:
            return []
        limits = self._limits
        scanner = StringScanner(limits.shared_strings, limits.shared_characters)
        with self._archive.open(self._members[path]) as stream:
            for chunk in _chunks(stream):
                scanner.feed(chunk)
            scanner.close()
        return scanner.strings

    def _date_text(self, number: float) -> str:
        try:
            value: Any = from_excel(number, self._epoch)
        except (OverflowError, ValueError):
            return repr(number)
        if isinstance(value, datetime) and value.hour == value.minute == value.second == 0:
            return value.date().isoformat()
        return str(value.isoformat())

    def records(self, part: SheetPart) -> Iterator[Record]:
        """The rows that the sheet's XML holds, each with its number and the texts of its cells."""
        with _told_as_damage():
            scanner = RowScanner(self._strings, self._date_styles, self._date_text)
            with self._archive.open(self._members[part.path]) as stream:
                for chunk in _chunks(stream):
                    scanner.feed(chunk)
                    yield from scanner.taken()
                scanner.close()
                yield from scanner.taken()

    def count(self, part: SheetPart, after: int) -> int | None:
        """Number of filled rows below the row `after`, fast; None when the sheet must be parsed for it."""
        if any(not text or text.isspace() for text in self._strings):
            return None
        with _told_as_damage(), self._archive.open(self._members[part.path]) as stream:
            return count_filled_rows(_chunks(stream), after)


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


@contextmanager
def _told_as_damage() -> Iterator[None]:
    """Whatever a broken archive or its XML raises, as one sentence that helps."""
    try:
        yield
    except SheetError:
        raise
    except _DAMAGE as error:
        raise SheetError("damaged_file", DAMAGED) from error
