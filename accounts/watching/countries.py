"""Which country an address lies in, by a file on this machine: no address is told to anybody.

The file is the operator's choice (``GEOIP_DATABASE``), in MaxMind's format, as MaxMind, DB-IP and others
publish it. Without one no country is known, and nothing here says that it is.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

import maxminddb
import pycountry
from django.conf import settings
from django.core import checks

logger = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def _database(path: str) -> maxminddb.Reader | None:
    """The open file, once a process; None where it cannot be read, which is logged once."""
    try:
        return maxminddb.open_database(path)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as fault:
        logger.error("GEOIP_DATABASE cannot be read: %s", type(fault).__name__)
        return None


def country_of(address: str | None) -> str:
    """ISO 3166-1 alpha-2 code of an address's country; empty where it is not known."""
    if not address or not settings.GEOIP_DATABASE:
        return ""
    database = _database(settings.GEOIP_DATABASE)
    try:
        found: Any = database.get(address) if database is not None else None
    except (ValueError, maxminddb.InvalidDatabaseError):
        return ""
    if not isinstance(found, dict):
        return ""
    # Large files hold {"country": {"iso_code": "AT"}}, small ones {"country_code": "AT"}.
    country = found.get("country")
    code = country.get("iso_code") if isinstance(country, dict) else found.get("country_code")
    return code.upper() if isinstance(code, str) else ""


def name_of(code: str) -> str:
    """The English name of a country."""
    country = pycountry.countries.get(alpha_2=code)
    return getattr(country, "common_name", country.name) if country is not None else code


@checks.register(checks.Tags.security)
def database_is_readable(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """A file that was asked for and cannot be read is a mistake of the setting."""
    if not settings.GEOIP_DATABASE or _database(settings.GEOIP_DATABASE) is not None:
        return []
    return [checks.Error("GEOIP_DATABASE names no readable database of addresses.", id="accounts.E010")]
