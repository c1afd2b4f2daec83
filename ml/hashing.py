"""A canonical hash of the inputs of a score."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any


def input_hash(row: Mapping[str, Any]) -> str:
    """SHA-256 (64 hexadecimal digits) of a row's inputs, the same however its numbers are written.

    Keys are sorted; missing values (None, NaN, "") are left out; numbers of any type are reduced to twelve
    significant digits in one form, so that 1, 1.0, "1.00" and Decimal("1E0") agree. Mappings and sequences
    (a history, for one) are hashed by content.
    """
    text = json.dumps(_canonical(row), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        parts = {str(key): _canonical(item) for key, item in value.items()}
        return {key: item for key, item in parts.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    text = str(value).strip()
    if text in ("<NA>", "NaT"):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text or None
    if not number.is_finite():
        return None if math.isnan(number) else text.lower()
    if number == 0:
        return "0"
    return f"{number:.11e}"
