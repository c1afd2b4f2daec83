"""What a second factor may be refused for."""

from __future__ import annotations

from tenants.kernel.errors import DomainError


class ProofRefused(DomainError):
    """A password or code that is wrong, used or out of date: the same words for all of them."""

    code, status, title = "proof_refused", 403, "That is not right, or it was used before."


class MfaRequired(DomainError):
    """The first factor was right; the sign-in goes on at ``/auth/mfa/verify`` with ``mfa_token``."""

    code, status, title = "mfa_required", 401, "This account asks for a second factor."


class MfaRefused(DomainError):
    """A sign-in whose second factor was wrong, or which has waited too long for it."""

    code, status, title = "mfa_refused", 401, "The code is not right, or this sign-in has expired."


class MfaEnrolmentRequired(DomainError):
    """The institution asks for a second factor, and this session was opened without one."""

    code, status, title = (
        "mfa_enrolment_required",
        403,
        "This institution asks for a second factor: enrol one.",
    )
