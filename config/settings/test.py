"""Tests: real PostgreSQL and Redis, a cheap password hash, files under var/test."""

from config.settings.base import *  # noqa: F403 - settings modules inherit by import
from config.settings.base import CACHES, VAR_DIR

DEBUG = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MEDIA_ROOT = VAR_DIR / "test" / "media"
MODEL_CACHE = str(VAR_DIR / "test" / "models")
EMAIL_FILE_PATH = VAR_DIR / "test" / "mail"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
PLATFORM_HOSTS = ["localhost", "127.0.0.1", "testserver"]
CACHES = {name: {**cache, "KEY_PREFIX": f"test-{name}"} for name, cache in CACHES.items()}
METERING_PREFIX = "test-metering"
SCORING_CHUNK_ROWS = 100
# Tests take dead workers for dead at once.
CHUNK_STALE_SECONDS = 1
# Tests ask more often than people; those of the limits switch them on.
RATE_LIMITS = False
# Tests and their workers change tenants and look at once.
DIRECTORY_LOCAL_SECONDS = 0
