"""The settings of the stage for faults: those of the tests, in a place of its own, with short waits."""

import os
from pathlib import Path

from config.settings.test import *  # noqa: F403

_place = Path(os.environ["FAULTS_PLACE"])
MEDIA_ROOT = _place / "media"
FILE_UPLOAD_TEMP_DIR = str(_place / "uploads")
MODEL_CACHE = str(_place / "models")
SCORING_CHUNK_ROWS = 400
CHUNK_STALE_SECONDS = 3
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
