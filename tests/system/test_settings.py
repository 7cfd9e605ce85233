"""A bad value of an environment variable stops every command with one line that names it."""

import pytest

from tests.test_docs import read_variables

# One of each kind; `tests/test_environment.py` has all variables.
BAD_VALUES = {
    "DATABASE_URL": "mysql://localhost/catalogue",
    "IMAGESEARCH_VECTOR_INDEX": "milvus:19530",
    "IMAGESEARCH_EXTRACTOR": "vgg19",
    "IMAGESEARCH_THREADS": "many",
    "IMAGESEARCH_DEBUG": "maybe",
}


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
    empty = dict.fromkeys(read_variables() - {"IMAGESEARCH_DATA_DIR"}, "")
    checked = sqlite_site.run("check", **empty | {"IMAGESEARCH_EXTRACTOR": "efficientnet-lite2"})
    assert checked.returncode == 0, checked.stderr
