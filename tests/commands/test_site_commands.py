"""fetch_weights, load_demo and prepare_site, each as the process that an operator starts."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PHOTO = "static/demo/queries/bags.jpg"


@pytest.fixture
def manage_py(tmp_path):
    """A function that runs manage.py in a process of its own, on an empty data folder and with no network."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, but nobody listens: every connection is refused
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("IMAGESEARCH_")}
        for name in ("DATABASE_URL", "REDIS_URL", "MEDIA_STORAGE_URL", "no_proxy", "NO_PROXY"):
            environment.pop(name, None)
        environment |= {
            "IMAGESEARCH_DATA_DIR": str(tmp_path / "data"),
            "IMAGESEARCH_DOWNLOAD_TIMEOUT": "5",
            "KERAS_HOME": str(tmp_path / "keras"),
            "http_proxy": nobody,
            "https_proxy": nobody,
        }

        def run(*words: str, **more: str) -> subprocess.CompletedProcess:
            done = subprocess.run(
                [sys.executable, "manage.py", *words],
                cwd=ROOT,
                env=environment | more,
                capture_output=True,
                text=True,
                timeout=200,
                check=False,
            )
            assert "Traceback" not in done.stderr, done.stderr
            return done

        yield run


def test_weights_that_cannot_be_fetched_are_told_in_a_sentence(manage_py):
    done = manage_py("fetch_weights", timeout="30")
    assert done.returncode == 1
    assert "IMAGESEARCH_VGG16_WEIGHTS" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_weights_with_a_wrong_digest_are_told(manage_py, tmp_path):
    (tmp_path / "wrong.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(1000))
    done = manage_py("fetch_weights", IMAGESEARCH_VGG16_WEIGHTS=str(tmp_path / "wrong.h5"))
    assert done.returncode == 1
    assert "wrong.h5" in done.stderr


@pytest.mark.parametrize(
    "words", [("import_images", "."), ("search_by_photo", PHOTO), ("check_index",), ("rebuild_index",), ("load_demo",)]
)
def test_a_database_without_tables_says_to_migrate(manage_py, words):
    done = manage_py(*words)
    assert done.returncode == 1
    assert "manage.py migrate" in done.stderr


def test_a_site_is_prepared_once_and_left_alone_afterwards(manage_py):
    first = manage_py("prepare_site", PORT="8123")
    assert first.returncode == 0, first.stderr
    assert "http://127.0.0.1:8123/" in first.stdout
    assert "(shown this once)" in first.stdout
    assert "small bundled network" in first.stdout + first.stderr
    counts = json.loads(manage_py("check_index", "--json").stdout.splitlines()[-1])
    assert counts["ok"]
    assert counts["indexed"] >= 50
    second = manage_py("prepare_site")
    assert "shown this once" not in second.stdout
    assert json.loads(manage_py("check_index", "--json").stdout.splitlines()[-1]) == counts
    demo = manage_py("load_demo", "--json")
    assert json.loads(demo.stdout.splitlines()[-1]) == {"added": 0, "indexed": 0, "failed": 0}
