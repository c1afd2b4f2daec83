"""Answers that are files: whatever the client says it accepts, it asked for this file."""

from rest_framework.renderers import JSONRenderer


class FileRenderer(JSONRenderer):
    """Takes part in negotiation for every media type; what goes wrong is still told as JSON."""

    media_type = "*/*"
    format = "file"
