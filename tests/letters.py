"""Letters that the code under test has written, read from their rows: no worker is needed for it."""

from __future__ import annotations

import re

from tenants.kernel import mail
from tenants.kernel.context import in_public
from tenants.mailing.models import OutgoingLetter


def letters(to: str | None = None) -> list[mail.Letter]:
    """Letters not sent yet, the oldest first; to one address, in any case, where it is given."""
    with in_public():
        found = [mail.read(row.sealed) for row in OutgoingLetter.objects.order_by("id") if row.sealed]
    return [letter for letter in found if letter and (to is None or letter.to.lower() == to.lower())]


def token_in(letter: mail.Letter) -> str:
    """The token that a letter's text names."""
    found = re.search(r"^Where a code is asked for: (\S+)$", letter.text, re.MULTILINE)
    assert found, letter.text
    return found[1]
