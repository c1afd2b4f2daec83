"""Expected failures of identity. Transport-free, like those of the kernel."""

from __future__ import annotations

from tenants.kernel.errors import DomainError, TooMany


class Unverified(DomainError):
    """The address is not proved yet, and what is asked for goes by the address."""

    code, status, title = "unverified", 403, "Verify your e-mail address first."


class BadLink(DomainError):
    """A mailed token that is unknown, used or too old; never which of them."""

    code, status, title = "bad_link", 400, "This link is not valid any more; ask for a new one."


class WrongPassword(DomainError):
    """The present password, asked for once more. Not 401: that would end the session of clients."""

    code, status, title = "wrong_password", 400, "The current password is not right."


class LockedOut(TooMany):
    """Too many failed log-ins of this account or from this address; the same whether there is an account."""

    code = "locked_out"
