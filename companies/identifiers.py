"""Identifiers of companies as their registers write them: check digits, ISO codes, one way to write each.

Each reader takes what people type and gives the canonical text, or raises ``BadIdentifier`` with a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Final

import pycountry
from stdnum import lei as _lei
from stdnum.exceptions import ValidationError as _BadNumber

from companies.models import SYMBOL, SYMBOL_PATTERN


class BadIdentifier(ValueError):
    """A value that its register would never have given out."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def symbol(value: str) -> str:
    """The name by which the organization knows the company, in capitals."""
    found = value.strip().upper()
    if not re.match(SYMBOL_PATTERN, found):
        raise BadIdentifier("symbol_invalid", f"{value.strip()[:30]!r} is no symbol: {SYMBOL.message}")
    return found


def lei(value: str) -> str:
    """A Legal Entity Identifier: 20 characters, the last two check the others (ISO 17442, ISO 7064)."""
    found = re.sub(r"[\s-]", "", value).upper()
    if not re.fullmatch(r"[A-Z0-9]{18}[0-9]{2}", found):
        raise BadIdentifier("lei_format", "An LEI has 18 letters or digits and two check digits.")
    if not _lei.is_valid(found):
        raise BadIdentifier(
            "lei_check_digits", "The check digits of this LEI are wrong: look for a typing error."
        )
    return found


def cik(value: str) -> str:
    """A Central Index Key of the SEC: up to ten digits, kept without zeros in front."""
    found = value.strip().upper().removeprefix("CIK").strip()
    if not re.fullmatch(r"[0-9]{1,10}", found) or not found.lstrip("0"):
        raise BadIdentifier("cik_format", "A CIK has 1 to 10 digits.")
    return found.lstrip("0")


def ticker(value: str) -> str:
    """A ticker in capitals."""
    found = value.strip().upper()
    if not re.fullmatch(r"[A-Z0-9][A-Z0-9.\-/^= ]{0,19}", found):
        raise BadIdentifier("ticker_format", "A ticker has up to 20 letters, digits, dots and dashes.")
    return found


# What people write for markets, and the ISO 10383 code of each.
EXCHANGES: Final = {
    "NYSE": "XNYS", "NEW YORK STOCK EXCHANGE": "XNYS", "NEW YORK": "XNYS", "NYQ": "XNYS",
    "NASDAQ": "XNAS", "NASDAQGS": "XNAS", "NASDAQGM": "XNAS", "NASDAQCM": "XNAS", "NMS": "XNAS",
    "NYSE AMERICAN": "XASE", "AMEX": "XASE", "NYSE MKT": "XASE", "NYSE ARCA": "ARCX", "CBOE": "BATS",
    "OTC": "OTCM", "OTC MARKETS": "OTCM",
    "LSE": "XLON", "LONDON": "XLON", "LONDON STOCK EXCHANGE": "XLON",
    "XETRA": "XETR", "FRANKFURT": "XFRA", "FWB": "XFRA",
    "EURONEXT PARIS": "XPAR", "PARIS": "XPAR", "EURONEXT AMSTERDAM": "XAMS", "AMSTERDAM": "XAMS",
    "EURONEXT BRUSSELS": "XBRU", "BRUSSELS": "XBRU", "EURONEXT LISBON": "XLIS", "LISBON": "XLIS",
    "EURONEXT DUBLIN": "XDUB", "DUBLIN": "XDUB", "BORSA ITALIANA": "XMIL", "MILAN": "XMIL",
    "BME": "XMAD", "MADRID": "XMAD", "SIX": "XSWX", "SIX SWISS EXCHANGE": "XSWX", "VIENNA": "XWBO",
    "OSLO": "XOSL", "OSLO BORS": "XOSL", "STOCKHOLM": "XSTO", "HELSINKI": "XHEL", "COPENHAGEN": "XCSE",
    "WARSAW": "XWAR", "GPW": "XWAR", "TSX": "XTSE", "TORONTO": "XTSE", "TSXV": "XTSX",
    "ASX": "XASX", "TSE": "XTKS", "TOKYO": "XTKS", "HKEX": "XHKG", "HONG KONG": "XHKG", "SEHK": "XHKG",
    "SSE": "XSHG", "SHANGHAI": "XSHG", "SZSE": "XSHE", "SHENZHEN": "XSHE", "NSE": "XNSE", "BSE": "XBOM",
    "SGX": "XSES", "SINGAPORE": "XSES", "KRX": "XKRX", "TWSE": "XTAI", "JSE": "XJSE", "B3": "BVMF",
    "BOVESPA": "BVMF", "BMV": "XMEX", "TADAWUL": "XSAU",
}  # fmt: skip


def exchange(value: str) -> str:
    """A market by its ISO 10383 code where its usual name is known, else as written in capitals."""
    found = " ".join(value.split()).upper()
    if not re.fullmatch(r"[A-Z0-9][A-Z0-9 .&\-/]{0,39}", found):
        raise BadIdentifier("exchange_format", "An exchange is a name or an ISO 10383 code such as XNYS.")
    known = EXCHANGES.get(found, found)
    if len(known) > 20:
        raise BadIdentifier("exchange_unknown", "Give the exchange by its ISO 10383 code, such as XNYS.")
    return known


@cache
def _country(found: str) -> str | None:
    if found in {"UK", "ENGLAND", "SCOTLAND", "GREAT BRITAIN"}:
        return "GB"
    if found in {"USA", "US", "U.S.", "U.S.A.", "UNITED STATES OF AMERICA"}:
        return "US"
    try:
        return str(pycountry.countries.lookup(found).alpha_2)
    except LookupError:
        return None


def country(value: str) -> str:
    """A country by its ISO 3166-1 code of two letters; three letters and English names are understood."""
    if (found := _country(" ".join(value.split()).upper())) is None:
        raise BadIdentifier(
            "country_unknown", f"{value.strip()[:40]!r} is no country: use its two letters, such as DE."
        )
    return found


@cache
def _is_currency(code: str) -> bool:
    return len(code) == 3 and pycountry.currencies.get(alpha_3=code) is not None


def currency(value: str) -> str:
    """A currency by its ISO 4217 code."""
    found = value.strip().upper()
    if not _is_currency(found):
        raise BadIdentifier(
            "currency_unknown", f"{value.strip()[:20]!r} is no currency: use its three letters, such as USD."
        )
    return found


# Registers of companies whose numbers have check digits, by country: modules of python-stdnum. A number must
# be right in one of them. Of other countries only the form is looked at.
REGISTERS: Final = {
    "AR": ("ar.cuit",), "AT": ("at.businessid", "at.uid"), "AU": ("au.acn", "au.abn"), "BE": ("be.vat",),
    "BR": ("br.cnpj",), "CA": ("ca.bn",), "CH": ("ch.uid",), "CL": ("cl.rut",), "CN": ("cn.uscc",),
    "CO": ("co.nit",), "DK": ("dk.cvr",), "EE": ("ee.registrikood", "ee.kmkr"), "ES": ("es.cif", "es.nif"),
    "FI": ("fi.ytunnus", "fi.alv"), "FR": ("fr.siren", "fr.siret", "fr.tva"), "HR": ("hr.oib",),
    "IL": ("il.hp",), "IT": ("it.iva", "it.codicefiscale"), "JP": ("jp.cn",), "KR": ("kr.brn",),
    "LU": ("lu.tva",), "NO": ("no.orgnr", "no.mva"), "PE": ("pe.ruc",), "PL": ("pl.nip", "pl.regon"),
    "PT": ("pt.nif",), "RO": ("ro.cui", "ro.cf"), "SE": ("se.orgnr", "se.vat"), "SG": ("sg.uen",),
    "SI": ("si.maticna", "si.ddv"), "TR": ("tr.vkn",), "TW": ("tw.ubn",), "UA": ("ua.edrpou",),
    "US": ("us.ein",),
}  # fmt: skip


@cache
def _register(name: str) -> tuple[Callable[[str], str], str]:
    module = import_module(f"stdnum.{name}")
    return module.validate, name.partition(".")[2]


def national_id(value: str, country_code: str) -> str:
    """A number of a national register, checked where the country's registers have check digits.

    Germany's and Britain's, for instance, have none: there only the form is looked at. Without a country
    nothing can be checked either.
    """
    text = " ".join(value.split())
    if not re.fullmatch(r"[\w.\-/ &]{1,40}", text):
        raise BadIdentifier(
            "national_id_format", "A number of a register has up to 40 letters, digits, dots and dashes."
        )
    names = REGISTERS.get(country_code, ())
    for name in names:
        validate, _ = _register(name)
        try:
            return str(validate(text))[:40]
        except _BadNumber:
            continue
    if names:
        kinds = " or ".join(_register(name)[1].upper() for name in names)
        raise BadIdentifier(
            "national_id_check_digits",
            f"This is no number of {country_code} ({kinds}): look for a typing error.",
        )
    return text.upper()
