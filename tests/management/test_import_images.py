"""Tests of the command import_images."""

import os
import zipfile

import pytest

from catalog.models import Collection, Image
from tests.imaging.bad_pictures import REJECTED_FILES
from tests.removed_network import use_removed_network

pytestmark = pytest.mark.django_db

EXPECTED_KEYS = ["found", "added", "duplicates", "rejected", "indexed", "failed", "seconds"]


@pytest.fixture
def folder(tmp_path, picture):
    """Two folders of pictures, with a duplicate, a hidden file and a text file."""
    top = tmp_path / "pictures"
    for number, place in enumerate(["bags/1.jpg", "bags/2.jpg", "cups/old/3.jpg"]):
        path = top / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))
    (top / "bags" / "again.jpg").write_bytes(picture(0))
    (top / "bags" / ".hidden.jpg").write_bytes(picture(9))
    (top / "notes.txt").write_text("Dear madam,")
    return top


def test_a_folder_is_imported_and_indexed(manage, folder):
    result = manage("import_images", folder, "--json")
    assert list(result.json) == EXPECTED_KEYS
    assert {**result.json, "seconds": 0} == {
        "found": 5,
        "added": 3,
        "duplicates": 1,
        "rejected": 1,
        "indexed": 3,
        "failed": 0,
        "seconds": 0,
    }
    assert result.status == 0
    assert "notes.txt: This file isn't a picture." in result.err


def test_importing_again_changes_nothing(manage, folder):
    manage("import_images", folder)
    before = list(Image.objects.values_list("pk", "sha256", "collection", "status"))
    again = manage("import_images", folder, "--collection", "Other", "--json").json
    assert (again["added"], again["duplicates"], again["indexed"]) == (0, 4, 0)
    assert list(Image.objects.values_list("pk", "sha256", "collection", "status")) == before


def test_collections_have_the_names_of_the_folders(manage, folder):
    manage("import_images", folder, "--collections-from-folders")
    assert {(image.label, image.collection.name) for image in Image.objects.all()} == {
        ("1.jpg", "bags"),
        ("2.jpg", "bags"),
        ("3.jpg", "old"),
    }


def test_all_images_are_added_to_the_given_collection(manage, folder):
    manage("import_images", folder, "--collection", "Spring")
    assert Collection.objects.get().images.count() == 3


def test_indexing_can_be_left_to_the_workers(manage, folder):
    data = manage("import_images", folder, "--no-wait", "--json").json
    assert (data["added"], data["indexed"]) == (3, 0)
    assert Image.objects.pending().count() == 3


def test_missing_weights_are_reported_after_the_import(manage, folder, settings, tmp_path):
    settings.EXTRACTOR, settings.VGG16_WEIGHTS = "vgg16", tmp_path / "gone.h5"
    result = manage("import_images", folder)
    assert result.status == 1
    assert "gone.h5" in result.err
    assert Image.objects.pending().filter(lease_owner="", attempts=0).count() == 3


def test_images_that_were_pending_before_are_indexed_too(manage, folder):
    manage("import_images", folder / "bags", "--no-wait")
    data = manage("import_images", folder, "--json").json
    assert (data["added"], data["duplicates"], data["indexed"]) == (1, 3, 3)
    assert Image.objects.indexed().count() == 3


def test_files_and_archives_can_be_combined(manage, tmp_path, folder, picture):
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.writestr("x/7.jpg", picture(7))
        archive.writestr("../out.jpg", picture(8))
    result = manage("import_images", folder / "bags" / "1.jpg", tmp_path / "more.zip", "--json")
    assert (result.json["found"], result.json["added"], result.json["rejected"]) == (3, 2, 1)
    assert "out.jpg" in result.err


def test_every_bad_picture_is_reported_by_name_with_its_reason(manage, tmp_path, picture):
    (tmp_path / "bad").mkdir()
    for name, data, _ in REJECTED_FILES.values():
        (tmp_path / "bad" / name).write_bytes(data)
    (tmp_path / "bad" / "good.jpg").write_bytes(picture(1))
    result = manage("import_images", tmp_path / "bad", "--json")
    assert (result.json["indexed"], result.json["rejected"]) == (1, len(REJECTED_FILES))
    for name, _, words in REJECTED_FILES.values():
        line = next(line for line in result.err.splitlines() if line.startswith(f"{name}: "))
        assert words in line


def test_text_output_is_a_summary(manage, folder):
    result = manage("import_images", folder)
    assert "5 files: 3 added, 1 duplicates, 1 rejected. 3 images indexed, 0 failed." in result.out


def test_a_network_that_was_removed_is_reported(manage, catalogue, folder):
    use_removed_network()
    assert "no longer part of the program" in manage("import_images", folder).err


def test_a_missing_path_is_named(manage, tmp_path, folder):
    result = manage("import_images", folder, tmp_path / "nowhere")
    assert result.status == 1
    assert f"{tmp_path / 'nowhere'} does not exist." in result.err
    assert not Image.objects.exists()


def test_a_file_with_an_undecodable_name_is_imported(manage, tmp_path, picture):
    place = tmp_path / os.fsdecode(b"caf\xe9")
    place.mkdir()
    (place / os.fsdecode(b"sch\xf6n.jpg")).write_bytes(picture(1))
    (place / os.fsdecode(b"b\xf6se.jpg")).write_bytes(b"Dear madam,")
    result = manage("import_images", place, "--collections-from-folders", "--json")
    assert (result.json["indexed"], result.json["rejected"]) == (1, 1)


def test_an_empty_folder_is_not_an_error(manage, tmp_path):
    (tmp_path / "empty").mkdir()
    assert manage("import_images", tmp_path / "empty", "--json").json["found"] == 0


@pytest.mark.parametrize("words", [(), (".", "--collection", "A", "--collections-from-folders"), (".", "--nothing")])
def test_invalid_arguments_are_explained(manage, words):
    result = manage("import_images", *words)
    assert result.status == 1
    assert result.err.startswith("Error: ")
