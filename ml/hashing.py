"""A canonical hash of the inputs of a score."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.features import Array

# A number counts with the first 40 of its 52 bits after the point: twelve significant digits.
_DROPPED_BITS: Final = 12
# What stands in the text where a number is; a text itself is quoted, so the two are never confused.
_NUMBER: Final = "#"


def input_hash(row: Mapping[str, Any]) -> str:
    """SHA-256 (64 hexadecimal digits) of a row's inputs, the same however its numbers are written.

    Keys are sorted; missing values (None, NaN, "") are left out; numbers of any type are taken as floats of
    twelve significant digits, so that 1, 1.0, "1.00" and Decimal("1E0") agree. Mappings and sequences (a
    history, for one) are hashed by content. What is hashed is the names as JSON with a place for each number,
    a line feed, and then the numbers as eight bytes each.
    """
    numbers: list[float] = []
    text = _text(row, numbers) or "{}"
    return _digest(text, _bits(np.array(numbers, dtype=np.float64)).tobytes())


def input_hashes(parts: Mapping[str, Mapping[str, Array]], *, listed: Collection[str] = ()) -> list[str]:
    """``input_hash`` of many rows that stand as columns.

    Parameters
    ----------
    parts : mapping of a part's name to its columns
        Float columns of shape (n,) by name; NaN is missing, and a part without a value is left out.
    listed : collection of str
        Parts that are a list with the mapping as its only entry (earlier periods).

    Raises
    ------
    ValueError
        If there is no column at all.
    """
    order = [(part, name) for part in sorted(parts) for name in sorted(parts[part])]
    if not order:
        raise ValueError("there is no column to hash")
    table = np.column_stack([parts[part][name] for part, name in order])
    if not len(table):
        return []
    known = np.ascontiguousarray(np.packbits(~np.isnan(table), axis=1))
    patterns = known.view(np.dtype((np.void, known.shape[1]))).ravel()
    _, first, places = np.unique(patterns, return_index=True, return_inverse=True)
    bits = _bits(table)
    found = [""] * len(table)
    by_group = np.split(np.argsort(places, kind="stable"), np.cumsum(np.bincount(places))[:-1])
    for start, rows in zip(first.tolist(), by_group, strict=True):
        columns = np.flatnonzero(~np.isnan(table[start]))
        text = _form([order[place] for place in columns.tolist()], listed)
        # The names are the same for the whole group: they are gone through once.
        head = hashlib.sha256(f"{text}\n".encode())
        numbers, width = bits[np.ix_(rows, columns)].tobytes(), 8 * len(columns)
        for place, row in enumerate(rows.tolist()):
            whole = head.copy()
            whole.update(numbers[width * place : width * (place + 1)])
            found[row] = whole.hexdigest()
    return found


def _digest(text: str, numbers: bytes) -> str:
    return hashlib.sha256(b"%b\n%b" % (text.encode(), numbers)).hexdigest()


def _bits(values: Array) -> NDArray[np.int64]:
    """The numbers as whole bits, rounded; minus zero is zero."""
    raw = np.ascontiguousarray(values + 0.0).view("<i8")
    rounded: NDArray[np.int64] = (raw + (1 << (_DROPPED_BITS - 1))) >> _DROPPED_BITS << _DROPPED_BITS
    return rounded


def _text(value: Any, numbers: list[float]) -> str | None:
    """A value as text with its numbers taken out; None for one that is missing."""
    if isinstance(value, Mapping):
        pairs = ((json.dumps(str(key)), _text(value[key], numbers)) for key in sorted(value, key=str))
        return f"{{{','.join(f'{key}:{text}' for key, text in pairs if text is not None)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{','.join(_text(item, numbers) or 'null' for item in value)}]"
    if value is None or isinstance(value, bool):
        return None if value is None else json.dumps(value)
    text = str(value).strip()
    if text in ("", "<NA>", "NaT"):
        return None
    try:
        number = float(text)
    except ValueError:
        return json.dumps(text)
    if math.isnan(number):
        return None
    numbers.append(number)
    return _NUMBER


def _form(names: Sequence[tuple[str, str]], listed: Collection[str]) -> str:
    """The text of rows with just these values."""
    parts: dict[str, list[str]] = {}
    for part, name in names:
        parts.setdefault(part, []).append(f"{json.dumps(name)}:{_NUMBER}")
    texts = {part: f"{{{','.join(pairs)}}}" for part, pairs in parts.items()}
    whole = (f"{json.dumps(part)}:{f'[{text}]' if part in listed else text}" for part, text in texts.items())
    return f"{{{','.join(whole)}}}"
