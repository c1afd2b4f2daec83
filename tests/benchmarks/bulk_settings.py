"""The settings of the bulk benchmark: those of the tests, with chunks and waiting times as in earnest."""

from config.settings import base
from config.settings.test import *  # noqa: F403

SCORING_CHUNK_ROWS = base.SCORING_CHUNK_ROWS
CHUNK_STALE_SECONDS = base.CHUNK_STALE_SECONDS
