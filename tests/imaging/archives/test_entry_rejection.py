"""Entries that are rejected, while the other entries are read."""

import stat
import struct
import tarfile
import zipfile

import pytest

from catalog.imaging.limits import ArchiveLimits, PictureLimits
from tests.imaging.archives.archive_files import (
    PICTURE,
    create_tar,
    create_zip,
    open_entries,
    parametrize_archive,
    read_entries,
)


@parametrize_archive
@pytest.mark.parametrize("name", ["/etc/a.jpg", "../a.jpg", "x/../../a.jpg", "..\\a.jpg", "C:\\a.jpg"])
def test_a_path_outside_the_archive_is_rejected_and_other_entries_are_read(pack, name):
    found = read_entries(pack({name: b"1", "good.jpg": b"2"}))
    assert found.pop("good.jpg") == b"2"
    assert list(found.values()) == ["unsafe_path"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK])
def test_a_link_or_device_in_a_zip_is_rejected(kind):
    special = zipfile.ZipInfo("x.jpg")
    special.create_system = 3
    special.external_attr = (kind | 0o777) << 16
    assert read_entries(create_zip({special: b"/etc/passwd", "good.jpg": b"1"})) == {
        "good.jpg": b"1",
        "x.jpg": "special_file",
    }


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_link_or_device_in_a_tar_is_rejected(kind):
    special = tarfile.TarInfo("x.jpg")
    special.type = kind
    special.linkname = "good.jpg"
    assert read_entries(create_tar({"good.jpg": b"1"}, specials=[special])) == {
        "good.jpg": b"1",
        "x.jpg": "special_file",
    }


def test_an_encrypted_entry_is_rejected():
    archive = bytearray(create_zip({"a.jpg": b"1", "b.jpg": b"2"}))
    archive[archive.index(b"PK\x01\x02") + 8] |= 1
    assert read_entries(bytes(archive)) == {"a.jpg": "encrypted", "b.jpg": b"2"}


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_unsupported_compression_method_is_rejected(method):
    assert read_entries(create_zip({"a.jpg": PICTURE}, method)) == {"a.jpg": "compression_method"}


@parametrize_archive
@pytest.mark.parametrize(
    "inner",
    [create_zip({"x": b"1"}), create_tar({"x": b"1"}), create_tar({"x": b"1"}, "w:gz")],
    ids=["zip", "tar", "tar.gz"],
)
def test_an_archive_inside_an_archive_is_rejected(pack, inner):
    found = read_entries(pack({"inner.zip": inner, "disguised.jpg": inner, "good.jpg": b"1"}))
    assert found == {"inner.zip": "nested_archive", "disguised.jpg": "nested_archive", "good.jpg": b"1"}


@parametrize_archive
def test_an_entry_that_declares_a_too_large_size_is_rejected_without_reading(pack):
    archive = pack({"long.jpg": PICTURE + b"\1" * 100, "good.jpg": b"1"})
    limits = PictureLimits(max_bytes=len(PICTURE))
    errors = {entry.name: entry.error for entry in open_entries(archive, picture_limits=limits)}
    assert errors["good.jpg"] is None
    assert errors["long.jpg"].code == "too_many_bytes"


def test_an_entry_that_is_longer_than_declared_is_rejected():
    archive = bytearray(create_zip({"a.jpg": b"\1" * 5_000_000, "good.jpg": b"1"}))
    declared_size = struct.pack("<I", 1000)
    directory = archive.index(b"PK\x01\x02")
    archive[directory + 24 : directory + 28] = declared_size
    archive[22:26] = declared_size
    assert read_entries(bytes(archive)) == {"a.jpg": "damaged", "good.jpg": b"1"}


def test_an_entry_that_is_shorter_than_declared_is_rejected():
    archive = bytearray(create_zip({"a.jpg": PICTURE}))
    directory = archive.index(b"PK\x01\x02")
    archive[directory + 24 : directory + 28] = struct.pack("<I", len(PICTURE) + 10)
    assert read_entries(bytes(archive)) == {"a.jpg": "damaged"}


def test_a_zip_bomb_entry_is_rejected():
    archive = create_zip({"a.bmp": b"\0" * 5_000_000, "good.jpg": b"1"})
    limits = ArchiveLimits(max_ratio=100)
    assert read_entries(archive, limits=limits) == {"a.bmp": "compression_ratio", "good.jpg": b"1"}


def test_a_small_blank_picture_is_not_a_bomb():
    blank = b"\0" * 1_000_000
    assert read_entries(create_zip({"a.bmp": blank})) == {"a.bmp": blank}


def test_a_damaged_zip_entry_is_rejected_and_other_entries_are_read():
    archive = bytearray(create_zip({"a.jpg": PICTURE, "b.jpg": PICTURE}, zipfile.ZIP_STORED))
    archive[200] ^= 0xFF
    assert read_entries(bytes(archive)) == {"a.jpg": "damaged", "b.jpg": PICTURE}


def test_an_empty_name_is_rejected_and_other_entries_are_read():
    archive = create_zip({"a.jpg": b"1", "b.jpg": b"2"}).replace(b"a.jpg", b"\0.jpg")
    assert read_entries(archive) == {"unnamed": "unsafe_path", "b.jpg": b"2"}
