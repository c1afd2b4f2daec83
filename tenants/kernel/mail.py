"""Mail: a letter is rendered and sealed in the caller's transaction, and sent by a worker after commit.

A letter may hold a secret (a link that opens an account), so it is not an argument of a task: the broker
sees an id. The row is encrypted, removed as soon as the letter is sent, and emptied when it is given up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Context
from django.template.loader import get_template, render_to_string

from tenants.kernel.context import RESERVED, current_tenant, in_a_tenant, in_public
from tenants.kernel.jobs import enqueue
from tenants.kernel.request import SYSTEM
from tenants.kernel.sealing import seal, unseal

TABLE = "mailing.OutgoingLetter"
PURPOSE = "tenants.mail"
PRODUCT = "Default Risk Platform"
# Of headings and buttons, where the institution has none of its own.
COLOUR = "#17697f"


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it will be sent."""

    to: str
    subject: str
    text: str
    html: str


def link(name: str, **values: str) -> str:
    """An address for people, from the template of that name in ``settings.LINKS``.

    ``{app}`` is PUBLIC_APP_URL; values are quoted, so a token or an address can stand in a query.
    """
    quoted = {key: quote(value, safe="") for key, value in values.items()}
    return str(settings.LINKS[name].format(app=settings.PUBLIC_APP_URL.rstrip("/"), **quoted))


def brand() -> dict[str, str]:
    """In whose name a letter is written: the institution's inside its tenant, else the platform's."""
    if in_a_tenant() and (tenant := current_tenant()).schema_name not in RESERVED:
        return {"name": tenant.display_name, "product": PRODUCT, "colour": tenant.brand.colour or COLOUR}
    return {"name": PRODUCT, "product": PRODUCT, "colour": COLOUR}


def send(*, template: str, to: str, context: Mapping[str, Any]) -> UUID:
    """Send ``templates/mail/TEMPLATE.{subject.txt,txt,html}`` once the current transaction commits.

    Rendered here and now: a template that fails, fails in the request and not in a worker. The context
    gets ``brand`` beside what is given.
    """
    letter = render(template=template, to=to, context=context)
    table = apps.get_model(TABLE)
    with in_public():
        row = table.objects.create(sealed=seal(json.dumps(asdict(letter)), purpose=PURPOSE))
        # SYSTEM: the stamp of a message names its actor, and no address has business in the broker.
        enqueue("mailing.deliver", actor=SYSTEM, queue="mail", letter_id=str(row.pk))
    return UUID(str(row.pk))


def render(*, template: str, to: str, context: Mapping[str, Any]) -> Letter:
    """A letter from its templates."""
    values = {"brand": brand(), **context}
    subject = _plain(f"mail/{template}.subject.txt", values)
    return Letter(
        to=to,
        # One line: nothing that somebody has typed may become a header.
        subject=" ".join(subject.split())[:200],
        text=_plain(f"mail/{template}.txt", values).strip() + "\n",
        html=render_to_string(f"mail/{template}.html", values),
    )


def _plain(name: str, values: Mapping[str, Any]) -> str:
    # Plain text knows no markup: escaping would put &amp; into it.
    backend: Any = get_template(name)
    return str(backend.template.render(Context(dict(values), autoescape=False)))


def read(sealed: str) -> Letter | None:
    """A letter out of its row, or None where SECRET_KEY has changed since."""
    text = unseal(sealed, purpose=PURPOSE)
    return Letter(**json.loads(text)) if text is not None else None


def post(letter: Letter) -> None:
    """Hand a letter to the mail backend; raises what that raises."""
    message = EmailMultiAlternatives(letter.subject, letter.text, settings.DEFAULT_FROM_EMAIL, [letter.to])
    message.attach_alternative(letter.html, "text/html")
    message.send()
