"""Currencies and units of amounts, as people write them in headers and cells."""

from __future__ import annotations

import re
from typing import Final

_CODES: Final = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD
    CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
    GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT
    LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR
    NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP
    STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD
    XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES: Final = frozenset(_CODES.split())
"""The currencies of ISO 4217."""

_WORDS: Final[dict[int, str]] = {
    1: "1 unit units one ones whole full",
    1_000: "1000 000 000s thousand thousands k tsd",
    1_000_000: "1000000 million millions m mm mn mio mln",
    1_000_000_000: "1000000000 billion billions b bn bio mrd",
}
_FACTORS: Final = {word: factor for factor, words in _WORDS.items() for word in words.split()}
_TOKEN: Final = re.compile(r"[^\W_]+")


def unit_factor(text: str) -> int | None:
    """Whole units in one of the named unit ("USD millions" is 1000000), or None for an unknown one."""
    tokens = [token for token in _TOKEN.findall(text.casefold()) if token not in {"in", "of"}]
    words = [token for token in tokens if token.upper() not in CURRENCIES]
    if len(words) == 1:
        return _FACTORS.get(words[0])
    return 1 if tokens and not words else None


def currency_code(text: str) -> str | None:
    """The ISO 4217 code in a text such as "usd" or "EUR m", or None."""
    for token in _TOKEN.findall(text.upper()):
        if token in CURRENCIES:
            return str(token)
    return None
