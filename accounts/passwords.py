"""Passwords: the rules, how they are kept, and the one way in by them."""

from __future__ import annotations

from django.contrib.auth import authenticate
from django.contrib.auth.hashers import identify_hasher, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts import lockout
from accounts.models import Credential, User
from tenants.kernel.errors import BadCredentials, InvalidInput


def check_rules(password: str, user: User, *, names: str | None = None, field: str = "password") -> None:
    """Raise InvalidInput that names every rule the password breaks."""
    if names is None:
        names = f"{user.profile.full_name} {user.profile.username}"
    user.spoken_names = names
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput(
            " ".join(error.messages)[:100],
            errors=[{"pointer": f"/{field}", "code": "weak_password", "detail": m} for m in error.messages],
        ) from None


def store(user: User, password: str | None) -> None:
    """Keep the hash of a password that was checked; None is one that nobody can enter. No audit row."""
    hashed = make_password(password)
    algorithm = str(identify_hasher(hashed).algorithm) if password is not None else "none"
    Credential.objects.update_or_create(
        user=user, defaults={"password": hashed, "algorithm": algorithm, "changed_at": timezone.now()}
    )


def check(*, email: str, password: str, address: str | None) -> User | None:
    """The user whose address and password these are, else None; every way in by password comes here.

    Raises LockedOut after too many failures, whether or not there is such a user.
    """
    attempt = lockout.begin(email, address)
    user = authenticate(username=email, password=password)
    if not isinstance(user, User):
        return None
    lockout.succeeded(attempt)
    return user


def assert_stands(user: User) -> None:
    """Raise BadCredentials where the password that let the user in was changed in the meantime.

    The credential came with the user when the password was checked; a change takes the same lock, ends the
    sessions that are there, and must not miss one that is just being opened.
    """
    known = user._state.fields_cache.get("credential")
    if known is None:  # let in by something else than a password
        return
    now = Credential.objects.select_for_update().filter(user=user).first()
    if now is None or now.changed_at != known.changed_at:
        raise BadCredentials()
