"""Settings shared by every environment; development and the demo use them as they are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from config import env
from config.settings.api import *  # noqa: F403 - settings modules inherit by import
from config.settings.connectors import *  # noqa: F403 - settings modules inherit by import
from config.settings.console import *  # noqa: F403 - what the consoles read: titles, colours, sidebars, formats
from config.settings.files import *  # noqa: F403 - settings modules inherit by import
from config.settings.work import *  # noqa: F403 - settings modules inherit by import

BASE_DIR = env.ROOT
VAR_DIR = BASE_DIR / "var"
ENVIRONMENT = env.ENVIRONMENT
VERSION = "0.1.0"

SECRET_KEY = env.text("SECRET_KEY")
DEBUG = env.flag("DEBUG", default=False)

# Hosts of the platform itself; every other host must be a tenant's (tenants.Domain), so the list of
# allowed hosts is open here and closed by the tenant middleware.
PLATFORM_HOSTS = env.listing("PLATFORM_HOSTS", "localhost,127.0.0.1,[::1]")
TENANT_HOST_SUFFIX = env.text("TENANT_HOST_SUFFIX", "localhost")
ALLOWED_HOSTS = ["*"]
PUBLIC_APP_URL = env.text("PUBLIC_APP_URL", "http://localhost:8000")
# Proxies of ours in front of the web server: so many entries of X-Forwarded-For are believed.
TRUSTED_PROXY_COUNT = env.number("TRUSTED_PROXY_COUNT", 0)
# A file that tells the country of an address (.mmdb); none: countries are not known.
GEOIP_DATABASE = env.text("GEOIP_DATABASE", "")
# The port is part of the links that are printed and mailed.
PORT = env.number("PORT", 8000)

SHARED_APPS = [
    "unfold",
    "django_tenants",
    "tenants",
    "tenants.mailing",
    "accounts",
    "accounts.mfa",
    "accounts.api_keys",
    "accounts.recovery",
    "accounts.standing",
    "accounts.privacy",
    "accounts.watching",
    "accounts.sso",
    "companies.fx",
    "predictions.registry",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.admin",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "django_celery_results",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
]
TENANT_APPS = [
    "organizations",
    "organizations.joining",
    "organizations.notices",
    "companies",
    "companies.lists",
    "companies.connectors",
    "companies.imports",
    "predictions",
    "predictions.own_models",
    "predictions.schedules",
    "predictions.dry_runs",
    "predictions.rescoring",
    "predictions.monitoring",
    "predictions.scenarios",
    "predictions.exporting",
    "predictions.flags",
]
# Earlier apps' templates and commands win: unfold's over django_tenants', and ours over both.
INSTALLED_APPS = list(dict.fromkeys(["unfold", "tenants", "accounts", *TENANT_APPS, *SHARED_APPS]))
TENANT_MODEL = "tenants.Tenant"
TENANT_DOMAIN_MODEL = "tenants.Domain"
DATABASE_ROUTERS = ["tenants.kernel.replicas.ReplicaRouter", "django_tenants.routers.TenantSyncRouter"]
# Reads the bearer token for the tenant middleware, which stands below the accounts app.
TENANT_TOKEN_READER = "accounts.tokens.read_bearer"  # noqa: S105 - a dotted path, no secret

MIDDLEWARE = [
    # First: a preflight is answered before anything could redirect it, which no browser follows.
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tenants.kernel.middleware.RequestContextMiddleware",
    "tenants.kernel.protection.ProtectionMiddleware",
    "tenants.kernel.middleware.HealthMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "tenants.kernel.middleware.TenantMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.ConsoleSessionMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls_tenant"
PUBLIC_SCHEMA_URLCONF = "config.urls_public"
# Both forms of an address answer without a redirect, see tenants.kernel.routers.
APPEND_SLASH = False
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

_database = env.database()
DATABASES = {
    "default": {
        **_database,
        "ENGINE": "django_tenants.postgresql_backend",
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **_database["OPTIONS"],  # type: ignore[dict-item]
            # Small pools that forget: a backend that has visited hundreds of schemas keeps hundreds of
            # megabytes of catalogue cache.
            "pool": {
                "min_size": 1,
                "max_size": env.number("DATABASE_POOL", 6),
                "timeout": 10,
                "max_lifetime": 600,
                # Attempts come twice as late each time. By default they go on for five minutes, and a server
                # that was away for one is found after another.
                "reconnect_timeout": 5,
            },
        },
    }
}
# A streaming replica for reads that are marked (tenants.kernel.replicas).
if env.text("DATABASE_REPLICA_URL", ""):
    _replica = env.database("DATABASE_REPLICA_URL")
    DATABASES["replica"] = {
        **DATABASES["default"],
        **_replica,
        "OPTIONS": {
            **_replica["OPTIONS"],  # type: ignore[dict-item]
            "pool": {"min_size": 0, "max_size": 2, "timeout": 5, "max_lifetime": 600, "reconnect_timeout": 5},
        },
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES: dict[str, dict[str, Any]] = {
    # Keys carry the current tenant's schema.
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": env.redis_url(1),
        "KEY_FUNCTION": "django_tenants.cache.make_key",
        "REVERSE_KEY_FUNCTION": "django_tenants.cache.reverse_key",
    },
    # What is true for the whole platform: tenants by host, who may enter where, signing keys.
    "directory": {
        "BACKEND": "tenants.kernel.caching.DirectoryCache",
        "LOCATION": env.redis_url(1),
        "KEY_PREFIX": "directory",
        # Raise it when what is cached changes its form: processes of two releases share the cache.
        "VERSION": 2,
    },
}
# Together at most 30 seconds: so long may a withdrawn right last where no service knew of its session.
DIRECTORY_SECONDS = 28
DIRECTORY_LOCAL_SECONDS = 2
# Before the names of the counters in Redis (tenants.metering).
METERING_PREFIX = "metering"

AUTH_USER_MODEL = "accounts.User"
# Addresses are unique without regard to case, by a constraint that this check does not know.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
AUTHENTICATION_BACKENDS = ["accounts.backends.EmailBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["email", "spoken_names"]},
    },
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 8},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"
# Host-only cookies: a session of one tenant's host is never sent to another.
SESSION_COOKIE_NAME = "drp_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_NAME = "drp_csrf"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "tenants.kernel.problem.csrf_failure"

# Failed log-ins: how many are free, the first pause after them and the longest one, in seconds. A pause
# doubles with each further failure; the longest ones are short, so that nobody can shut another out.
LOGIN_LIMITS = {
    # one account from one address: somebody guesses
    "pair": (5, 30, 900),
    # one account from everywhere: many machines guess. Addresses it has signed in from are let through.
    "account": (20, 15, 120),
    # one address for all accounts: somebody tries one password on many
    "address": (100, 15, 900),
}
VERIFICATION_LIFETIME = timedelta(days=3)
PASSWORD_RESET_LIFETIME = timedelta(hours=1)
# How many such letters an account gets in an hour.
MAILED_TOKENS_PER_HOUR = 3
# Apps that hold something of a person, for his export and for archiving him (accounts.privacy.sources).
PERSONAL_DATA_SOURCES = [
    "organizations.joining.personal",
    "organizations.notices.personal",
    "companies.lists.personal",
    "organizations.personal",
]
# Deleted companies can be restored for so long; then they are removed for good.
COMPANY_RETENTION_DAYS = env.number("COMPANY_RETENTION_DAYS", 90)
# What is thought of companies, told by an app above; see companies.outlook.
COMPANY_OUTLOOK = "predictions.outlook"
# What follows from a company's default; see companies.defaults.
COMPANY_DEFAULTS = "predictions.monitoring.defaults"
# Notices are removed after so many days, read or not.
NOTICE_RETENTION_DAYS = env.number("NOTICE_RETENTION_DAYS", 180)
PERSONAL_EXPORT_LIFETIME = timedelta(days=7)
ENABLE_REGISTRATION = env.flag("ENABLE_REGISTRATION", default=True)
ACCESS_TOKEN_LIFETIME = timedelta(
    minutes=env.number("ACCESS_TOKEN_EXPIRE_MINUTES", 30, "JWT_ACCESS_TOKEN_EXPIRE_MINUTES")
)
REFRESH_TOKEN_LIFETIME = timedelta(days=env.number("JWT_REFRESH_TOKEN_EXPIRE_DAYS", 7))
# How long a proof given anew (POST /auth/step-up) opens dangerous actions to its session.
STEP_UP_SECONDS = env.number("STEP_UP_SECONDS", 300)
# Single sign-on: who writes a new person's membership, above accounts; and whether providers may be called by
# http or at private addresses, for a provider on the same machine.
SSO_MEMBER_SERVICE = "organizations.services.member_add"
SSO_ALLOW_PRIVATE = env.flag("SSO_ALLOW_PRIVATE", default=False)
# Life of an API key in days where nothing is said, and at most.
API_KEY_DAYS = env.number("API_KEY_DAYS", 90)
API_KEY_MAX_DAYS = env.number("API_KEY_MAX_DAYS", 365)
# Whether super admins need a second factor for everything but enrolling one.
PLATFORM_REQUIRE_MFA = env.flag("PLATFORM_REQUIRE_MFA", default=False)
TOKEN_ISSUER = env.text("TOKEN_ISSUER", "default-risk-platform")
SIMPLE_JWT = {"ALGORITHM": "RS256", "USER_ID_CLAIM": "sub", "USER_ID_FIELD": "id"}

# Organizations: the most members that any may allow itself, how long an offer of its ownership and an
# invitation wait for an answer, and how long an archive is kept before its organization may be deleted.
ORGANIZATION_MAX_USERS = env.number("ORGANIZATION_MAX_USERS", 10_000)
ORGANIZATION_DELETE_AFTER_DAYS = env.number("ORGANIZATION_DELETE_AFTER_DAYS", 30)
OWNERSHIP_OFFER_DAYS = env.number("OWNERSHIP_OFFER_DAYS", 14)
INVITATION_DAYS = env.number("INVITATION_DAYS", 14)

CORS_ALLOWED_ORIGINS = env.listing("CORS_ORIGINS", "", "CORS_ORIGIN")
CORS_ALLOW_ALL_ORIGINS = ENVIRONMENT == "development" and not CORS_ALLOWED_ORIGINS
CORS_URLS_REGEX = r"^/(api|\.well-known)/.*$"
CORS_PREFLIGHT_MAX_AGE = 7200
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "x-request-id",
]
CORS_EXPOSE_HEADERS = ["etag", "location", "retry-after", "x-request-id", "idempotency-replayed"]
CORS_EXPOSE_HEADERS += ["ratelimit", "ratelimit-policy"]

# The process of live progress (config/asgi.py). Where it has a port of its own and no proxy joins it with the
# API, pages look for it there; 0 means the same origin, below /stream/.
STREAM_PORT = env.number("STREAM_PORT", 0)
STREAM_REDIS_URL = env.redis_url(1)
STREAM_HEARTBEAT_SECONDS = 15
# How often an open stream asks anew whether its caller may still see it.
STREAM_CHECK_SECONDS = 5
# Streams that one user may hold open: tabs, and a program or two.
STREAM_MAX_PER_USER = env.number("STREAM_MAX_PER_USER", 10)

# What signs the audit log: the first signs, all verify. Without an own key the log's is derived from
# SECRET_KEY, and a new SECRET_KEY must keep the old one here for rows written before.
AUDIT_KEYS = env.listing("AUDIT_KEYS") if env.text("AUDIT_KEYS", "") else [SECRET_KEY]
# Tells people of unusual access, for the kernel that stands below the accounts app.
ALARM_RECEIVER = "accounts.watching.services.alarm_send"
# Lists up to so many rows come at once, longer ones as a file that is made in the background.
EXPORT_DIRECT_ROWS = env.number("EXPORT_DIRECT_ROWS", 5_000)
EXPORT_MAX_ROWS = env.number("EXPORT_MAX_ROWS", 2_000_000)
EXPORT_KEPT_DAYS = env.number("EXPORT_KEPT_DAYS", 7)
# Folder with DejaVuSans.ttf and DejaVuSans-Bold.ttf; empty: where Linux has them, else reportlab's own font.
PDF_FONTS = env.text("PDF_FONTS", "")
# A chunk whose worker has not reported for this long is handed out again by the sweeper.
CHUNK_STALE_SECONDS = env.number("CHUNK_STALE_SECONDS", 20)
# Chunks in the queue at a time: of one job, of one organization, and of all tenants, who share them alike.
# Twice the number of scoring processes keeps all of them busy (decision 0045).
CHUNKS_PER_JOB = env.number("CHUNKS_PER_JOB", 4)
CHUNKS_PER_ORGANIZATION = env.number("CHUNKS_PER_ORGANIZATION", 8)
CHUNKS_IN_FLIGHT = env.number("CHUNKS_IN_FLIGHT", 16)
# Files that are read into chunks at a time, all tenants together; up to URGENT_MAX_ROWS does not count.
CUTS_AT_ONCE = env.number("CUTS_AT_ONCE", 1)
# A file of so many rows is urgent by itself; one of more than URGENT_MAX_ROWS cannot be. Either only while
# its organization has not spent its rows of the hour.
SMALL_FILE_ROWS = env.number("SMALL_FILE_ROWS", 2_000)
URGENT_MAX_ROWS = env.number("URGENT_MAX_ROWS", 20_000)
URGENT_ROWS_PER_HOUR = env.number("URGENT_ROWS_PER_HOUR", 100_000)
# What an organization may have unfinished, and upload in 24 hours; 0 is no limit.
JOBS_UNFINISHED = env.number("JOBS_UNFINISHED", 50)
JOB_ROWS_PER_DAY = env.number("JOB_ROWS_PER_DAY", 0)
# A chunk that takes longer is stopped, and split if it does so again.
CHUNK_MAX_SECONDS = env.number("CHUNK_MAX_SECONDS", 120)
# So many rows of a file may make the scoring fail; with more the fault is not theirs: the job fails.
JOB_MAX_FAULTS = env.number("JOB_MAX_FAULTS", 100)
# A PD that moved by no more than this share of itself counts as unchanged.
PD_UNCHANGED_BAND = env.number("PD_UNCHANGED_BAND", 5) / 100
# Months after the end of its period from which a statement's score is marked as old.
STALE_MONTHS = env.number("STALE_MONTHS", 24)
PD_FLOOR = float(env.text("PD_FLOOR", "0"))
# Copies of models that are not the shipped one, by hash; made on demand.
MODEL_CACHE = env.text("MODEL_CACHE", str(VAR_DIR / "models"))
# The development data, for validation reports that are counted anew; may be missing.
MODEL_DATA = env.text("MODEL_DATA", str(BASE_DIR.parent / "shared" / "data"))
# What a challenger said in the champion's shadow is kept so long.
SHADOW_RETENTION_DAYS = env.number("SHADOW_RETENTION_DAYS", 730)
MODEL_PATH = env.text("MODEL_PATH", str(BASE_DIR / "ml" / "artifacts" / "default"))
# "cuda" predicts large sets on a GPU; where there is none, a warning says so and the processor does it.
MODEL_DEVICE = env.text("MODEL_DEVICE", "cpu")

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

# With a key of Resend mail goes out through it, otherwise into files (in production: to EMAIL_HOST).
RESEND_API_KEY = env.text("RESEND_API_KEY", "")
ANYMAIL = {"RESEND_API_KEY": RESEND_API_KEY, "REQUESTS_TIMEOUT": 10}
EMAIL_BACKEND = (
    "anymail.backends.resend.EmailBackend"
    if RESEND_API_KEY
    else "django.core.mail.backends.filebased.EmailBackend"
)
EMAIL_FILE_PATH = VAR_DIR / "mail"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Default Risk Platform <no-reply@localhost>")
# Where links in mail lead; {app} is PUBLIC_APP_URL. A front end with pages of its own names them here.
LINKS = {
    "verify_email": env.text("LINK_VERIFY_EMAIL", "{app}/account/verify?token={token}"),
    "reset_password": env.text("LINK_RESET_PASSWORD", "{app}/account/reset?token={token}"),
    "home": env.text("LINK_HOME", "{app}/"),
    "join": env.text("LINK_JOIN", "{app}/join/{token}"),
    "forgot_password": env.text("LINK_FORGOT_PASSWORD", "{app}/account/forgot"),
    "sso": env.text("LINK_SSO", "{app}/sso/callback?code={code}"),
}

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "structlog.stdlib.ProcessorFormatter",
            "processor": "ext://tenants.kernel.logs.renderer",
            "foreign_pre_chain": "ext://tenants.kernel.logs.PRE_CHAIN",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {"django.server": {"level": "WARNING"}, "django.request": {"level": "ERROR"}},
}
