"""Reading request bodies that somebody made to hurt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework import parsers
from rest_framework.exceptions import ParseError

from tenants.kernel.errors import TooLarge


class JSONParser(parsers.JSONParser):
    """JSON that can be stored: not nested beyond reason, and text that is text."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        request = (parser_context or {}).get("request")
        length = request.META.get("CONTENT_LENGTH") if request is not None else None
        if length and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge("The body is too large.")
        try:
            data = super().parse(stream, media_type, parser_context)
            # Half a surrogate pair is valid JSON and no text: neither database nor answer can hold it.
            json.dumps(data, ensure_ascii=False).encode()
        except (RecursionError, UnicodeEncodeError):
            raise ParseError from None
        return data
