"""Connectors: credentials, time-outs, circuits, file drops, the SEC."""

from __future__ import annotations

from config import env

# Connectors (companies.connectors). Credentials: environment (CONNECTOR_SECRET_NAME), file or aws.
CONNECTOR_SECRETS = env.text("CONNECTOR_SECRETS", "environment")
CONNECTOR_SECRET_VALUES = env.beginning_with("CONNECTOR_SECRET_")
CONNECTOR_SECRETS_DIR = env.text("CONNECTOR_SECRETS_DIR", "/run/secrets/connectors")
CONNECTOR_SECRETS_PREFIX = env.text("CONNECTOR_SECRETS_PREFIX", "default-risk-platform/")
CONNECTOR_SECRETS_REGION = env.text("AWS_REGION", "us-east-1")
CONNECTOR_SECRETS_ENDPOINT = env.text("CONNECTOR_SECRETS_ENDPOINT", "")
# Seconds that a source may take to answer, attempts, the first pause between them, and its circuit breaker.
CONNECTOR_TIMEOUT = env.number("CONNECTOR_TIMEOUT", 30)
CONNECTOR_ATTEMPTS = env.number("CONNECTOR_ATTEMPTS", 4)
CONNECTOR_BACKOFF = 0.5
CONNECTOR_CIRCUIT_FAILURES = env.number("CONNECTOR_CIRCUIT_FAILURES", 5)
CONNECTOR_CIRCUIT_SECONDS = env.number("CONNECTOR_CIRCUIT_SECONDS", 60)
# A run without a sign of life for so long is taken up by another worker.
CONNECTOR_SILENT_SECONDS = 900
# Where organizations' systems drop files: a folder for each below it; buckets are at the endpoint.
CONNECTOR_DROP_ROOT = env.text("CONNECTOR_DROP_ROOT", "") or str(env.ROOT / "var" / "drops")
CONNECTOR_S3_ENDPOINT = env.text("CONNECTOR_S3_ENDPOINT", "")
# The SEC asks for a user agent that names who asks, and for ten requests a second at most.
EDGAR_USER_AGENT = env.text("EDGAR_USER_AGENT", "")
EDGAR_REQUESTS_PER_SECOND = env.number("EDGAR_REQUESTS_PER_SECOND", 8)
EDGAR_DATA_URL = env.text("EDGAR_DATA_URL", "https://data.sec.gov")
EDGAR_WWW_URL = env.text("EDGAR_WWW_URL", "https://www.sec.gov")
EDGAR_DATASETS_PATH = env.text("EDGAR_DATASETS_PATH", "/files/dera/data/financial-statement-data-sets")
# For a mirror of one's own: whom to trust, and what to show where it asks (mutual TLS).
EDGAR_CA_FILE = env.text("EDGAR_CA_FILE", "")
EDGAR_CLIENT_CERT = env.text("EDGAR_CLIENT_CERT", "")
EDGAR_CLIENT_KEY = env.text("EDGAR_CLIENT_KEY", "")
