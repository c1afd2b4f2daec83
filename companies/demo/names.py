"""Names and symbols that no real company has: coined words, and a market place called DEMO."""

from __future__ import annotations

from collections.abc import Mapping

_BEGINNINGS = """
    Amble Bramble Crumble Dapple Ember Fiddle Gobble Hobble Inkle Jumble Kettle Lumber Mumble Nimble Oddle
    Pebble Quibble Rumble Scuttle Thimble Umber Vimble Wobble Yonder Zigzag Boggle Candle Doodle Fumble Gargle
"""
_ENDINGS = """
    abbot bourne combe dyke elm foss grange hurst inch jetty knoll ledge moor ness orchard pyke quay rigg
    stowe thwaite upland vale wick yoke zell firth garth holt lock mere
"""
_FIRST, _LAST = _BEGINNINGS.split(), _ENDINGS.split()
MOST_COMPANIES = len(_FIRST) * len(_LAST)
# Shares no factor with their number, so that neighbours differ in both parts.
_STRIDE = 347

_TRADES: Mapping[str, tuple[str, ...]] = {
    "Technology": ("Software", "Semiconductors", "Robotics", "Networks"),
    "Healthcare": ("Diagnostics", "Clinics", "Pharma", "Devices"),
    "Financial Services": ("Payments", "Brokers", "Leasing", "Advisory"),
    "Consumer Cyclical": ("Apparel", "Hotels", "Furniture", "Motors"),
    "Industrials": ("Machinery", "Logistics", "Aerospace", "Tools"),
    "Communication Services": ("Telecom", "Media", "Broadcasting", "Games"),
    "Consumer Defensive": ("Foods", "Beverages", "Grocers", "Household"),
    "Energy": ("Drilling", "Pipelines", "Refining", "Renewables"),
    "Utilities": ("Power", "Water", "Gas", "Grid"),
    "Real Estate": ("Properties", "Offices", "Warehouses", "Homes"),
    "Basic Materials": ("Minerals", "Chemicals", "Paper", "Steel"),
}


def _parts(number: int) -> tuple[str, str]:
    first, last = divmod(number * _STRIDE % MOST_COMPANIES, len(_LAST))
    return _FIRST[first], _LAST[last]


def name_of(number: int, sector: str) -> str:
    """The name of a company: ``Bramblewick Steel``."""
    first, last = _parts(number)
    trades = _TRADES[sector]
    return f"{first}{last} {trades[number // len(_TRADES) % len(trades)]}"


def symbol_of(number: int) -> str:
    """Its symbol, with the number that makes it unique: ``BRAWI007.DEMO``."""
    first, last = _parts(number)
    return f"{first[:3]}{last[:2]}{number:03d}.DEMO".upper()
