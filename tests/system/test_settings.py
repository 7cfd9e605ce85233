"""A bad value of an environment variable stops every command with one line that names it."""

import re

import pytest
from django.conf import settings

BAD_VALUES = {
    "DATABASE_URL": "mysql://localhost/catalogue",
    "REDIS_URL": "redis:6379",
    "MEDIA_STORAGE_URL": "ftp://somewhere/else",
    "IMAGESEARCH_VECTOR_INDEX": "milvus:19530",
    "IMAGESEARCH_EXTRACTOR": "vgg19",
    "IMAGESEARCH_RUNTIME": "torch",
    "IMAGESEARCH_THREADS": "many",
    "IMAGESEARCH_BATCH_SIZE": "all",
    "IMAGESEARCH_DOWNLOAD_TIMEOUT": "0",
    "IMAGESEARCH_DEBUG": "maybe",
    "IMAGESEARCH_MAX_UPLOAD_MB": "-1",
    "IMAGESEARCH_MAX_MEGAPIXELS": "1e3",
    "IMAGESEARCH_MAX_SIDE": "1",
    "IMAGESEARCH_MIN_SIDE": "0",
    "IMAGESEARCH_MAX_ARCHIVE_ENTRIES": "none",
    "IMAGESEARCH_MAX_ARCHIVE_MB": "0",
    "IMAGESEARCH_SEARCH_REQUIRES_LOGIN": "2",
    "IMAGESEARCH_QUERY_HOURS": "1.5",
}
# Any text is a valid path, name or key.
UNVALIDATED_VARIABLES = {
    "IMAGESEARCH_DATA_DIR",
    "IMAGESEARCH_IMPORT_ROOT",
    "IMAGESEARCH_VGG16_WEIGHTS",
    "IMAGESEARCH_SECRET_KEY",
    "IMAGESEARCH_ALLOWED_HOSTS",
    "IMAGESEARCH_CSRF_TRUSTED_ORIGINS",
}


def test_every_variable_has_an_invalid_value():
    read = (settings.BASE_DIR / "imagesearch" / "settings.py").read_text()
    assert (
        set(re.findall(r'"((?:IMAGESEARCH|DATABASE|REDIS|MEDIA)_[A-Z0-9_]+)"', read))
        == set(BAD_VALUES) | UNVALIDATED_VARIABLES
    )


@pytest.mark.parametrize("variable", BAD_VALUES)
def test_a_bad_value_is_rejected_in_one_line_naming_the_variable_and_what_is_expected(sqlite_site, variable):
    rejected = sqlite_site.run("check", **{variable: BAD_VALUES[variable]})
    assert rejected.returncode != 0
    assert rejected.stdout == ""
    (line,) = rejected.stderr.splitlines()
    assert variable in line
    assert BAD_VALUES[variable] in line
    assert "Expected" in line


def test_empty_value_equals_unset(sqlite_site):
    empty = dict.fromkeys([*BAD_VALUES, *UNVALIDATED_VARIABLES - {"IMAGESEARCH_DATA_DIR"}], "") | {
        "IMAGESEARCH_EXTRACTOR": "efficientnet-lite2"
    }
    checked = sqlite_site.run("check", **empty)
    assert checked.returncode == 0, checked.stderr


def test_configured_weights_that_are_missing_are_an_error_of_the_system_check(sqlite_site):
    checked = sqlite_site.run("check", IMAGESEARCH_VGG16_WEIGHTS="/nowhere/weights.h5")
    assert checked.returncode != 0
    assert "(catalog.E001) VGG16's ImageNet weights are missing: there is no file /nowhere/weights.h5" in checked.stderr
    assert "Traceback" not in checked.stderr
