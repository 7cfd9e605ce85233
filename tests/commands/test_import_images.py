"""import_images: files, folders and archives in."""

import os
import zipfile

import pytest

from catalog.models import Collection, Image
from tests.pages.bad_pictures import REFUSED

pytestmark = pytest.mark.django_db

KEYS = ["found", "added", "duplicates", "rejected", "indexed", "failed", "seconds"]


@pytest.fixture
def folder(tmp_path, picture):
    """Two collections of pictures, and among them files that are none."""
    top = tmp_path / "pictures"
    for number, place in enumerate(["bags/1.jpg", "bags/2.jpg", "cups/old/3.jpg"]):
        path = top / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))
    (top / "bags" / "again.jpg").write_bytes(picture(0))
    (top / "bags" / ".hidden.jpg").write_bytes(picture(9))
    (top / "notes.txt").write_text("Dear madam,")
    return top


def test_a_folder_is_taken_in_and_made_searchable(manage, folder):
    told = manage("import_images", folder, "--json")
    assert list(told.answer) == KEYS
    assert {**told.answer, "seconds": 0} == {
        "found": 5,
        "added": 3,
        "duplicates": 1,
        "rejected": 1,
        "indexed": 3,
        "failed": 0,
        "seconds": 0,
    }
    assert told.status == 0
    assert "notes.txt: This is not a picture" in told.err


def test_once_more_changes_nothing(manage, folder):
    manage("import_images", folder)
    before = list(Image.objects.values_list("pk", "sha256", "collection", "status"))
    again = manage("import_images", folder, "--collection", "Other", "--json").answer
    assert (again["added"], again["duplicates"], again["indexed"]) == (0, 4, 0)
    assert list(Image.objects.values_list("pk", "sha256", "collection", "status")) == before


def test_collections_are_named_like_the_folders(manage, folder):
    manage("import_images", folder, "--collections-from-folders")
    assert {(image.label, image.collection.name) for image in Image.objects.all()} == {
        ("1.jpg", "bags"),
        ("2.jpg", "bags"),
        ("3.jpg", "old"),
    }


def test_all_go_into_the_named_collection(manage, folder):
    manage("import_images", folder, "--collection", "Spring")
    assert Collection.objects.get().images.count() == 3


def test_indexing_can_be_left_to_the_workers(manage, folder):
    answer = manage("import_images", folder, "--no-wait", "--json").answer
    assert (answer["added"], answer["indexed"]) == (3, 0)
    assert Image.objects.pending().count() == 3


def test_weights_that_are_not_there_are_told_when_all_is_taken_in(manage, folder, settings, tmp_path):
    settings.EXTRACTOR, settings.VGG16_WEIGHTS = "vgg16", tmp_path / "gone.h5"
    told = manage("import_images", folder)
    assert told.status == 1
    assert "gone.h5" in told.err
    assert Image.objects.pending().filter(claim="", attempts=0).count() == 3


def test_what_waited_already_becomes_searchable_too(manage, folder):
    manage("import_images", folder / "bags", "--no-wait")
    answer = manage("import_images", folder, "--json").answer
    assert (answer["added"], answer["duplicates"], answer["indexed"]) == (1, 3, 3)
    assert Image.objects.indexed().count() == 3


def test_files_and_archives_are_taken_together(manage, tmp_path, folder, picture):
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.writestr("x/7.jpg", picture(7))
        archive.writestr("../out.jpg", picture(8))
    told = manage("import_images", folder / "bags" / "1.jpg", tmp_path / "more.zip", "--json")
    assert (told.answer["found"], told.answer["added"], told.answer["rejected"]) == (3, 2, 1)
    assert "out.jpg" in told.err


def test_every_bad_picture_is_told_by_name_with_its_reason(manage, tmp_path, picture):
    (tmp_path / "bad").mkdir()
    for name, data, _ in REFUSED.values():
        (tmp_path / "bad" / name).write_bytes(data)
    (tmp_path / "bad" / "good.jpg").write_bytes(picture(1))
    told = manage("import_images", tmp_path / "bad", "--json")
    assert (told.answer["indexed"], told.answer["rejected"]) == (1, len(REFUSED))
    for name, _, words in REFUSED.values():
        line = next(line for line in told.err.splitlines() if line.startswith(f"{name}: "))
        assert words in line


def test_without_json_the_outcome_is_a_sentence(manage, folder):
    told = manage("import_images", folder)
    assert "5 files: 3 added, 1 already there, 1 refused. 3 became searchable, 0 failed." in told.out


def test_the_compact_network_is_told(manage, folder):
    assert "small bundled network" in manage("import_images", folder).err


def test_a_path_that_is_not_there_is_named(manage, tmp_path, folder):
    told = manage("import_images", folder, tmp_path / "nowhere")
    assert told.status == 1
    assert f"{tmp_path / 'nowhere'} does not exist." in told.err
    assert not Image.objects.exists()


def test_a_name_that_is_no_text_is_taken(manage, tmp_path, picture):
    place = tmp_path / os.fsdecode(b"caf\xe9")
    place.mkdir()
    (place / os.fsdecode(b"sch\xf6n.jpg")).write_bytes(picture(1))
    (place / os.fsdecode(b"b\xf6se.jpg")).write_bytes(b"Dear madam,")
    told = manage("import_images", place, "--collections-from-folders", "--json")
    assert (told.answer["indexed"], told.answer["rejected"]) == (1, 1)


def test_an_empty_folder_is_no_fault(manage, tmp_path):
    (tmp_path / "empty").mkdir()
    assert manage("import_images", tmp_path / "empty", "--json").answer["found"] == 0


@pytest.mark.parametrize("words", [(), (".", "--collection", "A", "--collections-from-folders"), (".", "--nothing")])
def test_wrong_words_are_explained(manage, words):
    told = manage("import_images", *words)
    assert told.status == 1
    assert told.err.startswith("Error: ")
