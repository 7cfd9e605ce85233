"""Settings of the site. Every environment variable is optional; docs/configuration.md describes them."""

import os
from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.management.utils import get_random_secret_key

from imagesearch import environment, production

BASE_DIR = Path(__file__).resolve().parent.parent

# Data folders ----------------------------------------------------------------------------------

DATA_DIR = environment.folder("IMAGESEARCH_DATA_DIR", BASE_DIR)
VAR_DIR = DATA_DIR / "var"
FEATURES_DIR = VAR_DIR / "features"
INDEX_DIR = VAR_DIR / "index"
MODELS_DIR = VAR_DIR / "models"
LOCKS_DIR = VAR_DIR / "locks"
IMPORTS_DIR = VAR_DIR / "imports"
BROKER_DIR = VAR_DIR / "broker"
MEDIA_ROOT = DATA_DIR / "media"


def secret_key() -> str:
    """The key from the environment, or a random one that is generated once and stored in var/."""
    configured_key = environment.text("IMAGESEARCH_SECRET_KEY")
    if configured_key:
        return configured_key
    key_path = VAR_DIR / "secret_key"
    if not key_path.exists():
        VAR_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        temp_path = key_path.with_name(f"secret_key.{os.getpid()}")
        temp_path.touch(mode=0o600)
        temp_path.write_text(get_random_secret_key())
        try:
            os.link(temp_path, key_path)  # fails if another process stored its key first
        except FileExistsError:
            pass
        finally:
            temp_path.unlink()
    return key_path.read_text()


PRODUCTION = environment.boolean("IMAGESEARCH_PRODUCTION", False)
if PRODUCTION:
    production.check_environment(os.environ)

SECRET_KEY = secret_key()
DEBUG = environment.boolean("IMAGESEARCH_DEBUG", False)
ALLOWED_HOSTS = environment.string_list("IMAGESEARCH_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = environment.string_list("IMAGESEARCH_CSRF_TRUSTED_ORIGINS", [])
TRUSTED_PROXIES = environment.networks("IMAGESEARCH_TRUSTED_PROXIES")

DATABASES = {"default": environment.database("DATABASE_URL", VAR_DIR / "db.sqlite3")}
STORAGES = {
    "default": environment.media_storage("MEDIA_STORAGE_URL", MEDIA_ROOT),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}

# Where backups are written; None if nothing is decided, or they are made in another way.
BACKUP_DIR = environment.optional_folder("IMAGESEARCH_BACKUP_DIR")
# What Prometheus sends to read /metrics; empty: only staff read it.
METRICS_TOKEN = environment.text("IMAGESEARCH_METRICS_TOKEN")

# The network -----------------------------------------------------------------------------------

EXTRACTOR = environment.extractor("IMAGESEARCH_EXTRACTOR", "auto", ("auto", "vgg16", "efficientnet-lite2"))
VGG16_WEIGHTS = environment.path("IMAGESEARCH_VGG16_WEIGHTS", None)
RUNTIME = environment.choice("IMAGESEARCH_RUNTIME", "auto", ("auto", "openvino", "keras"))
THREADS = environment.integer("IMAGESEARCH_THREADS", os.cpu_count() or 1, min_value=1, max_value=256)
# Images that a worker leases, extracts and commits together.
BATCH_SIZE = environment.integer("IMAGESEARCH_BATCH_SIZE", 32, min_value=1, max_value=1024)
DOWNLOAD_TIMEOUT = environment.integer("IMAGESEARCH_DOWNLOAD_TIMEOUT", 20, min_value=1, max_value=3600)

# Pictures --------------------------------------------------------------------------------------

MAX_UPLOAD_BYTES = environment.integer("IMAGESEARCH_MAX_UPLOAD_MB", 50, min_value=1, max_value=2000) * 1024 * 1024
MAX_PIXELS = environment.integer("IMAGESEARCH_MAX_MEGAPIXELS", 100, min_value=1, max_value=2000) * 1_000_000
MAX_SIDE = environment.integer("IMAGESEARCH_MAX_SIDE", 30_000, min_value=64, max_value=65_535)
MIN_SIDE = environment.integer("IMAGESEARCH_MIN_SIDE", 16, min_value=1, max_value=1024)
# Anybody may search, so query photos have lower limits.
MAX_QUERY_BYTES = environment.integer("IMAGESEARCH_MAX_QUERY_MB", 20, min_value=1, max_value=2000) * 1024 * 1024
MAX_QUERY_PIXELS = environment.integer("IMAGESEARCH_MAX_QUERY_MEGAPIXELS", 40, min_value=1, max_value=2000) * 1_000_000
# Decoder processes of each process, and the memory and processor time that decoding one picture may take.
DECODERS = environment.integer("IMAGESEARCH_DECODERS", min(THREADS, 16), min_value=1, max_value=256)
MAX_DECODING_BYTES = environment.integer("IMAGESEARCH_MAX_DECODING_MB", 1024, min_value=64, max_value=65_536) * 1024**2
MAX_DECODING_SECONDS = environment.integer("IMAGESEARCH_MAX_DECODING_SECONDS", 30, min_value=1, max_value=3600)

# The admin can import the folders below this one.
IMPORT_ROOT = environment.folder("IMAGESEARCH_IMPORT_ROOT", DATA_DIR / "import")
MAX_ARCHIVE_ENTRIES = environment.integer("IMAGESEARCH_MAX_ARCHIVE_ENTRIES", 20_000, min_value=1, max_value=10_000_000)
MAX_ARCHIVE_BYTES = (
    environment.integer("IMAGESEARCH_MAX_ARCHIVE_MB", 10_000, min_value=1, max_value=10_000_000) * 1024 * 1024
)

# Searching -------------------------------------------------------------------------------------

VECTOR_INDEX = environment.vector_index("IMAGESEARCH_VECTOR_INDEX")
SEARCH_REQUIRES_LOGIN = environment.boolean("IMAGESEARCH_SEARCH_REQUIRES_LOGIN", False)
BASIC_AUTH = environment.boolean("IMAGESEARCH_BASIC_AUTH", False)
QUERY_HOURS = environment.integer("IMAGESEARCH_QUERY_HOURS", 24, min_value=1, max_value=24 * 365)
RESULTS_PER_PAGE = 24

# Django ----------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "axes",
    "csp",
    "ninja",
    "catalog",
]

MIDDLEWARE = [
    "catalog.middleware.probes.ProbeMiddleware",
    "catalog.middleware.request_log.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "catalog.middleware.overload.OverloadMiddleware",
    "catalog.middleware.throttling.ThrottlingMiddleware",
    "catalog.middleware.body_limits.BodyLimitMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "catalog.middleware.error_pages.ErrorPageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

# Limits on one client ---------------------------------------------------------------------------

# Requests in a minute of one account or, of visitors, of one address; 0: any number.
SEARCHES_PER_MINUTE = environment.integer("IMAGESEARCH_SEARCHES_PER_MINUTE", 600, min_value=0, max_value=1_000_000)
UPLOADS_PER_MINUTE = environment.integer("IMAGESEARCH_UPLOADS_PER_MINUTE", 1200, min_value=0, max_value=1_000_000)
LOGINS_PER_MINUTE = environment.integer("IMAGESEARCH_LOGINS_PER_MINUTE", 30, min_value=0, max_value=1_000_000)
# Query photos that are kept until they expire: of one account or address, and of all who search, in bytes.
MAX_QUERY_PHOTOS = environment.integer("IMAGESEARCH_MAX_QUERY_PHOTOS", 200, min_value=1, max_value=1_000_000)
MAX_QUERY_PHOTO_BYTES = (
    environment.integer("IMAGESEARCH_QUERY_PHOTOS_MB", 500, min_value=1, max_value=1_000_000) * 1024 * 1024
)

# Passwords are guessed: after so many wrong ones, an address or an account has to wait.
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_FAILURE_LIMIT = environment.integer("IMAGESEARCH_LOGIN_FAILURES", 10, min_value=1, max_value=10_000)
AXES_LOCKOUT_PARAMETERS = ["ip_address", "username"]
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "catalog.middleware.client_address.client_address"
AXES_USERNAME_CALLABLE = "catalog.middleware.throttling.tried_name"
AXES_LOCKOUT_CALLABLE = "catalog.middleware.throttling.lockout_response"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False

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
                "catalog.views.context_processors.site_status",
            ],
        },
    },
]

ROOT_URLCONF = "imagesearch.urls"
WSGI_APPLICATION = "imagesearch.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "login"
CSRF_FAILURE_VIEW = "catalog.views.errors.csrf_failure"
LOGIN_REDIRECT_URL = "search"
LOGOUT_REDIRECT_URL = "search"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "catalog" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Served from static/ and the installed packages, without a collectstatic step.
WHITENOISE_USE_FINDERS = True
MEDIA_URL = "media/"

# A form may hold many files. Django writes them to disk, and the site reads them one by one, up to MAX_UPLOAD_BYTES
# each. MAX_REQUEST_BYTES limits the form, of those who have an account.
MAX_REQUEST_BYTES = environment.integer("IMAGESEARCH_MAX_REQUEST_MB", 2000, min_value=1, max_value=1_000_000) * 1024**2
DATA_UPLOAD_MAX_NUMBER_FILES = 2000
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_HTTPONLY = True
if PRODUCTION:
    SECURE_SSL_REDIRECT = True
    # The proxy must set this header, or remove it from what clients send.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    # Of other sites below the same domain nothing is known, so HSTS does not include them.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
# What no page uses, and no script that gets into one may use.
PERMISSIONS_POLICY: dict[str, list[str]] = {
    feature: []
    for feature in (
        *("accelerometer", "autoplay", "camera", "display-capture", "geolocation", "gyroscope", "hid"),
        *("magnetometer", "microphone", "midi", "payment", "screen-wake-lock", "serial", "usb", "xr-spatial-tracking"),
    )
}
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LOG_FORMAT = environment.choice("IMAGESEARCH_LOG_FORMAT", "text", ("text", "json"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "actor": {"()": "imagesearch.log_lines.ActorFilter"},
        "traceback": {"()": "imagesearch.log_lines.TracebackFilter"},
    },
    "formatters": {
        "text": {"()": "imagesearch.log_lines.TextLineFormatter"},
        "json": {"()": "imagesearch.log_lines.JsonLineFormatter"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "filters": ["actor"], "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"catalog": {"level": "INFO"}, "django.request": {"filters": ["traceback"]}},
}
# Days after which entries of the audit log are deleted.
AUDIT_DAYS = environment.integer("IMAGESEARCH_AUDIT_DAYS", 365, min_value=1, max_value=3650)

# Workers ---------------------------------------------------------------------------------------

REDIS_URL = environment.url("REDIS_URL", ("redis", "rediss", "unix"))
CACHES = {
    "default": {"BACKEND": "imagesearch.redis_cache.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 10_000}}
}
# Celery calls the scheme redis+socket that the cache calls unix.
CELERY_BROKER_URL = (REDIS_URL or "filesystem://localhost").replace("unix://", "redis+socket://")
CELERY_BROKER_TRANSPORT = None if REDIS_URL else "imagesearch.folder_transport:Transport"
CELERY_BROKER_TRANSPORT_OPTIONS = (
    # An unreachable broker must not delay an upload: the beat schedule finds work whose message was lost.
    {"socket_connect_timeout": 1, "socket_timeout": 3, "retry_on_timeout": False}
    if REDIS_URL
    else {
        "data_folder_in": str(BROKER_DIR),
        "data_folder_out": str(BROKER_DIR),
        "control_folder": str(BROKER_DIR / "control"),
        "polling_interval": 0.5,
    }
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")
CELERY_BEAT_SCHEDULE = {
    # Finds work whose message was lost: the queue is in the database.
    "run pending work": {
        "task": "catalog.tasks.run_pending_work",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    "clean up": {"task": "catalog.tasks.clean_up", "schedule": 900.0, "options": {"expires": 900}},
    "back up": {"task": "catalog.tasks.back_up", "schedule": 3600.0, "options": {"expires": 3600}},
}
