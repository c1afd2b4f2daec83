"""Notice log-ins from somewhere new, and tell people of what is unusual."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import timedelta
from functools import partial
from ipaddress import ip_address, ip_network
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from accounts.models import AuthSession, Membership, MembershipState, User
from accounts.permissions import Role
from accounts.watching import countries
from accounts.watching.models import KnownCountry, KnownDevice
from tenants.kernel import mail, watch
from tenants.kernel.context import in_public
from tenants.kernel.request import once_committed

# A device unused for so long is new again.
FORGET_AFTER = timedelta(days=400)
MOST_RECEIVERS = 20


def _network(address: str) -> str:
    found = ip_address(address)
    return str(ip_network((found, 24 if found.version == 4 else 48), strict=False))


def _mark(text: str) -> str:
    return hmac.new(f"watching:{settings.SECRET_KEY}".encode(), text.encode(), hashlib.sha256).hexdigest()


def device_mark(user_id: UUID, device: str, address: str | None) -> str:
    """What a kind of device in a network is known by: the same after an update of the browser."""
    kind = re.sub(r"[\d.]+", "", device)
    return _mark(f"{user_id}|{kind}|{_network(address) if address else ''}")


def _is_new(known: type[KnownDevice] | type[KnownCountry], user: User, mark: str) -> bool:
    """Remember a mark; whether it is a further one: an account's first has nothing to be compared with."""
    now = timezone.now()
    rows = known.objects.filter(user=user)
    if rows.filter(mark=mark, last_seen_at__gt=now - FORGET_AFTER).update(last_seen_at=now):
        return False
    first = not rows.exists()
    known.objects.update_or_create(user=user, mark=mark, defaults={"last_seen_at": now})
    return not first


def session_seen(*, user: User, session: AuthSession) -> bool:
    """Remember where a session was opened from; whether it is somewhere new for this account.

    Somewhere new is told once, to the person, after the log-in has been committed: the country where that
    is new, else the device or network.
    """
    if not session.device and not session.address:
        return False
    device_is_new = _is_new(KnownDevice, user, device_mark(user.id, session.device, session.address))
    country = countries.country_of(session.address)
    if country and _is_new(KnownCountry, user, _mark(f"{user.id}|country|{country}")):
        sentence = (
            f"Your account was used from {countries.name_of(country)}, where it was not used from before."
        )
        once_committed(partial(_tell, user, session, "security.log_in.new_country", sentence))
    elif device_is_new:
        sentence = "Your account was used from a device or network that it was not used from before."
        once_committed(partial(_tell, user, session, "security.log_in.somewhere_new", sentence))
    else:
        return False
    return True


def _tell(user: User, session: AuthSession, action: str, sentence: str) -> None:
    watch.tell(
        action,
        sentence=sentence,
        actor=user.actor,
        changes={"session": str(session.id)},
        person_id=user.id,
        admins=False,
    )


def alarm_send(
    *, sentence: str, tenant_id: UUID | None, person_id: UUID | None, address: str | None, device: str
) -> int:
    """Write to the person whom an unusual access concerns and to the admins of the institution; how many
    letters. Nobody gets one twice."""
    with in_public():
        people = User.objects.filter(is_active=True, email_verified_at__isnull=False)
        receivers = {user.email: user for user in people.filter(pk=person_id)} if person_id else {}
        if tenant_id is not None:
            held = Membership.objects.filter(
                tenant_id=tenant_id, role=Role.TENANT_ADMIN, state=MembershipState.ACTIVE
            )
            admins = people.filter(pk__in=held.values("user_id")).order_by("id")
            receivers |= {user.email: user for user in admins[:MOST_RECEIVERS]}
        concerned = User.objects.filter(pk=person_id).first() if person_id else None
    for email in receivers:
        mail.send(
            template="security/unusual_access",
            to=email,
            context={
                "sentence": sentence,
                "person": concerned.email if concerned is not None else "",
                "own": concerned is not None and concerned.email == email,
                "address": address or "",
                "device": device,
                "at": timezone.now(),
            },
        )
    return len(receivers)


def places_purge() -> int:
    """Forget devices and countries that an account was not used from for long."""
    unused = {"last_seen_at__lt": timezone.now() - FORGET_AFTER}
    with in_public():
        return sum(known.objects.filter(**unused).delete()[0] for known in (KnownDevice, KnownCountry))
