"""The setting IMAGESEARCH_VECTOR_INDEX selects the engine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from catalog.exceptions import IndexUnavailable
from catalog.services.index.live_index import engine
from imagesearch import environment
from tests.system.servers import free_port

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("local", None),
        ("", None),
        ("milvus+http://vectors:19530", "http://vectors:19530"),
        ("milvus+https://kim:secret@vectors.example.org/shop", "https://kim:secret@vectors.example.org/shop"),
    ],
)
def test_variable_selects_the_engine(monkeypatch, value, url):
    monkeypatch.setenv("IMAGESEARCH_VECTOR_INDEX", value)
    assert environment.vector_index("IMAGESEARCH_VECTOR_INDEX") == url


@pytest.mark.parametrize(
    "value",
    [
        "milvus",
        "http://vectors:19530",
        "milvus+http://",
        "milvus+http:vectors:19530",
        "milvus+http://vectors:many",
        "milvus+http://vectors:19530/two/words",
        "milvus+http://vectors:19530/9shop",
        "milvus+http://vectors:19530/shop?timeout=9",
    ],
)
def test_invalid_value_is_rejected_with_the_name_of_the_variable(monkeypatch, value):
    monkeypatch.setenv("IMAGESEARCH_VECTOR_INDEX", value)
    with pytest.raises(
        ImproperlyConfigured, match=r"^IMAGESEARCH_VECTOR_INDEX=.* is not valid.*milvus\+http://host:19530"
    ):
        environment.vector_index("IMAGESEARCH_VECTOR_INDEX")


def test_credentials_are_not_shown(milvus, settings):
    settings.VECTOR_INDEX = f"http://kim:secret@127.0.0.1:{free_port()}"
    with pytest.raises(IndexUnavailable) as error:
        engine().check()
    assert "secret" not in str(error.value)


def test_a_site_without_milvus_does_not_import_its_client(tmp_path):
    script = "import sys, django; django.setup(); import catalog.urls, catalog.tasks; print('pymilvus' in sys.modules)"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("IMAGESEARCH_")}
    environ |= {"DJANGO_SETTINGS_MODULE": "imagesearch.settings", "IMAGESEARCH_DATA_DIR": str(tmp_path)}
    completed = subprocess.run(
        [sys.executable, "-c", script], cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=True
    )
    assert completed.stdout.split() == ["False"]
