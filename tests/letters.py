"""Letters that the code under test has written, read from their rows: no worker is needed for it."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from pathlib import Path

from django.conf import settings

from tenants.kernel import mail
from tenants.kernel.context import in_public
from tenants.mailing.models import OutgoingLetter


def letters(to: str | None = None) -> list[mail.Letter]:
    """Letters not sent yet, the oldest first; to one address, in any case, where it is given."""
    with in_public():
        found = [mail.read(row.sealed) for row in OutgoingLetter.objects.order_by("id") if row.sealed]
    return [letter for letter in found if letter and (to is None or letter.to.lower() == to.lower())]


def last_text(to: str) -> str:
    """Text of the last letter to an address, also where a worker has sent it meanwhile."""
    if waiting := letters(to):
        return waiting[-1].text
    files = sorted(Path(settings.EMAIL_FILE_PATH).glob("*.log"), key=lambda file: file.stat().st_mtime)
    sent = [
        part for file in files for part in re.split(rb"\n-{79}\n", file.read_bytes()) if to.encode() in part
    ]
    assert sent, f"no letter to {to}"
    body = message_from_bytes(sent[-1], policy=policy.default).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def token_in(letter: mail.Letter | str) -> str:
    """The token that a letter's text names."""
    text = letter if isinstance(letter, str) else letter.text
    found = re.search(r"^Where a code is asked for: (\S+)$", text, re.MULTILINE)
    assert found, text
    return found[1]
