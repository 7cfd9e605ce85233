"""Reading the entries of archives."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from catalog.imaging.archives import is_archive, iter_entries
from catalog.imaging.limits import ArchiveLimits, PictureLimits
from tests.imaging.archives.archive_files import (
    PICTURE,
    create_tar,
    create_zip,
    open_entries,
    parametrize_archive,
    read_entries,
    rejection_message,
)


@parametrize_archive
def test_pictures_are_read_from_an_archive(pack):
    found = read_entries(pack({"b/2.jpg": PICTURE, "a/1.jpg": PICTURE}))
    assert found == {"a/1.jpg": PICTURE, "b/2.jpg": PICTURE}


@pytest.mark.parametrize("pack", [create_zip, create_tar])
def test_entries_are_sorted_by_name(pack):
    assert list(read_entries(pack({"c.jpg": b"3", "a.jpg": b"1", "b.jpg": b"2"}))) == ["a.jpg", "b.jpg", "c.jpg"]


@pytest.mark.parametrize("mode", ["w:gz", "w:xz"])
def test_a_compressed_tar_is_read_forwards(mode):
    assert list(read_entries(create_tar({"c.jpg": b"3", "a.jpg": b"1"}, mode))) == ["c.jpg", "a.jpg"]


@parametrize_archive
def test_an_archive_is_opened_by_its_path(pack, tmp_path):
    path = tmp_path / "no-ending"
    path.write_bytes(pack({"a.jpg": b"1"}))
    for name in (path, str(path)):
        assert [entry.read() for entry in iter_entries(name, ArchiveLimits(), PictureLimits())] == [b"1"]


@parametrize_archive
def test_an_archive_is_detected_from_its_content(pack, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(pack({"a.jpg": PICTURE}))
    assert is_archive(path)


@pytest.mark.parametrize(
    "data",
    [PICTURE, b"", b"text", gzip.compress(b"no tar"), b"\0" * 2048, PICTURE + create_zip({"a": b"1"})],
    # The default ids would contain the time that archives store, and differ between processes.
    ids=["picture", "nothing", "text", "gzip", "zeros", "picture and zip"],
)
def test_other_files_are_rejected(data, tmp_path):
    path = tmp_path / "pictures.zip"
    path.write_bytes(data)
    assert not is_archive(path)
    assert "isn't an archive" in rejection_message(data)


@parametrize_archive
def test_folders_and_system_files_are_skipped(pack):
    files = {
        "a.jpg": b"1",
        "__MACOSX/._a.jpg": b"2",
        "x/.DS_Store": b"3",
        "x/Thumbs.db": b"4",
        ".git/config": b"5",
        "x/.hidden.jpg": b"6",
    }
    assert read_entries(pack(files)) == {"a.jpg": b"1"}
    with_folder = create_zip({"x/": b"", "x/a.jpg": b"1"})
    assert read_entries(with_folder) == {"x/a.jpg": b"1"}
    assert read_entries(create_zip({"x\\": b"", "x\\a.jpg": b"1"})) == {"x/a.jpg": b"1"}
    folder = tarfile.TarInfo("x")
    folder.type = tarfile.DIRTYPE
    assert read_entries(create_tar({"x/a.jpg": b"1"}, specials=[folder])) == {"x/a.jpg": b"1"}


def test_the_current_folder_is_not_a_hidden_folder():
    assert read_entries(create_tar({"./x/a.jpg": b"1"})) == {"x/a.jpg": b"1"}


def test_nothing_is_written_to_disk(tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("TMPDIR", str(here))
    for pack in (create_zip, create_tar):
        read_entries(pack({"../a.jpg": b"1", "b.jpg": b"2"}))
    assert not list(here.iterdir())
    assert not (tmp_path / "a.jpg").exists()


def test_stored_entries_are_read():
    assert read_entries(create_zip({"a.jpg": PICTURE}, zipfile.ZIP_STORED)) == {"a.jpg": PICTURE}


def test_a_utf8_name_without_the_utf8_flag_is_decoded():
    """macOS writes UTF-8 names without the flag that marks them as UTF-8."""
    archive = bytearray(create_zip({"照片.jpg": b"1"}))
    for header, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        archive[archive.index(header) + flags_at + 1] &= ~0x08
    assert read_entries(bytes(archive)) == {"照片.jpg": b"1"}


@parametrize_archive
def test_names_are_safe_to_display(pack):
    assert read_entries(pack({"a\u202egpj.exe": b"1"})) == {"agpj.exe": b"1"}


def test_two_entries_with_the_same_name_are_both_read():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("a.jpg", b"1")
        archive.writestr("a.jpg", b"2")
    assert sorted(entry.read() for entry in open_entries(packed.getvalue())) == [b"1", b"2"]


@parametrize_archive
def test_closing_the_iterator_closes_the_file(pack, tmp_path):
    path = tmp_path / "a"
    path.write_bytes(pack({"a.jpg": b"1", "b.jpg": b"2"}))
    found = iter_entries(path, ArchiveLimits(), PictureLimits())
    next(found)
    assert str(path) in open_files()
    found.close()
    assert str(path) not in open_files()


def open_files() -> set[str]:
    return {str(link.resolve()) for link in Path("/proc/self/fd").iterdir()}
