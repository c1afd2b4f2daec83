"""Every failure that the domain expects. Transport-free: no Django, no DRF.

``detail`` is one short readable sentence: clients show it as it is. Machines switch on ``code``.
"""

from __future__ import annotations


class DomainError(Exception):
    """Base of expected failures.

    Subclasses fix ``code`` (stable, machine-readable), ``status`` and ``title``; the constructor
    takes the occurrence's ``detail`` and any structured fields for the answer's body.
    """

    code = "domain_error"
    status = 400
    title = "The request could not be carried out."

    def __init__(self, detail: str = "", *, code: str | None = None, **fields: object) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.code = code or self.code
        self.fields = fields


class InvalidInput(DomainError):
    """Fields that cannot be accepted; ``errors`` lists them as pointer, code and detail."""

    code, status, title = "invalid_input", 400, "Some fields need attention."


class NotSignedIn(DomainError):
    code, status, title = "not_signed_in", 401, "Sign in first."


class BadCredentials(DomainError):
    code, status, title = "bad_credentials", 401, "E-mail or password is not right."


class BadToken(DomainError):
    code, status, title = "bad_token", 401, "The token is missing, expired or revoked."


class Forbidden(DomainError):
    code, status, title = "forbidden", 403, "Your role does not allow this."


class StepUpRequired(DomainError):
    """A dangerous action by a session whose last proof is too old; ``step_up`` says how to give one."""

    code, status, title = "step_up_required", 403, "Prove once more that it is you."


class Absent(DomainError):
    """A row that does not exist, or that the caller may not know of: the same words for both."""

    code, status, title = "absent", 404, "There is no such resource."


class ModuleOff(DomainError):
    """A part of the platform that is switched off for the institution."""

    code, status, title = "module_off", 404, "This part is switched off for your institution."


class Conflict(DomainError):
    code, status, title = "conflict", 409, "The resource is in a state that forbids this."


class Stale(DomainError):
    """The caller changes a state that somebody has changed since he read it."""

    code, status, title = "stale", 412, "Somebody has changed this since you read it."


class TooLarge(DomainError):
    code, status, title = "too_large", 413, "The upload is too large."


class TooMany(DomainError):
    """Too many requests or attempts; ``retry_after`` says for how many seconds nothing will be heard."""

    code, status, title = "too_many", 429, "Too many attempts; wait a little."


class Unprocessable(DomainError):
    code, status, title = "unprocessable", 422, "The request contradicts an earlier one."


class Unavailable(DomainError):
    """A part of the platform that the operator must mend first."""

    code, status, title = "unavailable", 503, "This is not available just now."


class StorageFull(DomainError):
    """There was no room for a file; nothing of it stays behind."""

    code, status, title = "storage_full", 507, "There is no room to store the file just now. Try again later."


class ScopeMissing(RuntimeError):
    """Code touched organization-owned rows without saying whose: a bug, answered with 500."""


class OutOfScope(RuntimeError):
    """Code reached beyond its tenant or organizations: a bug, answered with 500."""
