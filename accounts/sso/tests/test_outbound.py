"""The way out to a provider leads to the open internet only."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from accounts.sso import outbound
from accounts.sso.errors import ProviderUnreachable
from accounts.sso.tests.providers import Liar


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.1.2.3",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
    ],
)
def test_what_is_inside_the_wall_is_not_public(address):
    assert not outbound.is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_the_open_internet_is(address):
    assert outbound.is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://idp.example.com/",
        "https://user:word@idp.example.com/",
        "https:///path",
        "ftp://idp.example.com/",
        "file:///etc/passwd",
        "https://[::1",
        "javascript:alert(1)",
        "",
    ],
)
def test_addresses_that_are_never_called(url):
    with pytest.raises(ProviderUnreachable):
        outbound.checked(url)


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://2130706433/", "https://0/"]
)
def test_names_and_numbers_of_this_machine(url):
    with pytest.raises(ProviderUnreachable):
        outbound.call(url)


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 443)) for ip in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: found)
    with pytest.raises(ProviderUnreachable):
        outbound.resolved("idp.example.com", 443)


def test_redirects_are_not_followed_and_answers_are_short(settings):
    settings.SSO_ALLOW_PRIVATE = True
    liar = Liar()
    try:
        assert outbound.call(f"{liar.issuer}/keys")["keys"]
        liar.requests.clear()
        with pytest.raises(ProviderUnreachable, match="302"):
            outbound.call(f"{liar.issuer}/away")
        assert liar.requests == ["/away"]
        with pytest.raises(ProviderUnreachable, match="too much"):
            outbound.call(f"{liar.issuer}/big")
        with pytest.raises(ProviderUnreachable):
            outbound.call(f"{liar.issuer}/absent")
    finally:
        liar.stop()
