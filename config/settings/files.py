"""Files: where they lie, how large they may be, how long they stay."""

from __future__ import annotations

from config import env

# Files of tenants: in a local folder, or in a bucket of any S3-compatible store that all machines reach. The
# credential is the machine's own (role, profile) unless one is given.
MEDIA_ROOT = env.ROOT / "var" / "media"
STORAGE_BUCKET = env.text("STORAGE_BUCKET", "")
STORAGE_ENDPOINT = env.text("STORAGE_ENDPOINT", "")
_folder: dict[str, object] = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
_bucket: dict[str, object] = {
    "BACKEND": "tenants.kernel.buckets.BucketStorage",
    "OPTIONS": {
        "bucket_name": STORAGE_BUCKET,
        "endpoint_url": STORAGE_ENDPOINT or None,
        # Stores at an address of their own have no name for each bucket.
        "addressing_style": "path" if STORAGE_ENDPOINT else "auto",
        "region_name": env.text("AWS_REGION", "us-east-1"),
        "access_key": env.text("STORAGE_ACCESS_KEY", "") or None,
        "secret_key": env.text("STORAGE_SECRET_KEY", "") or None,
    },
}
STORAGES: dict[str, dict[str, object]] = {
    "default": _bucket if STORAGE_BUCKET else _folder,
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = env.ROOT / "var" / "static"
STATICFILES_DIRS = [env.ROOT / "static"]
# Of a body apart from files: no request needs more.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
DATA_UPLOAD_MAX_NUMBER_FILES = 5
HEADERS_MAX_BYTES = 32 * 1024
QUERY_MAX_BYTES = 8 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
UPLOAD_MAX_BYTES = env.number("UPLOAD_MAX_BYTES", 500 * 1024 * 1024)
UPLOAD_MAX_ROWS = env.number("UPLOAD_MAX_ROWS", 1_000_000)
UPLOAD_MAX_ROWS_INDIVIDUAL = env.number("UPLOAD_MAX_ROWS_INDIVIDUAL", 100)
OWN_MODEL_MAX_ROWS = env.number("OWN_MODEL_MAX_ROWS", 200_000)
# Files that were only looked through go after so many days, unless their rows were scored.
DRY_RUN_KEPT_DAYS = env.number("DRY_RUN_KEPT_DAYS", 7)
SCORING_CHUNK_ROWS = env.number("SCORING_CHUNK_ROWS", 10_000)
IMPORT_MAX_ROWS = env.number("IMPORT_MAX_ROWS", 200_000)
IMPORT_CHUNK_ROWS = env.number("IMPORT_CHUNK_ROWS", 500)
# Effects of an import that are taken back within the request; more are in the background.
IMPORT_UNDO_AT_ONCE = env.number("IMPORT_UNDO_AT_ONCE", 1_000)
# Days that a file is kept which nobody has started.
IMPORT_DRAFT_DAYS = env.number("IMPORT_DRAFT_DAYS", 14)
