"""What can go wrong between the platform and a source."""

from __future__ import annotations

from tenants.kernel.errors import DomainError, Unavailable


class SourceFailed(DomainError):
    """The source does not answer, or not as it should."""

    code, status, title = "source_failed", 502, "The source does not answer as it should."


class CircuitOpen(DomainError):
    """Nothing is asked of the source for a while, because it has failed again and again."""

    code, status, title = (
        "circuit_open",
        503,
        "The source has failed repeatedly; it is left alone for a while.",
    )


class SecretMissing(Unavailable):
    """A credential is not in the secret store."""

    code, title = "secret_missing", "A credential of the connector is missing."


class NotThere(Exception):
    """The source answers, and has no such document: no failure of the source."""


class Unreadable(Exception):
    """A document that cannot be read as what it is; the message goes into the report."""
