"""Secrets that open an organization: made here, kept as a hash, and found without looking into every tenant.

A token begins with the public id of its tenant; what follows is random. A code is short enough to be read
out, unique on the platform, and written without characters that are taken for one another.
"""

from __future__ import annotations

import hashlib
import secrets
from uuid import UUID

from accounts.api_keys.ceiling import key_holds
from accounts.permissions import Role, rank
from organizations.joining.models import JoinLink
from tenants import selectors as tenants
from tenants.kernel.context import RESERVED, TenantRef, current_tenant
from tenants.kernel.errors import Absent
from tenants.kernel.sealing import seal, unseal

PURPOSE = "organizations.joining"
# Without 0 and O, 1 and I and L, 5 and S, 2 and Z, 8 and B, U and V.
ALPHABET = "34679ACDEFGHJKMNPQRTWXY"
CODE_LENGTH = 10
# The longest that anybody needs to send: nothing longer is hashed.
LONGEST = 128


def new_token() -> str:
    """A token of the current tenant, with 192 random bits."""
    return f"{current_tenant().id.hex}.{secrets.token_urlsafe(24)}"


def digest_of(token: str) -> str:
    """What is kept of a token. It is random, so it needs neither salt nor a slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def sealed(token: str) -> str:
    return seal(token, purpose=PURPOSE)


def unsealed(text: str) -> str | None:
    """The token again, or None where SECRET_KEY has changed since: rotate the link then."""
    return unseal(text, purpose=PURPOSE)


def shown(link: JoinLink, gives: str, viewer: Role | str | None) -> str | None:
    """The token of a link that gives a role, for whoever may give it; None for others, and where it is lost.

    Whoever sees it can send it to anybody: to a friend whom he could not make an admin himself.
    """
    return unsealed(link.sealed) if may_pass_on(gives, viewer) else None


def may_pass_on(gives: str, viewer: Role | str | None) -> bool:
    """Whether somebody of a role, or the key that calls for him, could give this role by his own right."""
    return rank(viewer) > rank(gives) and key_holds(Role(gives))


def new_code() -> str:
    """A code in its plain form: ten of 23 characters, 45 bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def plain_code(text: str) -> str | None:
    """A code as it is kept, from what somebody has typed; None for what can be none."""
    plain = text.strip().upper().replace("-", "").replace(" ", "")
    fits = len(plain) == CODE_LENGTH and set(plain) <= set(ALPHABET)
    return plain if fits else None


def shown_code(code: str) -> str:
    """A code as people read it: in two groups."""
    return f"{code[:5]}-{code[5:]}"


def tenant_of(token: str) -> TenantRef:
    """The institution that a token names; raises Absent. The rest of the token is for its schema to know."""
    head, _, tail = token.strip()[:LONGEST].partition(".")
    try:
        tenant = tenants.tenant_by_id(UUID(hex=head)) if len(head) == 32 and tail else None
    except ValueError:
        tenant = None
    if tenant is None or tenant.state != "active" or tenant.schema_name in RESERVED:
        raise Absent("This link or code leads nowhere.")
    return tenant
