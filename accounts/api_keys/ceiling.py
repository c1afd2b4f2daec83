"""What a key may give to people: nothing that it does not hold itself."""

from __future__ import annotations

from accounts.api_keys.services import NOT_FOR_KEYS
from accounts.permissions import MATRIX, Role
from tenants.kernel.errors import Forbidden
from tenants.kernel.request import current


def key_holds(role: Role) -> bool:
    """Whether no key calls, or one whose scopes are all that the role may."""
    scopes = current().scopes
    return scopes is None or not (MATRIX[role].keys() - NOT_FOR_KEYS - scopes)


def assert_key_holds(role: Role) -> None:
    """Raise Forbidden where a key calls whose scopes are less than what the role may.

    Rank alone says what the key's owner gives. Without this a key for one thing could make an account, or
    raise one, that may everything its owner may, and sign in with it.
    """
    if not key_holds(role):
        raise Forbidden("This key does not hold everything that the role may.", code="beyond_key")
