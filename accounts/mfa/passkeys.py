"""A user's passkeys: made, named, removed. Using one is a proof (``accounts.mfa.proofs``)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.mfa import ceremonies, services
from accounts.mfa.errors import ProofRefused
from accounts.mfa.models import Guard, Passkey
from accounts.models import User
from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.errors import Absent, Conflict, InvalidInput
from tenants.kernel.request import Actor

MOST = 10
LONGEST_NAME = 60


def place_or_refuse() -> ceremonies.Place:
    """The relying party of the request; raises Conflict where browsers know none."""
    place = ceremonies.here()
    if place is None:
        raise Conflict("Passkeys need an address with a name, not one of numbers.", code="no_passkeys_here")
    return place


def passkey_begin(*, user: User, session_id: UUID) -> dict[str, Any]:
    """What a browser needs to make a key on this host; good for five minutes and one answer of this session.

    Raises Conflict for the eleventh key, and where there can be none.
    """
    place = place_or_refuse()
    with in_public():
        if Passkey.objects.filter(user=user).count() >= MOST:
            raise Conflict(f"{MOST} passkeys are as many as there can be.", code="too_many_passkeys")
        return ceremonies.creation_options(user, place=place, bound=session_id)


@transaction.atomic
def passkey_add(
    *, user: User, name: str, credential: dict[str, Any], session_id: UUID, actor: Actor
) -> tuple[Passkey, list[str]]:
    """Put a key into force that a browser has made; with it the recovery codes, where they are new.

    Every session of the user that was opened without a second factor ends, but this one. Raises ProofRefused
    for an answer that is not right, InvalidInput for the name, Conflict.
    """
    with in_public():
        Guard.objects.get_or_create(user=user)
        Guard.objects.select_for_update().get(user=user)
        key = ceremonies.creation_check(user, credential, bound=session_id)
        if key is None:
            raise ProofRefused("That did not work, or took too long. Begin anew.")
        held = Passkey.objects.filter(user=user).count()
        if held >= MOST:
            raise Conflict(f"{MOST} passkeys are as many as there can be.", code="too_many_passkeys")
        key.name = _name(name or f"Passkey {held + 1}")
        try:
            with transaction.atomic():
                key.save()
        except IntegrityError:
            raise Conflict("This passkey is registered already.", code="passkey_known") from None
        changes = {"name": key.name, "host": key.host}
        audit.record("accounts.mfa.passkey_added", on=user, changes=changes, actor=actor)
        return key, services.factor_added(user, session_id, actor)


def passkey_of(user: User, passkey_id: UUID) -> Passkey:
    """One of the user's own keys, locked; raises Absent."""
    found = Passkey.objects.select_for_update().filter(user=user, pk=passkey_id).first()
    if found is None:
        raise Absent()
    return found


@transaction.atomic
def passkey_rename(*, user: User, passkey_id: UUID, name: str, actor: Actor) -> Passkey:
    """Give a key another name; raises Absent, InvalidInput."""
    with in_public():
        key = passkey_of(user, passkey_id)
        before, key.name = key.name, _name(name)
        key.save(update_fields=["name"])
        audit.record(
            "accounts.mfa.passkey_renamed", on=user, changes={"name": [before, key.name]}, actor=actor
        )
    return key


@transaction.atomic
def passkey_remove(*, user: User, passkey_id: UUID, actor: Actor) -> None:
    """Do without a key; raises Absent."""
    with in_public():
        key = passkey_of(user, passkey_id)
        key.delete()
        changes = {"name": key.name, "host": key.host}
        audit.record("accounts.mfa.passkey_removed", on=user, changes=changes, actor=actor)
        services.factor_removed(user)


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        detail = f"Give it a name of up to {LONGEST_NAME} letters."
        raise InvalidInput(detail, errors=[{"pointer": "/name", "code": "invalid", "detail": detail}])
    return name
