"""A bad value of a variable is refused at the start, in one line that names it."""

import re

import pytest
from django.conf import settings

BAD = {
    "DATABASE_URL": "mysql://localhost/catalogue",
    "REDIS_URL": "redis:6379",
    "MEDIA_STORAGE_URL": "ftp://somewhere/else",
    "IMAGESEARCH_VECTOR_INDEX": "milvus:19530",
    "IMAGESEARCH_EXTRACTOR": "vgg19",
    "IMAGESEARCH_RUNTIME": "torch",
    "IMAGESEARCH_THREADS": "many",
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
# Any text is a path, a name or a key.
FREE = {
    "IMAGESEARCH_DATA_DIR",
    "IMAGESEARCH_IMPORT_ROOT",
    "IMAGESEARCH_VGG16_WEIGHTS",
    "IMAGESEARCH_SECRET_KEY",
    "IMAGESEARCH_ALLOWED_HOSTS",
    "IMAGESEARCH_CSRF_TRUSTED_ORIGINS",
}


def test_every_variable_is_tried():
    read = (settings.BASE_DIR / "imagesearch" / "settings.py").read_text()
    assert set(re.findall(r'"((?:IMAGESEARCH|DATABASE|REDIS|MEDIA)_[A-Z0-9_]+)"', read)) == set(BAD) | FREE


@pytest.mark.parametrize("variable", BAD)
def test_a_bad_value_is_refused_in_one_line_naming_the_variable_and_what_it_takes(plain_site, variable):
    refused = plain_site.run("check", **{variable: BAD[variable]})
    assert refused.returncode != 0
    assert refused.stdout == ""
    (line,) = refused.stderr.splitlines()
    assert variable in line
    assert BAD[variable] in line
    assert "it takes" in line


def test_an_empty_value_is_as_good_as_none(plain_site):
    empty = dict.fromkeys([*BAD, *FREE - {"IMAGESEARCH_DATA_DIR"}], "") | {"IMAGESEARCH_EXTRACTOR": "vgg16-compact"}
    checked = plain_site.run("check", **empty)
    assert checked.returncode == 0, checked.stderr


def test_weights_that_are_named_and_not_there_are_an_error_of_the_check(plain_site):
    checked = plain_site.run("check", IMAGESEARCH_VGG16_WEIGHTS="/nowhere/weights.h5")
    assert checked.returncode != 0
    assert "(catalog.E001) VGG16's ImageNet weights are not at /nowhere/weights.h5" in checked.stderr
    assert "Traceback" not in checked.stderr
