"""Exchange rates: the ECB's file, a plain one, the rate that holds on a day, and who may load them."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from accounts.permissions import Role
from companies.fx.files import read_rates
from companies.fx.models import FxRate
from companies.fx.selectors import rates_on
from companies.fx.services import rates_load
from tenants.kernel.errors import InvalidInput
from tenants.kernel.request import Actor

pytestmark = pytest.mark.django_db
ACTOR = Actor(None, "test")
ECB = "Date,USD,JPY,BGN,CYP,\n2024-12-31,1.0389,163.06,1.9558,N/A,\n2024-12-30,1.0444,164.07,1.9558,N/A,\n"
ADDRESS = "/api/v1/fx-rates"


def test_the_ecbs_file_is_read():
    rates = {(r.currency, r.on): r.usd_per_unit for r in read_rates(ECB)}
    assert rates["EUR", date(2024, 12, 31)] == Decimal("1.0389")
    assert float(rates["JPY", date(2024, 12, 31)]) == pytest.approx(1.0389 / 163.06, abs=1e-9)
    assert not [key for key in rates if key[0] in {"USD", "CYP"}]
    daily = read_rates("Date, USD, JPY\n31 December 2024, 1.0389, 163.06\n")
    assert {(r.currency, r.on) for r in daily} == {
        ("EUR", date(2024, 12, 31)),
        ("JPY", date(2024, 12, 31)),
    }


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a,b\n", 1),
        ("currency,date,usd_per_unit\nXXQ,2024-01-01,1\n", 2),
        ("currency,date,usd_per_unit\nEUR,2024-01-01,1\nEUR,yesterday,1\n", 3),
        ("currency,date,usd_per_unit\nEUR,2024-01-01,-1\n", 2),
        ("currency,date,usd_per_unit\nEUR,2024-01-01,NaN\n", 2),
        ("Date,USD\n2024-01-01,N/A\n", 2),
    ],
)
def test_a_fault_names_its_line(text, line):
    with pytest.raises(InvalidInput) as refused:
        read_rates(text)
    assert refused.value.fields["errors"][0]["pointer"] == f"/file/{line}"


def test_the_latest_rate_of_the_days_before_holds(world):
    rates_load(text=ECB, source="ECB", actor=ACTOR)
    sunday, long_after = date(2025, 1, 5), date(2025, 3, 1)
    found = rates_on([("EUR", sunday), ("EUR", date(2024, 12, 30)), ("EUR", long_after), ("USD", sunday)])
    assert found["EUR", sunday].on == date(2024, 12, 31)
    assert found["EUR", date(2024, 12, 30)].usd_per_unit == Decimal("1.0444")
    assert ("EUR", long_after) not in found
    assert ("USD", sunday) not in found


def test_the_same_file_twice_changes_nothing(world):
    first = rates_load(text=ECB, source="ECB", actor=ACTOR)
    again = rates_load(text=ECB, source="ECB", actor=ACTOR)
    assert (first.rates, first.changed, first.currencies) == (6, 6, 3)
    assert again.changed == 0
    other = rates_load(text=ECB.replace("1.0389", "1.05"), source="ECB", actor=ACTOR)
    assert other.changed == 3
    assert FxRate.objects.get(currency="EUR", on=date(2024, 12, 31)).usd_per_unit == Decimal("1.05")


def test_the_command_loads_and_says_what_is_wrong(world, tmp_path):
    file = tmp_path / "rates.csv"
    file.write_text(ECB)
    call_command("load_fx", str(file))
    assert FxRate.objects.count() == 6
    file.write_text("nothing")
    with pytest.raises(CommandError, match="header"):
        call_command("load_fx", str(file))


def test_rates_are_loaded_by_the_platform_and_read_by_all(world):
    body = {"file": SimpleUploadedFile("rates.csv", ECB.encode())}
    assert world.client(Role.OWNER).post(ADDRESS, body, format="multipart").status_code == 403
    body = {"file": SimpleUploadedFile("rates.csv", ECB.encode()), "source": "ECB"}
    loaded = world.client(Role.SUPER_ADMIN, host="localhost").post(ADDRESS, body, format="multipart")
    assert loaded.status_code == 201, loaded.json()
    assert loaded.json() == {"rates": 6, "changed": 6, "currencies": 3}
    listed = world.client(Role.VIEWER).get(ADDRESS, {"currency": "eur"}).json()
    assert [row["on"] for row in listed["items"]] == ["2024-12-31", "2024-12-30"]
    wrong = world.client(Role.SUPER_ADMIN, host="localhost").post(
        ADDRESS, {"file": SimpleUploadedFile("rates.csv", b"\xff\xfe")}, format="multipart"
    )
    assert wrong.json()["errors"][0]["code"] == "bad_rates"
