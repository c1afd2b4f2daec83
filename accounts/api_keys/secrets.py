"""What a key looks like: ``drp_live_``, forty random letters and digits, six of a checksum.

The prefix tells people and secret scanners what they have found; by the checksum they, and we, know a
typing error or a made-up key without asking a database.
"""

from __future__ import annotations

import secrets
import string
import zlib

PREFIX = "drp_live_"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_LETTERS = 40  # of 62: 238 bits
CHECK_LETTERS = 6
HINT_LETTERS = len(PREFIX) + 6


def checksum(body: str) -> str:
    """CRC-32 in base 62: against mistakes, not against attackers."""
    number, letters = zlib.crc32(body.encode()), ""
    for _ in range(CHECK_LETTERS):
        number, digit = divmod(number, len(ALPHABET))
        letters = ALPHABET[digit] + letters
    return letters


def new_secret() -> str:
    """A new key."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LETTERS))
    return f"{PREFIX}{body}{checksum(body)}"


def is_well_formed(text: str) -> bool:
    """Whether this can be a key at all."""
    body, check = text[len(PREFIX) : -CHECK_LETTERS], text[-CHECK_LETTERS:]
    return text.startswith(PREFIX) and len(body) == RANDOM_LETTERS and checksum(body) == check


def hint_of(secret: str) -> str:
    """How a key begins: enough to tell one's own keys apart."""
    return secret[:HINT_LETTERS]
