"""From what people and registers write to the names of the table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from companies.sectors.codes import NACE, NACE_GROUPS, SIC
from companies.sectors.table import SECTORS


@dataclass(frozen=True, slots=True)
class Classified:
    """A place in the table; empty where it is not known."""

    sector: str = ""
    industry: str = ""


def _plain(text: str) -> str:
    """Words without case, punctuation and the many ways to write "and"."""
    words = re.sub(r"[^a-z0-9]+", " ", text.lower().replace("&", " and ")).split()
    return " ".join(word for word in words if word != "and")


_SECTORS = {_plain(name): sector.name for sector in SECTORS for name in (sector.name, *sector.also)}
_INDUSTRIES = {_plain(name): (sector.name, name) for sector in SECTORS for name in sector.industries}
_HOME = {name: sector.name for sector in SECTORS for name in sector.industries}


@cache
def sector_named(text: str) -> str:
    """The sector by one of its names; an unknown one comes back as written, without stray spaces."""
    return _SECTORS.get(_plain(text)) or " ".join(text.split())


def is_known_sector(name: str) -> bool:
    return any(sector.name == name for sector in SECTORS)


def industry_named(text: str) -> str:
    """The industry as the table writes it; an unknown one comes back as written."""
    found = _INDUSTRIES.get(_plain(text))
    return found[1] if found else " ".join(text.split())


def sector_of_industry(industry: str) -> str:
    """The sector of an industry of the table, '' for any other."""
    return _HOME.get(industry, "")


def _placed(industry: str | None) -> Classified:
    return Classified(_HOME[industry], industry) if industry else Classified()


@cache
def from_sic(code: str | int) -> Classified:
    """Where a SIC code of three or four digits leads."""
    text = str(code).strip()
    if not re.fullmatch(r"[0-9]{3,4}", text):
        return Classified()
    number = int(text)
    return _placed(next((name for first, last, name in SIC if first <= number <= last), None))


@cache
def from_nace(code: str) -> Classified:
    """Where a NACE code leads: ``C24.10``, ``24.1``, ``24`` or ``2410``."""
    found = re.fullmatch(r"[A-U]?\s*([0-9]{2})\.?([0-9])?([0-9])?", code.strip().upper())
    if found is None:
        return Classified()
    division, group = int(found[1]), found[2]
    if group and (named := NACE_GROUPS.get(division * 10 + int(group))):
        return _placed(named)
    return _placed(next((name for first, last, name in NACE if first <= division <= last), None))


def reading(*, sector: str = "", industry: str = "", sic: str = "", nace: str = "") -> Classified:
    """The best of what is said: a sector or industry that is named stands above a code.

    A code may also stand in the place of the industry, as ``SIC 3674`` or ``NACE C26.11``.
    """
    coded = re.fullmatch(r"(SIC|NACE)\s*:?\s*([A-U]?[0-9. ]+)", industry.strip(), re.IGNORECASE)
    if coded:
        industry = ""
        sic, nace = (coded[2], nace) if coded[1].upper() == "SIC" else (sic, coded[2])
    by_code = from_sic(sic) if sic else Classified()
    if not by_code.industry and nace:
        by_code = from_nace(nace)
    named_sector = sector_named(sector) if sector else ""
    named_industry = industry_named(industry) if industry else ""
    found_industry = named_industry or (
        by_code.industry if not named_sector or named_sector == by_code.sector else ""
    )
    return Classified(named_sector or sector_of_industry(named_industry) or by_code.sector, found_industry)
