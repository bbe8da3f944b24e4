"""All settings, from the environment. Without any variable set this is the embedded mode: SQLite, a
filesystem broker, everything under DATA_DIR, bound to loopback. docs/operations.md lists the variables."""

import os
import secrets
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONCE, NONE, SELF  # noqa: F401
from django.utils.translation import gettext_lazy as _

from config.env import envbool, envint, envlist, envnetworks, envsecret, envstr

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(envstr("DATA_DIR", str(BASE_DIR / "data"))).resolve()
FILES_DIR = DATA_DIR / "files"
# Models that curation steps read rows with; a recipe names a folder in it.
MODELS_DIR = Path(os.environ.get("MODELS_DIR") or DATA_DIR / "models")
HOST = envstr("HOST", "127.0.0.1")
PORT = envint("PORT", 8000)
LOOPBACK = HOST in {"127.0.0.1", "::1", "localhost"}
DEBUG = envbool("DEBUG", False)
# requests at once in each; made when needed (docs/architecture/processes.md says why so many)
WEB_THREADS = envint("WEB_THREADS", 160)
# of each; an open connection on which nothing is asked costs no thread
WEB_CONNECTIONS = envint("WEB_CONNECTIONS", 10_000)
# how long a client may take over what it sends; and a second more …
BODY_SECONDS = envint("BODY_SECONDS", 10)
BODY_RATE = envint("BODY_RATE", 4096)  # … for so many bytes that have come
# clients that a web process waits for at once while they send; it has so many threads more
BODY_WAITS = envint("BODY_WAITS", 256)
BODY_WAITS_EACH = envint("BODY_WAITS_EACH", 64)  # of one address, where no proxy stands before us
# answers of chat and proxy on their way in each; the other threads are left to pages
WEB_STREAMS = envint("WEB_STREAMS", WEB_THREADS * 3 // 4)
PROJECT_STREAMS = envint("PROJECT_STREAMS", 100)  # of one project
# of one person: a chat's visitor, or somebody a key of the proxy speaks for
PERSON_STREAMS = envint("PERSON_STREAMS", 6)
CHAT_STREAMS = envint("CHAT_STREAMS", 200)  # answers of the chat that one web process reads at once


def _kept_secret() -> str:
    """SECRET_KEY from the environment, else one made once and kept, readable by the owner only, in
    DATA_DIR."""
    given = envsecret("SECRET_KEY")
    if given:
        return given
    path = DATA_DIR / "secret_key"
    made = secrets.token_urlsafe(48)
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        try:
            DATA_DIR.mkdir(mode=0o750, parents=True, exist_ok=True)
            with os.fdopen(
                os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii"
            ) as f:
                f.write(made)
        except FileExistsError:
            return path.read_text(encoding="ascii").strip()
        except OSError:
            return made  # not to be kept: `doctor` and `serve` say in a sentence what is wrong with DATA_DIR
        return made
    except (OSError, UnicodeDecodeError):
        return made


SECRET_KEY = _kept_secret()
ALLOWED_HOSTS = envlist(
    "ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"] if LOOPBACK else [HOST, "127.0.0.1", "localhost"]
)
if HOST in {"0.0.0.0", "::"} and not envlist("ALLOWED_HOSTS", []):  # noqa: S104
    ALLOWED_HOSTS = ["*"]
CSRF_TRUSTED_ORIGINS = envlist("CSRF_TRUSTED_ORIGINS", [])
HTTPS = envbool("HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = envint("SESSION_SECONDS", 14 * 24 * 3600)
# a proxy that sets X-Forwarded-Proto itself, and nobody can pass by
BEHIND_PROXY = envbool("BEHIND_PROXY", False)
# Whose X-Forwarded-For is believed, as addresses and networks; without any, one hop of a loopback or private
# address.
TRUSTED_PROXIES = envnetworks("TRUSTED_PROXIES")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_HSTS_SECONDS = envint("HSTS_SECONDS", 0)
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "config",
    "core",
    "corpus",
    "inference",
    "feedback",
    "annotation",
    "training_export",
]
MIDDLEWARE = [
    "config.probes.Probes",  # asked by machines: before Host, session and language are looked at
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.CompressPages",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "core.web.middleware.PersonLocaleMiddleware",
    "config.middleware.AppendSlash",
    "config.middleware.LimitBody",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "core.web.middleware.PageMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "core.web.context.frame",
            ],
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
        },
    }
]

_DATABASE_URL = envsecret("DATABASE_URL")
DATABASES: dict[str, dict[str, Any]]
if _DATABASE_URL:
    DATABASES = {"default": dict(dj_database_url.parse(_DATABASE_URL))}
    if DATABASES["default"]["ENGINE"].endswith("postgresql"):
        DATABASES["default"]["CONN_MAX_AGE"] = 0
        DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
            "min_size": 1,
            "max_size": envint("DATABASE_POOL", 16),
            "timeout": 10,
        }
else:
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "touchstone.sqlite3"}}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["ENGINE"] = "config.sqlite3"
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; "
        f"PRAGMA cache_size=-{envint('SQLITE_CACHE_KB', 32_000)}; PRAGMA secure_delete=FAST;",
    }
    DATABASES["default"]["CONN_MAX_AGE"] = None
# Web processes. Python runs one thread of each at a time, and PostgreSQL takes writes of several at once;
# SQLite takes one write at a time.
WEB_WORKERS = envint("WEB_WORKERS", 1 if DATABASES["default"]["ENGINE"] == "config.sqlite3" else 2)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "core.User"
AUTHENTICATION_BACKENDS = ["core.accounts.sign_in.PasswordBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
CSRF_FAILURE_VIEW = "core.accounts.views.csrf_failed"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = envstr("DEFAULT_LANGUAGE", "en")
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
FORMAT_MODULE_PATH = "core.formats"
USE_TZ = True
TIME_ZONE = envstr("TIME_ZONE", "UTC")

# `serve` copies static files, compressed, into DATA_DIR and leaves a stamp: their fingerprint. It is part of
# their address, so browsers may keep them for ever and a new version never meets an old module. Without a
# stamp they are served from where they lie.
STATIC_ROOT = DATA_DIR / "static"
_stamp = STATIC_ROOT / "stamp"
STATIC_FINGERPRINT = _stamp.read_text(encoding="ascii")[:12] if _stamp.exists() and not DEBUG else ""
STATIC_URL = f"static/{STATIC_FINGERPRINT}/" if STATIC_FINGERPRINT else "static/"
COLLECTED_STATIC = "whitenoise.storage.CompressedStaticFilesStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": FILES_DIR}},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = not STATIC_FINGERPRINT
WHITENOISE_ALLOW_ALL_ORIGINS = False


def WHITENOISE_ADD_HEADERS_FUNCTION(headers, path, url):
    """Static files are sent before the middleware that sets the policy of pages: one opened by itself (an
    SVG, Swagger UI's HTML) runs nothing."""
    headers["Content-Security-Policy"] = (
        "default-src 'none'; img-src 'self' data:; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"
    )


WHITENOISE_MAX_AGE = 0  # without a fingerprint: asked for again each time (304)
if STATIC_FINGERPRINT:
    WHITENOISE_IMMUTABLE_FILE_TEST = lambda path, url: True  # noqa: E731
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# Uploads are streamed to disk; only small forms are held in memory.
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
IMPORT_MAX_BYTES = envint("IMPORT_MAX_BYTES", 2 * 1024**3)

REDIS_URL = envsecret("REDIS_URL")
if REDIS_URL:
    CACHES = {
        "default": {
            "BACKEND": "core.shared_cache.SharedRedisCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": "touchstone",
        }
    }
    CELERY_BROKER_URL = REDIS_URL
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "socket_connect_timeout": 3}
else:
    CACHES = {
        "default": {"BACKEND": "core.shared_cache.SharedFileBasedCache", "LOCATION": DATA_DIR / "cache"}
    }
    CELERY_BROKER_URL = "filesystem://localhost"
    _queue = DATA_DIR / "broker"  # config.broker stands in for kombu's own filesystem transport
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_queue / "messages"),
        "data_folder_out": str(_queue / "messages"),
        "control_folder": str(_queue / "control"),
        "polling_interval": 0.2,
    }
    CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_TASK_IGNORE_RESULT = True
# the Job row is the truth: a lost message is sent again by the sweep, a late one must not come back
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
JOB_SENDER = "config.celery.send"
# without a heartbeat for so long, a running job is taken for lost
JOB_LOST_SECONDS = envint("JOB_LOST_SECONDS", 30)
JOB_SWEEP_SECONDS = envint("JOB_SWEEP_SECONDS", 15)
JOB_MAX_ATTEMPTS = 5

# Models are reached only at these "host:port" (docs/models.md); keys are encrypted with the first of
# ENDPOINT_SECRET_KEYS, read with all.
ENDPOINT_HOSTS = envlist("ENDPOINT_HOSTS", [])
ENDPOINT_SECRET_KEYS = [part.strip() for part in envsecret("ENDPOINT_SECRET_KEY").split(",") if part.strip()]
ENDPOINT_KEYS = {
    name: envsecret(name)
    for name in sorted({n.removesuffix("_FILE") for n in os.environ if n.startswith("ENDPOINT_KEY_")})
}
PRACTICE_PORT = envint("PRACTICE_PORT", 0)  # of the practice server; 0: any free one
PRACTICE_PACE = float(envint("PRACTICE_PACE", 40))  # pieces a second
PRACTICE_DATA = [
    BASE_DIR / "config" / "demo_data" / name for name in ("ranking.jsonl", "qa.jsonl", "talks.jsonl")
]
PRACTICE_GRADES = BASE_DIR / "config" / "demo_data" / "practice.json"
# "127.0.0.1:port" of the practice server that `serve` started, told to its children
PRACTICE_ADDRESS = envstr("PRACTICE_ADDRESS")
# further authorities whose certificates are believed: a house's own
ENDPOINT_CA_FILE = envstr("ENDPOINT_CA_FILE")

# The door for other programs (docs/proxy.md) and for other sites' pages (docs/widget.md): requests a minute.
PROXY_PER_MINUTE = envint("PROXY_PER_MINUTE", 600)  # of one key
PROXY_PERSON_PER_MINUTE = envint("PROXY_PERSON_PER_MINUTE", 60)  # of one person a key speaks for
PROXY_MAX_BYTES = envint("PROXY_MAX_BYTES", 16 * 1024**2)  # of one request
WIDGET_PER_MINUTE = envint("WIDGET_PER_MINUTE", 300)  # of one address: a whole office may share one
INGEST_ROWS_PER_MINUTE = envint("INGEST_ROWS_PER_MINUTE", 600_000)  # of one key (docs/feedback-api.md)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["core.api.auth.KeyAuthentication", "core.api.auth.BrowserSession"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.api.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "core.api.errors.api_exception_handler",
    "ALLOWED_VERSIONS": ["1"],  # else ?version= goes as it is into a header of the schema's answer
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Touchstone",
    "DESCRIPTION": "Judgement turned into training data.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "ENUM_NAME_OVERRIDES": {
        "ReactionKind": ["thumb", "score", "correction"],
        "WidgetReactionKind": ["thumb", "correction"],
    },
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {
        "hide_tokens": {"()": "core.web.log_filter.HideTokens"},
        "one_line": {"()": "core.web.log_filter.OneLine"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["hide_tokens"]}
    },
    "root": {"handlers": ["console"], "level": envstr("LOG_LEVEL", "WARNING")},
    "loggers": {
        # Refusals (4xx) are no news.
        "django.request": {"level": "ERROR"},
        # Anybody can ask under any name: a line for the operator who forgot one, no traceback.
        "django.security.DisallowedHost": {"filters": ["one_line"]},
    },
}
