"""Tests of fetch_weights, load_demo and prepare_site, each in a process of its own."""

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
    """A function that runs manage.py in a process of its own, with an empty data folder and without network."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound without listening: connections are refused
        dead_proxy = f"http://127.0.0.1:{closed.getsockname()[1]}"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("IMAGESEARCH_")}
        for name in ("DATABASE_URL", "REDIS_URL", "MEDIA_STORAGE_URL", "no_proxy", "NO_PROXY"):
            environment.pop(name, None)
        environment |= {
            "IMAGESEARCH_DATA_DIR": str(tmp_path / "data"),
            "IMAGESEARCH_DOWNLOAD_TIMEOUT": "5",
            "KERAS_HOME": str(tmp_path / "keras"),
            "http_proxy": dead_proxy,
            "https_proxy": dead_proxy,
        }

        def run(*words: str, **more: str) -> subprocess.CompletedProcess:
            completed = subprocess.run(
                [sys.executable, "manage.py", *words],
                cwd=ROOT,
                env=environment | more,
                capture_output=True,
                text=True,
                timeout=200,
                check=False,
            )
            assert "Traceback" not in completed.stderr, completed.stderr
            return completed

        yield run


@pytest.mark.slow
def test_a_failed_download_of_weights_is_reported(manage_py):
    completed = manage_py("fetch_weights", timeout="30")
    assert completed.returncode == 1
    assert "IMAGESEARCH_VGG16_WEIGHTS" in completed.stderr
    assert len(completed.stderr.strip().splitlines()) == 1


@pytest.mark.slow
def test_weights_with_a_wrong_digest_are_reported(manage_py, tmp_path):
    (tmp_path / "wrong.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(1000))
    completed = manage_py("fetch_weights", IMAGESEARCH_VGG16_WEIGHTS=str(tmp_path / "wrong.h5"))
    assert completed.returncode == 1
    assert "wrong.h5" in completed.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [("import_images", "."), ("search_by_photo", PHOTO), ("check_index",), ("rebuild_index",), ("load_demo",)]
)
def test_a_database_without_tables_is_reported_with_the_migrate_command(manage_py, words):
    completed = manage_py(*words)
    assert completed.returncode == 1
    assert "manage.py migrate" in completed.stderr


@pytest.mark.slow
def test_a_site_is_prepared_once(manage_py):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    first = manage_py("prepare_site", PORT=str(port))
    assert first.returncode == 0, first.stderr
    assert f"http://127.0.0.1:{port}/" in first.stdout
    assert "(shown only once)" in first.stdout
    assert "Administrator" in first.stdout
    counts = json.loads(manage_py("check_index", "--json").stdout.splitlines()[-1])
    assert counts["ok"]
    assert counts["indexed"] >= 50
    second = manage_py("prepare_site")
    assert "shown only once" not in second.stdout
    assert json.loads(manage_py("check_index", "--json").stdout.splitlines()[-1]) == counts
    demo = manage_py("load_demo", "--json")
    assert json.loads(demo.stdout.splitlines()[-1]) == {"added": 0, "indexed": 0, "failed": 0}
