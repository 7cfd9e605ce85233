"""Files to import are found on disk, in folders and in archives, and bad ones are rejected one by one."""

import json
import os
import tarfile

import pytest

from catalog.exceptions import ArchiveRejected, FolderRejected
from catalog.models import Collection, Image
from catalog.services.ingest import sources
from catalog.services.ingest.collections import get_or_create_collection
from tests.processes import run_unprivileged
from tests.services.ingest.import_helpers import create_zip, import_path


def test_a_folder_is_imported_recursively_without_hidden_files(db, folder):
    message = "This file isn't a picture. Supported: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC."
    assert import_path(folder) == {
        "a.jpg": "added",
        "bags/b.jpg": "added",
        "bags/c.png": "added",
        "cups/d.jpg": "added",
        "cups/notes.txt": message,
    }
    assert Image.objects.count() == 4


def test_count_files_counts_what_iter_files_finds(folder, tmp_path, picture):
    archive = create_zip(tmp_path / "more.zip", {"x.jpg": picture(8), "y/z.jpg": picture(9)})
    paths = [folder, archive, folder / "a.jpg"]
    assert sources.count_files(paths) == len(list(sources.iter_files(paths))) == 8


def test_importing_a_folder_again_changes_nothing(db, folder):
    import_path(folder)
    assert sorted(import_path(folder).values())[-4:] == ["duplicate"] * 4
    assert Image.objects.count() == 4


def test_a_single_file_is_imported_under_its_own_name(db, folder):
    assert import_path(folder / "bags" / "b.jpg") == {"b.jpg": "added"}


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_the_entries_of_an_archive_are_imported(db, folder, tmp_path, kind):
    path = tmp_path / f"pictures.{kind}"
    if kind == "zip":
        create_zip(path, {"bags/b.jpg": (folder / "bags/b.jpg").read_bytes(), "a.jpg": (folder / "a.jpg").read_bytes()})
    else:
        with tarfile.open(path, f"w:{kind[4:]}") as archive:
            for name in ("bags/b.jpg", "a.jpg"):
                archive.add(folder / name, name)
    assert import_path(path, from_folders=True) == {"a.jpg": "added", "bags/b.jpg": "added"}
    assert Image.objects.get(source="bags/b.jpg").collection.name == "bags"


def test_collections_are_created_from_folders(db, folder):
    import_path(folder, from_folders=True)
    collections = dict(Image.objects.values_list("source", "collection__name"))
    assert collections == {"a.jpg": "pictures", "bags/b.jpg": "bags", "bags/c.png": "bags", "cups/d.jpg": "cups"}
    assert Collection.objects.count() == 3


def test_all_images_are_added_to_the_named_collection(db, folder):
    import_path(folder, collection=get_or_create_collection(" Everything "))
    assert set(Image.objects.values_list("collection__name", flat=True)) == {"Everything"}


def test_a_missing_path_is_rejected_by_name(tmp_path):
    with pytest.raises(FolderRejected, match=r"gone does not exist\."):
        list(sources.iter_files([tmp_path / "gone"]))


def test_an_unreadable_folder_is_reported_and_other_files_are_imported(folder, public_folder):
    (public_folder / "closed").mkdir()
    (public_folder / "open.jpg").write_bytes((folder / "a.jpg").read_bytes())
    (public_folder / "open.jpg").chmod(0o644)
    (public_folder / "closed").chmod(0)

    def read_all() -> str:
        sizes_or_errors: dict[str, object] = {}
        for source_file in sources.iter_files([public_folder]):
            try:
                sizes_or_errors[source_file.name] = len(source_file.read())
            except Exception as error:
                sizes_or_errors[source_file.name] = str(error)
        return json.dumps(sizes_or_errors)

    closed = str(public_folder / "closed")
    sizes_or_errors = json.loads(run_unprivileged(read_all))
    assert sizes_or_errors.pop("open.jpg") > 0
    assert sizes_or_errors == {closed: f"{closed} could not be read: Permission denied."}


def test_an_unreadable_file_is_rejected_with_its_path(public_folder, picture):
    closed = public_folder / "closed.jpg"
    closed.write_bytes(picture(1))
    closed.chmod(0)
    message = run_unprivileged(lambda: next(sources.iter_files([closed])).read())
    assert message == f"PictureRejected: {closed} could not be read: Permission denied."


def test_a_broken_link_is_rejected_and_other_files_are_imported(db, folder):
    (folder / "broken-link.jpg").symlink_to(folder / "nowhere")
    result = import_path(folder)
    assert result["broken-link.jpg"] == f"{folder / 'broken-link.jpg'} could not be read: No such file or directory."
    assert result["a.jpg"] == "added"


def test_a_circular_link_is_not_followed(db, folder):
    (folder / "bags" / "loop").symlink_to(folder)
    assert len(import_path(folder)) == 5


def test_a_pipe_is_rejected_without_waiting_for_it(db, folder):
    os.mkfifo(folder / "pipe.jpg")
    assert import_path(folder)["pipe.jpg"] == f"{folder / 'pipe.jpg'} is a pipe, not a file."


def test_a_file_over_the_size_limit_is_rejected(db, folder, settings):
    settings.MAX_UPLOAD_BYTES = 1000
    assert "Larger than the 1,000 B limit" in import_path(folder / "a.jpg")["a.jpg"]


def test_each_bad_entry_of_a_zip_has_its_own_message_and_good_entries_are_imported(db, mixed_zip):
    result = import_path(mixed_zip)
    assert result.pop("good.jpg") == result.pop("zlast.jpg") == "added"
    messages = {
        "etc/absolute.jpg": "points outside the archive",
        "outside.jpg": "points outside the archive",
        "inner.zip": "is an archive inside the archive",
        "link.jpg": "is a link or a device",
        "bomb.png": "unpacks to more than 200 times its size",
        "broken.jpg": "file is incomplete",
        "locked.jpg": "is encrypted",
    }
    assert set(result) == set(messages)
    for name, message in messages.items():
        assert message in result[name]
    assert Image.objects.count() == 2


@pytest.mark.slow
def test_a_zip_of_a_hundred_thousand_entries_is_rejected_as_a_whole(db, tmp_path):
    path = create_zip(tmp_path / "many.zip", {f"{number}": b"" for number in range(100_000)})
    with pytest.raises(ArchiveRejected, match=r"more than 20,000 entries\. Split it into smaller ones"):
        import_path(path)
    assert not Image.objects.exists()


@pytest.mark.parametrize("raw", ["", ".", "bags", "  bags  ", "bags/../bags"])
def test_a_folder_in_the_import_root_is_allowed(settings, raw):
    (settings.IMPORT_ROOT / "bags").mkdir()
    assert sources.resolve_import_folder(raw).is_relative_to(settings.IMPORT_ROOT)


@pytest.mark.parametrize("raw", ["..", "/etc", "bags/../../x", "link"])
def test_a_folder_outside_the_import_root_is_rejected(settings, raw):
    (settings.IMPORT_ROOT / "bags").mkdir()
    (settings.IMPORT_ROOT / "link").symlink_to("/etc")
    with pytest.raises(FolderRejected, match="the only folder on the server that pictures can be imported from"):
        sources.resolve_import_folder(raw)


@pytest.mark.parametrize("raw", ["gone", "nul\x00", "x" * 300, "file.jpg"])
def test_a_missing_folder_is_rejected(settings, raw):
    (settings.IMPORT_ROOT / "file.jpg").write_bytes(b"")
    with pytest.raises(FolderRejected, match="does not exist on the server"):
        sources.resolve_import_folder(raw)


def test_an_unreadable_folder_is_rejected(settings, public_folder):
    settings.IMPORT_ROOT = public_folder
    (public_folder / "closed").mkdir(mode=0)
    message = run_unprivileged(lambda: sources.resolve_import_folder("closed"))
    assert message.endswith("closed is not readable. Give read permission to the user that runs this site.")
