"""Identifiers, sectors and what is said of a company, read by one set of rules."""

from __future__ import annotations

from decimal import Decimal

import pytest

from companies import identifiers
from companies.cleaning import clean
from companies.identifiers import BadIdentifier
from companies.models import CustomField
from companies.sectors import SECTORS, from_nace, from_sic, reading, sector_named
from companies.sectors.codes import NACE, NACE_GROUPS, SIC
from companies.sectors.mapping import sector_of_industry


@pytest.mark.parametrize(
    ("read", "typed", "kept"),
    [
        (identifiers.lei, "hwupkr0mpou8fgxbt394", "HWUPKR0MPOU8FGXBT394"),
        (identifiers.cik, "0000320193", "320193"),
        (identifiers.cik, "CIK 320193", "320193"),
        (identifiers.ticker, " brk.b ", "BRK.B"),
        (identifiers.exchange, "Nasdaq", "XNAS"),
        (identifiers.exchange, "xetr", "XETR"),
        (identifiers.country, "Germany", "DE"),
        (identifiers.country, "USA", "US"),
        (identifiers.country, "gbr", "GB"),
        (identifiers.currency, "eur", "EUR"),
        (identifiers.symbol, " aapl ", "AAPL"),
    ],
)
def test_what_people_type_becomes_what_registers_write(read, typed, kept):
    assert read(typed) == kept


@pytest.mark.parametrize(
    ("read", "typed", "code"),
    [
        (identifiers.lei, "HWUPKR0MPOU8FGXBT395", "lei_check_digits"),
        (identifiers.lei, "HWUPKR0MPOU8", "lei_format"),
        (identifiers.cik, "32019A", "cik_format"),
        (identifiers.cik, "000", "cik_format"),
        (identifiers.country, "Atlantis", "country_unknown"),
        (identifiers.currency, "EURO", "currency_unknown"),
        (identifiers.symbol, "A B", "symbol_invalid"),
    ],
)
def test_what_no_register_gave_out_is_refused(read, typed, code):
    with pytest.raises(BadIdentifier) as bad:
        read(typed)
    assert bad.value.code == code


def test_national_numbers_are_checked_where_the_register_has_check_digits():
    assert identifiers.national_id("552 008 443", "FR") == "552008443"
    assert identifiers.national_id("923 609 016", "NO") == "923609016"
    assert identifiers.national_id("HRB 42243", "DE") == "HRB 42243"
    assert identifiers.national_id("anything-1", "") == "ANYTHING-1"
    with pytest.raises(BadIdentifier) as bad:
        identifiers.national_id("552008444", "FR")
    assert bad.value.code == "national_id_check_digits"


def test_every_register_named_is_there():
    for country, names in identifiers.REGISTERS.items():
        assert identifiers.country(country) == country
        for name in names:
            assert callable(identifiers._register(name)[0])


def test_the_eleven_sectors_and_their_other_names():
    assert [s.name for s in SECTORS] == [
        "Technology",
        "Healthcare",
        "Financial Services",
        "Consumer Cyclical",
        "Industrials",
        "Communication Services",
        "Consumer Defensive",
        "Energy",
        "Utilities",
        "Real Estate",
        "Basic Materials",
    ]
    assert sector_named("Information  Technology") == "Technology"
    assert sector_named("Oil & Gas") == sector_named("oil and gas") == "Energy"
    assert sector_named("Something  else") == "Something else"


def test_every_code_leads_to_an_industry_and_none_is_hidden_by_another():
    named = [name for *_, name in (*NACE, *SIC)] + list(NACE_GROUPS.values())
    assert [name for name in named if not sector_of_industry(name)] == []
    for number, (first, last, _) in enumerate(SIC):
        covered = [(a, b) for a, b, _ in SIC[:number] if a <= first and last <= b]
        assert covered == [], (first, last)


def test_codes_give_sector_and_industry():
    assert (from_sic(3674).sector, from_sic("3674").industry) == ("Technology", "Semiconductors")
    assert from_sic("6798").sector == "Real Estate"
    assert from_sic("x").sector == ""
    assert from_nace("C26.11").industry == from_nace("2611").industry == "Semiconductors"
    assert from_nace("64").sector == "Financial Services"
    found = reading(sector="Tech", industry="SIC 3674")
    assert (found.sector, found.industry) == ("Technology", "Semiconductors")
    # A name that is given stands above a code that says otherwise.
    assert reading(sector="Energy", sic="3674").industry == ""
    assert reading(industry="semiconductors").sector == "Technology"


def test_faults_are_listed_by_field_and_nothing_raises():
    definitions = {
        "rank": CustomField(name="rank", label="Rank", kind="number"),
        "area": CustomField(name="area", label="Area", kind="choice", choices=["North", "South"]),
        "since": CustomField(name="since", label="Since", kind="date", required=True),
        "vip": CustomField(name="vip", label="VIP", kind="yes_no"),
    }
    said = {
        "symbol": "abc",
        "lei": "bad",
        "country": "FR",
        "national_id": "552008443",
        "market_cap": "1,234.5",
        "fiscal_year_end": "30 June",
        "tags": "one; two,one",
        "custom.rank": "a lot",
        "custom": {"area": "north", "vip": "yes", "colour": "red"},
        "height": 3,
    }
    found = clean(said, definitions=definitions, creating=True)
    assert {(f.field, f.code) for f in found.faults} == {
        ("lei", "lei_format"),
        ("custom.rank", "custom_number"),
        ("custom.colour", "unknown_field"),
        ("custom.since", "required"),
        ("height", "unknown_field"),
    }
    assert found.values["market_cap"] == Decimal("1234.5")
    assert found.values["fiscal_year_end"] == 6
    assert found.values["tags"] == ["one", "two"]
    assert found.custom == {"area": "North", "vip": True}
