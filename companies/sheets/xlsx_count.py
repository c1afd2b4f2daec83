"""Rows of a sheet's XML counted without parsing it, where it is plain enough for that.

An upload is answered before its job starts, and for that answer only the number of rows is needed. Programs
write sheets in one plain form; whatever departs from it is left to the parser by giving no number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_ROW_END: Final = b"</row>"
_ROW_NUMBER: Final = re.compile(rb'<row(?=\s)[^>]*?\sr="(\d{1,7})"')
_SURE: Final = re.compile(rb"<(?:v|t)(?:\s[^>]*)?>[!-%'-;=-~]|<f[\s/>]")
"""A value that begins with a visible ASCII character (no entity), or a formula: the row is not blank."""
_PERHAPS: Final = re.compile(rb"<(?:v|t)(?:\s[^>]*)?>[^<]")
_UNUSUAL: Final = re.compile(rb"<!|<rPh|<\w+:row")
_OTHER_ENCODING: Final = re.compile(rb'encoding=["\'](?!utf-8["\'])', re.IGNORECASE)
_LONGEST_ROW: Final = 4 << 20


def count_filled_rows(chunks: Iterable[bytes], after: int) -> int | None:
    """Number of rows below the row `after` that hold a value; None when only parsing can tell."""
    count = 0
    passed_header = False
    rest = b""
    for position, chunk in enumerate(chunks):
        if position == 0 and (b"\x00" in chunk or _OTHER_ENCODING.search(chunk[:200])):
            return None
        rest += chunk
        if _UNUSUAL.search(rest) or len(rest) > _LONGEST_ROW:
            return None
        *rows, rest = rest.split(_ROW_END)
        for row in rows:
            if not passed_header:
                numbers = _ROW_NUMBER.findall(row)
                if not numbers:
                    return None
                passed_header = int(numbers[-1]) > after
                if not passed_header:
                    continue
            if _SURE.search(row):
                count += 1
            elif _PERHAPS.search(row):
                return None
    return None if _PERHAPS.search(rest) else count
