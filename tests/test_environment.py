"""Every default works, and every bad value is refused by name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from kombu import Connection

from imagesearch import environment

CHECKOUT = Path(__file__).resolve().parents[1]

# name, what is refused, and what it is told to take
BAD = [
    ("IMAGESEARCH_DATA_DIR", "manage.py", "the path of a folder"),
    ("IMAGESEARCH_DATA_DIR", "~nobody-of-that-name/x", "the path of a folder"),
    ("IMAGESEARCH_DEBUG", "perhaps", "true or false"),
    ("DATABASE_URL", "mysql://somewhere/x", "a URL that starts with postgres:// or postgresql:// or sqlite://"),
    ("DATABASE_URL", "postgres://host", "a URL that ends with the name of a database"),
    ("DATABASE_URL", "postgres://host:many/x", "a URL that starts with postgres://"),
    ("MEDIA_STORAGE_URL", "/srv/media", "a URL that starts with s3://"),
    ("IMAGESEARCH_EXTRACTOR", "resnet", "one of auto, vgg16, vgg16-compact"),
    ("IMAGESEARCH_VGG16_WEIGHTS", "~nobody-of-that-name/x", "a path"),
    ("IMAGESEARCH_RUNTIME", "openvino", "one of auto, ncnn, keras"),
    ("IMAGESEARCH_THREADS", "0", "a whole number from 1 to 256"),
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
    ("IMAGESEARCH_VECTOR_INDEX", "milvus:host", "local, or milvus+http://host:19530/database"),
    ("REDIS_URL", "localhost:6379", "a URL that starts with redis:// or rediss:// or unix://"),
    ("REDIS_URL", "redis:host", "a URL that starts with redis://"),
]
# Text of any kind is taken.
NEVER_BAD = {"IMAGESEARCH_SECRET_KEY", "IMAGESEARCH_ALLOWED_HOSTS", "IMAGESEARCH_CSRF_TRUSTED_ORIGINS"}

READ_SETTINGS = (
    "from django.conf import settings\n"
    "from django.core.exceptions import ImproperlyConfigured\n"
    "import sys, os\n"
    "for line in sys.stdin.read().splitlines():\n"
    "    name, value = line.split('=', 1)\n"
    "    worker = os.fork()\n"
    "    if worker == 0:\n"
    "        os.environ[name] = value\n"
    "        try:\n"
    "            settings.DEBUG\n"
    "        except ImproperlyConfigured as fault:\n"
    "            print(f'{line}\\t{fault}', flush=True)\n"
    "        os._exit(0)\n"
    "    os.waitpid(worker, 0)\n"
)


def bare(tmp_path: Path) -> dict[str, str]:
    """An environment without any of the program's variables but the folder."""
    ours = ("IMAGESEARCH_", "DATABASE_URL", "REDIS_URL", "MEDIA_STORAGE_URL")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "IMAGESEARCH_DATA_DIR": str(tmp_path / "site"), "DJANGO_SETTINGS_MODULE": "imagesearch.settings"}


@pytest.fixture(scope="module")
def refusals(tmp_path_factory) -> dict[str, str]:
    """What each bad value is answered with, by `name=value`. One process reads the settings anew for each."""
    ended = subprocess.run(
        [sys.executable, "-c", READ_SETTINGS],
        input="\n".join(f"{name}={value}" for name, value, _ in BAD),
        cwd=CHECKOUT,
        env=bare(tmp_path_factory.mktemp("refusals")),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return dict(line.split("\t") for line in ended.stdout.splitlines())


@pytest.mark.parametrize(("name", "value", "takes"), BAD)
def test_a_bad_value_is_refused_with_the_variables_name_and_what_it_takes(refusals, name, value, takes):
    told = refusals[f"{name}={value}"]
    assert told.startswith(f"{name} is {value!r}; it takes ")
    assert takes in told


def test_every_variable_has_a_bad_value_here():
    from .test_docs import variables_read

    assert {name for name, _, _ in BAD} | NEVER_BAD == variables_read()


def test_a_bad_value_ends_a_command_with_one_line(tmp_path):
    ended = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=CHECKOUT,
        env={**bare(tmp_path), "IMAGESEARCH_THREADS": "many"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.strip() == (
        "imagesearch cannot start: IMAGESEARCH_THREADS is 'many'; it takes a whole number from 1 to 256."
    )


def test_every_default_works(tmp_path):
    ended = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=CHECKOUT,
        env=bare(tmp_path) | {"KERAS_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "no issues" in ended.stdout or "catalog.W001" in ended.stderr
    assert (tmp_path / "site" / "var" / "secret_key").stat().st_mode & 0o777 == 0o600


def test_an_unset_and_an_empty_variable_are_the_same(monkeypatch):
    monkeypatch.setenv("X", "  ")
    assert environment.whole_number("X", 7, least=1, most=9) == 7
    assert environment.choice("X", "a", ("a", "b")) == "a"


@pytest.mark.parametrize(("raw", "value"), [("yes", True), ("On", True), ("1", True), ("FALSE", False), ("no", False)])
def test_switches_are_turned_by_common_words(monkeypatch, raw, value):
    monkeypatch.setenv("X", raw)
    assert environment.switch("X", not value) is value


def test_a_value_that_begins_with_a_dollar_is_taken_as_it_is(monkeypatch):
    monkeypatch.setenv("X", "$ecret")
    assert environment.text("X") == "$ecret"


def test_words_are_separated_by_commas(monkeypatch):
    monkeypatch.setenv("X", " a.example , b.example,, ")
    assert environment.words("X", []) == ["a.example", "b.example"]


def test_sqlite_is_set_up_for_many_writers(monkeypatch, tmp_path):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    found = environment.database("DATABASE_URL", tmp_path / "db.sqlite3")
    assert found["NAME"] == str(tmp_path / "db.sqlite3")
    assert found["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in found["OPTIONS"]["init_command"]
    assert "synchronous=NORMAL" in found["OPTIONS"]["init_command"]


def test_one_variable_moves_the_catalogue_to_postgresql(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", "postgres://ann:s%40fe@db.example:5433/pictures")
    found = environment.database("DATABASE_URL", tmp_path / "unused")
    assert found["ENGINE"].endswith("postgresql")
    parts = [found[name] for name in ("USER", "PASSWORD", "HOST", "PORT", "NAME")]
    assert parts == ["ann", "s@fe", "db.example", 5433, "pictures"]


def test_one_variable_moves_the_pictures_to_s3(monkeypatch, tmp_path):
    monkeypatch.setenv("MEDIA_STORAGE_URL", "s3://bucket/some/prefix/")
    found = environment.media_storage("MEDIA_STORAGE_URL", tmp_path)
    assert (found["OPTIONS"]["bucket_name"], found["OPTIONS"]["location"]) == ("bucket", "some/prefix")


@pytest.mark.parametrize("address", ["redis://host:6379/1", "rediss://host/0", "unix:///run/redis.sock"])
def test_celery_knows_every_kind_of_redis_address_that_is_taken(tmp_path, address):
    ended = subprocess.run(
        [sys.executable, "-c", "from imagesearch.settings import *; print(CELERY_BROKER_URL)"],
        cwd=CHECKOUT,
        env={**bare(tmp_path), "REDIS_URL": address},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Connection(ended.stdout.strip()).transport_cls in ("redis", "rediss")


def test_a_refusal_names_the_variable():
    with pytest.raises(ImproperlyConfigured, match=r"^HOME is .*; it takes a whole number from 1 to 2\.$"):
        environment.whole_number("HOME", 1, least=1, most=2)
