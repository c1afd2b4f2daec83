"""The only way out to a provider: https, public addresses, no redirects, little time, small answers.

An institution's admin names the issuer, and its documents name further addresses; none of them may make
this server call something inside the wall. The name is resolved once, every address is looked at, and the
connection goes to the very address that was looked at.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from accounts.sso.errors import ProviderUnreachable

CONNECT_SECONDS = 5
TOTAL_SECONDS = 10
MOST_BYTES = 512 * 1024
# Networks that carry an IPv4 address inside: translators would lead back in.
CARRIERS = tuple(ip_network(n) for n in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address lies in the open internet."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if any(address in carrier for carrier in CARRIERS):
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def resolved(host: str, port: int) -> str:
    """The address to call for a host; raises ProviderUnreachable if any of its addresses is not public."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise ProviderUnreachable("The identity provider's host is not known.") from None
    addresses = [str(info[4][0]).partition("%")[0] for info in found]
    public = all(is_public(ip_address(address)) for address in addresses)
    if not addresses or not (public or settings.SSO_ALLOW_PRIVATE):
        raise ProviderUnreachable("The identity provider's host is not a public one.")
    return addresses[0]


def checked(url: str) -> str:
    """The address, if it is one that we would call; raises ProviderUnreachable."""
    try:
        parts = urlsplit(url)
        bad = parts.username or parts.password or not parts.hostname or parts.port == 0
    except ValueError:
        raise ProviderUnreachable("The identity provider's address cannot be read.") from None
    schemes = {"https", "http"} if settings.SSO_ALLOW_PRIVATE else {"https"}
    if bad or parts.scheme not in schemes:
        raise ProviderUnreachable("The identity provider's address must begin with https://.")
    return url


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def call(url: str, *, form: dict[str, str] | None = None, basic: str = "") -> dict[str, Any]:
    """The JSON object that an address answers to GET, or to POST of a form; raises ProviderUnreachable."""
    parts = urlsplit(checked(url))
    secure, host = parts.scheme == "https", str(parts.hostname)
    port = parts.port or (443 if secure else 80)
    deadline = time.monotonic() + TOTAL_SECONDS
    connection = http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)
    try:
        connection.sock = socket.create_connection((resolved(host, port), port), CONNECT_SECONDS)
        if secure:
            connection.sock = _tls().wrap_socket(connection.sock, server_hostname=host)
        headers = {"Accept": "application/json"}
        if basic:
            headers["Authorization"] = f"Basic {basic}"
        body = None
        if form is not None:
            body, headers["Content-Type"] = urlencode(form), "application/x-www-form-urlencoded"
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST" if form is not None else "GET", target, body, headers)
        answer = connection.getresponse()
        content = _read(answer, deadline)
        if answer.status != 200:
            raise ProviderUnreachable(f"The identity provider answered {answer.status}.")
        found = json.loads(content)
    except (OSError, http.client.HTTPException, ValueError):
        raise ProviderUnreachable() from None
    finally:
        connection.close()
    if not isinstance(found, dict):
        raise ProviderUnreachable()
    return found


def _read(answer: http.client.HTTPResponse, deadline: float) -> bytes:
    """The body, as long as it is short and comes in time."""
    content = b""
    while piece := answer.read1(65_536):
        content += piece
        if len(content) > MOST_BYTES or time.monotonic() > deadline:
            raise ProviderUnreachable("The identity provider answers too much, or too slowly.")
    return content
