"""Finding companies by what people remember of them.

Each word must be part of the name, or begin the symbol or the ticker, or be an identifier. Where the server
has pg_trgm, words with a typing error find alike names too; where it has not, they find nothing.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from django.contrib.postgres.search import TrigramWordSimilarity
from django.db import connection
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Lower

MOST_WORDS: Final = 6
# Share of a word's trigrams that a name must have: one wrong letter of six passes.
ALIKE: Final = 0.45
SHORTEST_ALIKE: Final = 4


@cache
def has_trigrams() -> bool:
    """Whether the server compares words by their trigrams; asked once, it does not change under a process."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm')")
        return bool(cursor.fetchone()[0])


def matching(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Companies that the words lead to, the surest first."""
    words = text.replace("\0", " ").split()[:MOST_WORDS]
    if not words:
        return rows
    alike = has_trigrams()
    for number, word in enumerate(words):
        wanted = _exactly(word) | Q(symbol__istartswith=word) | Q(ticker__istartswith=word)
        wanted |= Q(name__icontains=word)
        if alike and len(word) >= SHORTEST_ALIKE:
            mark = f"alike{number}"
            rows = rows.alias(**{mark: TrigramWordSimilarity(word.lower(), "name_key")})
            wanted |= Q(**{f"{mark}__gte": ALIKE})
        if not alike:
            rows = rows.filter(_holding(word))
        rows = rows.filter(wanted)
    whole = " ".join(words)
    place = Case(
        When(_exactly(whole), then=Value(0)),
        When(symbol__istartswith=whole, then=Value(1)),
        When(name__istartswith=whole, then=Value(2)),
        default=Value(3),
        output_field=IntegerField(),
    )
    return rows.order_by(place, "symbol", "-id")


def _holding(word: str) -> Q:
    """What all ways to be found by a word have in common: one look into one text leaves few rows over."""
    found = Q(findable__contains=Lower(Value(word)))
    if word.isdecimal():
        found |= Q(findable__contains=word.lstrip("0") or "0")
    return found


def _exactly(word: str) -> Q:
    found = Q(symbol__iexact=word) | Q(ticker__iexact=word) | Q(national_id__iexact=word)
    if len(word) == 20:
        found |= Q(lei=word.upper())
    if word.isdecimal():
        found |= Q(cik=word.lstrip("0") or "0")
    return found
