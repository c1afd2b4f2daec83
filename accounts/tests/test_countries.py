"""Log-ins from a country that an account was not used from before."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.utils import timezone
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from accounts.permissions import Role
from accounts.watching import countries
from tests.fixtures import PASSWORD, World, anonymous
from tests.letters import letters
from tests.test_limits import LOGIN, events

# Networks that are set aside for documents.
AUSTRIA, FRANCE, NOWHERE = "203.0.113.9", "198.51.100.7", "192.0.2.1"


@pytest.fixture
def database(tmp_path, settings):
    """A database of two countries, in the two forms that files come in."""
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-Country")
    writer.insert_network(IPSet(["203.0.113.0/24", "2001:db8::/48"]), {"country": {"iso_code": "AT"}})
    writer.insert_network(IPSet(["198.51.100.0/24"]), {"country_code": "fr"})
    path = tmp_path / "countries.mmdb"
    writer.to_db_file(str(path))
    settings.GEOIP_DATABASE = str(path)
    return path


@pytest.mark.parametrize(
    ("address", "code"),
    [
        (AUSTRIA, "AT"),
        ("2001:db8::1", "AT"),
        (FRANCE, "FR"),
        (NOWHERE, ""),
        ("not an address", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_country_of(database, address, code):
    assert countries.country_of(address) == code


def test_without_a_database_no_country_is_known(settings):
    settings.GEOIP_DATABASE = ""
    assert countries.country_of(AUSTRIA) == ""


def test_a_broken_database_is_found_by_the_checks_and_breaks_no_log_in(tmp_path, settings):
    broken = tmp_path / "broken.mmdb"
    broken.write_bytes(b"nothing of the kind" * 100)
    for path in (broken, tmp_path / "absent.mmdb"):
        settings.GEOIP_DATABASE = str(path)
        assert countries.country_of(AUSTRIA) == ""
        assert "accounts.E010" in {found.id for found in run_checks(tags=["security"])}


def test_a_good_database_passes_the_checks(database):
    assert "accounts.E010" not in {found.id for found in run_checks(tags=["security"])}


def test_a_new_country_is_told_once(people: World, database, django_capture_on_commit_callbacks):
    user = people.user(Role.OWNER)
    type(user).objects.filter(pk=user.pk).update(email_verified_at=timezone.now())
    user.known_devices.all().delete()
    user.known_countries.all().delete()

    def log_in(address: str) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            answer = anonymous().post(
                LOGIN,
                {"email": user.email, "password": PASSWORD},
                format="json",
                headers={"user-agent": "Browser/1.0 (Linux)"},
                REMOTE_ADDR=address,
            )
            assert answer.status_code == 200, answer.content

    log_in(AUSTRIA)  # the first: nothing to compare with
    before = len(letters(user.email))
    for address in (FRANCE, FRANCE, AUSTRIA):
        log_in(address)
    told = letters(user.email)[before:]
    assert len(told) == 1
    assert "from France" in told[0].text
    assert events(people, "security.log_in.new_country") == 1
    assert events(people, "security.log_in.somewhere_new") == 0
    log_in(NOWHERE)  # a new network in no known country
    assert events(people, "security.log_in.somewhere_new") == 1
    assert {len(mark) for mark in user.known_countries.values_list("mark", flat=True)} == {64}
