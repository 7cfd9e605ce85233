"""Tests of the commands backup and restore."""

import json
import tarfile

import pytest
from django.core.management import call_command

from catalog.models import FeatureSpace
from catalog.services.media import files


@pytest.fixture
def pictures(transactional_db, catalogue):
    """The catalogue, outside of a transaction."""
    return catalogue


def test_a_backup_tells_what_it_contains(manage, pictures, tmp_path):
    path = tmp_path / "out.tar"
    result = manage("backup", path, "--json").json
    assert list(result) == ["images", "segments", "deleted", "missing", "damaged", "bytes", "seconds"]
    assert (result["images"], result["segments"], result["bytes"]) == (6, 1, path.stat().st_size)
    assert "Wrote 6 images and 1 segments" in manage("backup", path).out


def test_files_that_are_lost_are_named_and_change_the_exit_status(manage, pictures, tmp_path):
    files.delete(str(pictures[0].original))
    result = manage("backup", tmp_path / "out.tar", "--json")
    assert (result.status, result.json["missing"]) == (1, 1)
    assert f"media/{pictures[0].original} is missing." in result.err


def test_invalid_arguments_are_explained(manage, pictures, tmp_path):
    (tmp_path / "text.tar").write_text("no TAR")
    for arguments, message in (
        (("backup", tmp_path), "is a folder"),
        (("backup", tmp_path / "none" / "out.tar"), "There is no folder"),
        (("restore", tmp_path / "text.tar"), "The catalogue is not empty"),
    ):
        result = manage(*arguments)
        assert result.status == 1
        assert message in result.err


def test_files_that_are_no_backups_are_explained(manage, transactional_db, tmp_path):
    (tmp_path / "text.tar").write_text("no TAR")
    for name, message in (("text.tar", "text.tar cannot be read"), ("none.tar", "No such file")):
        result = manage("restore", tmp_path / name)
        assert result.status == 1
        assert message in result.err


def test_a_restore_tells_what_was_restored(manage, transactional_db, tmp_path):
    """Of an empty catalogue, here."""
    manage("backup", tmp_path / "out.tar")
    result = manage("restore", tmp_path / "out.tar", "--json").json
    assert list(result) == ["images", "segments", "missing_originals", "seconds"]
    assert result["images"] == 0


def test_a_restore_tells_which_network_is_missing(manage, pictures, tmp_path):
    space = FeatureSpace.objects.get()
    space.description["extractor"] = space.extractor = "of-this-company-alone.onnx"
    space.save()
    manage("backup", tmp_path / "out.tar")
    with tarfile.open(tmp_path / "out.tar") as tar:
        header = json.load(tar.extractfile("header.json"))
    assert header["feature_spaces"][0]["extractor"] == "of-this-company-alone.onnx"
    call_command("flush", interactive=False)
    result = manage("restore", tmp_path / "out.tar")
    assert result.status == 0
    assert "of-this-company-alone.onnx" in result.err
