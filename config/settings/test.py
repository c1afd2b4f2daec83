"""Tests: real PostgreSQL and Redis, a cheap password hash, files under var/test.

Test processes side by side have a database, two databases of Redis and a folder each.
"""

from config import env
from config.settings.base import *  # noqa: F403 - settings modules inherit by import
from config.settings.base import CACHES, DATABASES, STORAGES, VAR_DIR

_process = env.test_process()
_place = VAR_DIR / "test" if _process < 0 else VAR_DIR / "test" / f"process{_process}"
_first = 2 * max(_process, 0)
if _process >= 0:
    DATABASES["default"]["TEST"] = {"NAME": f"test_{DATABASES['default']['NAME']}_{_process}"}
CELERY_BROKER_URL = env.redis_url(_first)

DEBUG = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MEDIA_ROOT = _place / "media"
MODEL_CACHE = str(_place / "models")
EMAIL_FILE_PATH = _place / "mail"
STORAGES = {
    "default": STORAGES["default"],
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
PLATFORM_HOSTS = ["localhost", "127.0.0.1", "testserver"]
CACHES = {
    name: {**cache, "KEY_PREFIX": f"test-{name}", "LOCATION": env.redis_url(_first + 1)}
    for name, cache in CACHES.items()
}
STREAM_REDIS_URL = env.redis_url(_first + 1)
METERING_PREFIX = "test-metering"
SCORING_CHUNK_ROWS = 100
# Tests take dead workers for dead at once.
CHUNK_STALE_SECONDS = 4
# Tests ask more often than people; those of the limits switch them on.
RATE_LIMITS = False
# Tests and their workers change tenants and look at once.
DIRECTORY_LOCAL_SECONDS = 0
# Sources of tests fail fast and come back fast.
CONNECTOR_DROP_ROOT = str(_place / "drops")
CONNECTOR_BACKOFF = 0.01
