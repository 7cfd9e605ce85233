"""Every default works, and every bad value is reported with the name of its variable."""

import os
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from kombu import Connection

from imagesearch import environment

CHECKOUT = Path(__file__).resolve().parents[1]

# name, bad value, what the message says is expected
BAD_VALUES = [
    ("IMAGESEARCH_PRODUCTION", "maybe", "true or false"),
    ("IMAGESEARCH_BACKUP_DIR", "manage.py", "the path of a folder"),
    ("IMAGESEARCH_DATA_DIR", "manage.py", "the path of a folder"),
    ("IMAGESEARCH_DATA_DIR", "~nobody-of-that-name/x", "the path of a folder"),
    ("IMAGESEARCH_DEBUG", "perhaps", "true or false"),
    ("DATABASE_URL", "mysql://somewhere/x", "a URL that starts with postgres:// or postgresql:// or sqlite://"),
    ("DATABASE_URL", "postgres://host", "a URL that ends with the name of a database"),
    ("DATABASE_URL", "postgres://host:many/x", "a URL that starts with postgres://"),
    ("MEDIA_STORAGE_URL", "/srv/media", "a URL that starts with s3://"),
    ("IMAGESEARCH_EXTRACTOR", "resnet", "one of auto, vgg16, efficientnet-lite2"),
    ("IMAGESEARCH_VGG16_WEIGHTS", "~nobody-of-that-name/x", "a path"),
    ("IMAGESEARCH_RUNTIME", "ncnn", "one of auto, openvino, keras"),
    ("IMAGESEARCH_THREADS", "0", "a whole number from 1 to 256"),
    ("IMAGESEARCH_BATCH_SIZE", "0", "a whole number from 1 to 1024"),
    ("IMAGESEARCH_DOWNLOAD_TIMEOUT", "soon", "a whole number from 1 to 3600"),
    ("IMAGESEARCH_MAX_UPLOAD_MB", "-1", "a whole number from 1 to 2000"),
    ("IMAGESEARCH_MAX_MEGAPIXELS", "1.5", "a whole number from 1 to 2000"),
    ("IMAGESEARCH_MAX_SIDE", "63", "a whole number from 64 to 65535"),
    ("IMAGESEARCH_MIN_SIDE", "1025", "a whole number from 1 to 1024"),
    ("IMAGESEARCH_IMPORT_ROOT", "manage.py", "the path of a folder"),
    ("IMAGESEARCH_MAX_ARCHIVE_ENTRIES", "many", "a whole number from 1 to 10000000"),
    ("IMAGESEARCH_MAX_ARCHIVE_MB", "0", "a whole number from 1 to 10000000"),
    ("IMAGESEARCH_SEARCH_REQUIRES_LOGIN", "2", "true or false"),
    ("IMAGESEARCH_QUERY_HOURS", "0", "a whole number from 1 to 8760"),
    ("IMAGESEARCH_BASIC_AUTH", "Basic", "true or false"),
    ("IMAGESEARCH_TRUSTED_PROXIES", "proxy.example", "addresses or networks separated by commas"),
    ("IMAGESEARCH_TRUSTED_PROXIES", "10.0.0.1/8", "addresses or networks separated by commas"),
    ("IMAGESEARCH_PRODUCTION", "yes please", "true or false"),
    ("IMAGESEARCH_MAX_QUERY_MB", "0", "a whole number from 1 to 2000"),
    ("IMAGESEARCH_MAX_QUERY_MEGAPIXELS", "0", "a whole number from 1 to 2000"),
    ("IMAGESEARCH_DECODERS", "0", "a whole number from 1 to 256"),
    ("IMAGESEARCH_MAX_DECODING_MB", "63", "a whole number from 64 to 65536"),
    ("IMAGESEARCH_MAX_DECODING_SECONDS", "0", "a whole number from 1 to 3600"),
    ("IMAGESEARCH_SEARCHES_PER_MINUTE", "-1", "a whole number from 0 to 1000000"),
    ("IMAGESEARCH_UPLOADS_PER_MINUTE", "-1", "a whole number from 0 to 1000000"),
    ("IMAGESEARCH_LOGINS_PER_MINUTE", "many", "a whole number from 0 to 1000000"),
    ("IMAGESEARCH_MAX_QUERY_PHOTOS", "0", "a whole number from 1 to 1000000"),
    ("IMAGESEARCH_QUERY_PHOTOS_MB", "0", "a whole number from 1 to 1000000"),
    ("IMAGESEARCH_LOGIN_FAILURES", "0", "a whole number from 1 to 10000"),
    ("IMAGESEARCH_MAX_REQUEST_MB", "0", "a whole number from 1 to 1000000"),
    ("IMAGESEARCH_LOG_FORMAT", "xml", "one of text, json"),
    ("IMAGESEARCH_AUDIT_DAYS", "0", "a whole number from 1 to 3650"),
    ("IMAGESEARCH_VECTOR_INDEX", "milvus:host", "local, or milvus+http://host:19530/database"),
    ("REDIS_URL", "localhost:6379", "a URL that starts with redis:// or rediss:// or unix://"),
    ("REDIS_URL", "redis:host", "a URL that starts with redis://"),
]
# Any text is valid.
UNVALIDATED_VARIABLES = {
    "IMAGESEARCH_SECRET_KEY",
    "IMAGESEARCH_ALLOWED_HOSTS",
    "IMAGESEARCH_CSRF_TRUSTED_ORIGINS",
    "IMAGESEARCH_METRICS_TOKEN",
}

READ_SETTINGS_SCRIPT = (
    "from django.conf import settings\n"
    "from django.core.exceptions import ImproperlyConfigured\n"
    "import sys, os\n"
    "for line in sys.stdin.read().splitlines():\n"
    "    name, value = line.split('=', 1)\n"
    "    pid = os.fork()\n"
    "    if pid == 0:\n"
    "        os.environ[name] = value\n"
    "        try:\n"
    "            settings.DEBUG\n"
    "        except ImproperlyConfigured as error:\n"
    "            print(f'{line}\\t{error}', flush=True)\n"
    "        os._exit(0)\n"
    "    os.waitpid(pid, 0)\n"
)


def clean_environment(tmp_path: Path) -> dict[str, str]:
    """An environment without the program's variables, except the data folder."""
    own_prefixes = ("IMAGESEARCH_", "DATABASE_URL", "REDIS_URL", "MEDIA_STORAGE_URL")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own_prefixes)}
    return {**kept, "IMAGESEARCH_DATA_DIR": str(tmp_path / "site"), "DJANGO_SETTINGS_MODULE": "imagesearch.settings"}


@pytest.fixture(scope="module")
def error_messages(tmp_path_factory) -> dict[str, str]:
    """The error message for each bad value, by `name=value`. One process reads them all and forks for each."""
    completed = subprocess.run(
        [sys.executable, "-c", READ_SETTINGS_SCRIPT],
        input="\n".join(f"{name}={value}" for name, value, _ in BAD_VALUES),
        cwd=CHECKOUT,
        env=clean_environment(tmp_path_factory.mktemp("site")),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return dict(line.split("\t") for line in completed.stdout.splitlines())


@pytest.mark.parametrize(("name", "value", "expected"), BAD_VALUES)
def test_a_bad_value_is_rejected_with_the_variables_name_and_what_is_expected(error_messages, name, value, expected):
    message = error_messages[f"{name}={value}"]
    assert message.startswith(f"{name}={value!r} is not valid. Expected ")
    assert expected in message


def test_every_variable_has_a_bad_value_here():
    from tests.test_docs import read_variables

    assert {name for name, _, _ in BAD_VALUES} | UNVALIDATED_VARIABLES == read_variables()


def test_a_bad_value_ends_a_command_with_one_line(tmp_path):
    completed = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=CHECKOUT,
        env={**clean_environment(tmp_path), "IMAGESEARCH_THREADS": "many"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 1
    assert completed.stderr.strip() == (
        "imagesearch cannot start: IMAGESEARCH_THREADS='many' is not valid. Expected a whole number from 1 to 256."
    )


@pytest.mark.slow
def test_every_default_works(tmp_path):
    completed = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=CHECKOUT,
        env=clean_environment(tmp_path) | {"KERAS_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    assert "no issues" in completed.stdout or "catalog.W001" in completed.stderr
    assert (tmp_path / "site" / "var" / "secret_key").stat().st_mode & 0o777 == 0o600


def test_an_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("X", "  ")
    assert environment.integer("X", 7, min_value=1, max_value=9) == 7
    assert environment.choice("X", "a", ("a", "b")) == "a"


@pytest.mark.parametrize(("raw", "value"), [("yes", True), ("On", True), ("1", True), ("FALSE", False), ("no", False)])
def test_booleans_accept_common_words(monkeypatch, raw, value):
    monkeypatch.setenv("X", raw)
    assert environment.boolean("X", not value) is value


def test_a_value_that_begins_with_a_dollar_sign_is_not_expanded(monkeypatch):
    monkeypatch.setenv("X", "$ecret")
    assert environment.text("X") == "$ecret"


def test_a_list_is_separated_by_commas(monkeypatch):
    monkeypatch.setenv("X", " a.example , b.example,, ")
    assert environment.string_list("X", []) == ["a.example", "b.example"]


def test_networks_are_separated_by_commas(monkeypatch):
    monkeypatch.setenv("X", "10.0.0.5, fd00::/8,")
    assert environment.networks("X") == [ip_network("10.0.0.5/32"), ip_network("fd00::/8")]


def test_sqlite_is_configured_for_concurrent_writers(monkeypatch, tmp_path):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    settings = environment.database("DATABASE_URL", tmp_path / "db.sqlite3")
    assert settings["NAME"] == str(tmp_path / "db.sqlite3")
    assert settings["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in settings["OPTIONS"]["init_command"]
    assert "synchronous=FULL" in settings["OPTIONS"]["init_command"]


def test_one_variable_selects_postgresql(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", "postgres://ann:s%40fe@db.example:5433/pictures")
    settings = environment.database("DATABASE_URL", tmp_path / "unused")
    assert settings["ENGINE"].endswith("postgresql")
    parts = [settings[name] for name in ("USER", "PASSWORD", "HOST", "PORT", "NAME")]
    assert parts == ["ann", "s@fe", "db.example", 5433, "pictures"]


def test_one_variable_selects_s3(monkeypatch, tmp_path):
    monkeypatch.setenv("MEDIA_STORAGE_URL", "s3://bucket/some/prefix/")
    settings = environment.media_storage("MEDIA_STORAGE_URL", tmp_path)
    assert (settings["OPTIONS"]["bucket_name"], settings["OPTIONS"]["location"]) == ("bucket", "some/prefix")


@pytest.mark.parametrize("url", ["redis://host:6379/1", "rediss://host/0", "unix:///run/redis.sock"])
def test_celery_supports_every_accepted_redis_url(tmp_path, url):
    completed = subprocess.run(
        [sys.executable, "-c", "from imagesearch.settings import *; print(CELERY_BROKER_URL)"],
        cwd=CHECKOUT,
        env={**clean_environment(tmp_path), "REDIS_URL": url},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Connection(completed.stdout.strip()).transport_cls in ("redis", "rediss")


def test_error_names_the_variable():
    with pytest.raises(ImproperlyConfigured, match=r"^HOME=.* is not valid\. Expected a whole number from 1 to 2\.$"):
        environment.integer("HOME", 1, min_value=1, max_value=2)
