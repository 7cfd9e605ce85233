import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.exceptions import ArchiveRefused, ImageSearchError, PictureRefused
from catalog.imaging.archives import ArchiveLimits, Entry, entries, is_archive
from catalog.imaging.limits import Limits

from .pictures import corners, encoded

PICTURE = encoded(corners(), "JPEG")
TAR_MODES = ["w", "w:gz", "w:xz"]


def zipped(files: dict[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w", specials: list[tarfile.TarInfo] | None = None) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for member in specials or []:
            archive.addfile(member)
    return packed.getvalue()


every_archive = pytest.mark.parametrize(
    "pack",
    [zipped, *(partial(tarred, mode=mode) for mode in TAR_MODES)],
    ids=["zip", "tar", "tar.gz", "tar.xz"],
)


def opened(archive: bytes, limits: ArchiveLimits | None = None, picture_limits: Limits | None = None):
    return entries(io.BytesIO(archive), limits or ArchiveLimits(), picture_limits or Limits())


def outcome(archive: bytes, **limits: object) -> dict[str, bytes | str]:
    """What each entry gives: its bytes, or the code it is refused with."""
    return {entry.name: read_or_code(entry) for entry in opened(archive, **limits)}


def read_or_code(entry: Entry) -> bytes | str:
    try:
        return entry.read()
    except PictureRefused as fault:
        assert entry.name in str(fault)
        return fault.code


def refused(archive: bytes, **limits: object) -> str:
    with pytest.raises(ArchiveRefused) as caught:
        next(opened(archive, **limits))
    return str(caught.value)


@every_archive
def test_pictures_are_read_out_of_an_archive(pack):
    found = outcome(pack({"b/2.jpg": PICTURE, "a/1.jpg": PICTURE}))
    assert found == {"a/1.jpg": PICTURE, "b/2.jpg": PICTURE}


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_entries_come_by_name(pack):
    assert list(outcome(pack({"c.jpg": b"3", "a.jpg": b"1", "b.jpg": b"2"}))) == ["a.jpg", "b.jpg", "c.jpg"]


@pytest.mark.parametrize("mode", ["w:gz", "w:xz"])
def test_a_packed_tar_is_read_forwards(mode):
    assert list(outcome(tarred({"c.jpg": b"3", "a.jpg": b"1"}, mode))) == ["c.jpg", "a.jpg"]


@every_archive
def test_an_archive_is_opened_by_its_path(pack, tmp_path):
    path = tmp_path / "no-ending"
    path.write_bytes(pack({"a.jpg": b"1"}))
    for name in (path, str(path)):
        assert [entry.read() for entry in entries(name, ArchiveLimits(), Limits())] == [b"1"]


@every_archive
def test_an_archive_is_known_by_its_bytes(pack, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(pack({"a.jpg": PICTURE}))
    assert is_archive(path)


@pytest.mark.parametrize(
    "data",
    [PICTURE, b"", b"text", gzip.compress(b"no tar"), b"\0" * 2048, PICTURE + zipped({"a": b"1"})],
    ids=["picture", "nothing", "text", "gzip", "zeros", "picture and zip"],  # packed, they hold the time of day
)
def test_what_is_no_archive_is_refused(data, tmp_path):
    path = tmp_path / "pictures.zip"
    path.write_bytes(data)
    assert not is_archive(path)
    assert "not an archive" in refused(data)


@every_archive
def test_folders_and_litter_are_passed_over(pack):
    files = {
        "a.jpg": b"1",
        "__MACOSX/._a.jpg": b"2",
        "x/.DS_Store": b"3",
        "x/Thumbs.db": b"4",
        ".git/config": b"5",
        "x/.hidden.jpg": b"6",
    }
    assert outcome(pack(files)) == {"a.jpg": b"1"}
    with_folder = zipped({"x/": b"", "x/a.jpg": b"1"})
    assert outcome(with_folder) == {"x/a.jpg": b"1"}
    assert outcome(zipped({"x\\": b"", "x\\a.jpg": b"1"})) == {"x/a.jpg": b"1"}
    folder = tarfile.TarInfo("x")
    folder.type = tarfile.DIRTYPE
    assert outcome(tarred({"x/a.jpg": b"1"}, specials=[folder])) == {"x/a.jpg": b"1"}


def test_a_leading_dot_folder_is_not_hidden():
    assert outcome(tarred({"./x/a.jpg": b"1"})) == {"x/a.jpg": b"1"}


@every_archive
@pytest.mark.parametrize("name", ["/etc/a.jpg", "../a.jpg", "x/../../a.jpg", "..\\a.jpg", "C:\\a.jpg"])
def test_a_path_that_points_outside_is_refused_and_the_others_go_on(pack, name):
    found = outcome(pack({name: b"1", "good.jpg": b"2"}))
    assert found.pop("good.jpg") == b"2"
    assert list(found.values()) == ["unsafe_path"]


def test_nothing_is_written_to_disk(tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("TMPDIR", str(here))
    for pack in (zipped, tarred):
        outcome(pack({"../a.jpg": b"1", "b.jpg": b"2"}))
    assert not list(here.iterdir())
    assert not (tmp_path / "a.jpg").exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK])
def test_a_link_or_device_in_a_zip_is_refused(kind):
    special = zipfile.ZipInfo("x.jpg")
    special.create_system = 3
    special.external_attr = (kind | 0o777) << 16
    assert outcome(zipped({special: b"/etc/passwd", "good.jpg": b"1"})) == {
        "good.jpg": b"1",
        "x.jpg": "special_file",
    }


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_link_or_device_in_a_tar_is_refused(kind):
    special = tarfile.TarInfo("x.jpg")
    special.type = kind
    special.linkname = "good.jpg"
    assert outcome(tarred({"good.jpg": b"1"}, specials=[special])) == {
        "good.jpg": b"1",
        "x.jpg": "special_file",
    }


def test_a_locked_entry_is_refused():
    archive = bytearray(zipped({"a.jpg": b"1", "b.jpg": b"2"}))
    archive[archive.index(b"PK\x01\x02") + 8] |= 1
    assert outcome(bytes(archive)) == {"a.jpg": "encrypted", "b.jpg": b"2"}


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_unusual_packing_is_refused(method):
    assert outcome(zipped({"a.jpg": PICTURE}, method)) == {"a.jpg": "packing_method"}


def test_stored_entries_are_read():
    assert outcome(zipped({"a.jpg": PICTURE}, zipfile.ZIP_STORED)) == {"a.jpg": PICTURE}


@every_archive
@pytest.mark.parametrize(
    "inner", [zipped({"x": b"1"}), tarred({"x": b"1"}), tarred({"x": b"1"}, "w:gz")], ids=["zip", "tar", "tar.gz"]
)
def test_an_archive_inside_an_archive_is_refused(pack, inner):
    found = outcome(pack({"inner.zip": inner, "disguised.jpg": inner, "good.jpg": b"1"}))
    assert found == {"inner.zip": "nested_archive", "disguised.jpg": "nested_archive", "good.jpg": b"1"}


@every_archive
def test_an_entry_that_says_it_is_too_long_is_refused_unread(pack):
    archive = pack({"long.jpg": PICTURE + b"\1" * 100, "good.jpg": b"1"})
    limits = Limits(max_bytes=len(PICTURE))
    refusals = {entry.name: entry.refusal for entry in opened(archive, picture_limits=limits)}
    assert refusals["good.jpg"] is None
    assert refusals["long.jpg"].code == "too_many_bytes"


def test_an_entry_that_is_longer_than_it_says_is_refused():
    archive = bytearray(zipped({"a.jpg": b"\1" * 5_000_000, "good.jpg": b"1"}))
    lie = struct.pack("<I", 1000)
    directory = archive.index(b"PK\x01\x02")
    archive[directory + 24 : directory + 28] = lie
    archive[22:26] = lie
    assert outcome(bytes(archive)) == {"a.jpg": "damaged", "good.jpg": b"1"}


def test_an_entry_that_is_shorter_than_it_says_is_refused():
    archive = bytearray(zipped({"a.jpg": PICTURE}))
    directory = archive.index(b"PK\x01\x02")
    archive[directory + 24 : directory + 28] = struct.pack("<I", len(PICTURE) + 10)
    assert outcome(bytes(archive)) == {"a.jpg": "damaged"}


def test_an_entry_that_unpacks_absurdly_is_refused():
    archive = zipped({"a.bmp": b"\0" * 5_000_000, "good.jpg": b"1"})
    limits = ArchiveLimits(max_ratio=100)
    assert outcome(archive, limits=limits) == {"a.bmp": "absurd_ratio", "good.jpg": b"1"}


def test_a_small_blank_picture_is_no_bomb():
    blank = b"\0" * 1_000_000
    assert outcome(zipped({"a.bmp": blank})) == {"a.bmp": blank}


@pytest.mark.parametrize("mode", ["w:gz", "w:xz"])
def test_a_tar_that_unpacks_absurdly_is_refused(mode):
    assert "trap" in refused(tarred({"a.bmp": b"\0" * 5_000_000}, mode))


def test_a_zip_whose_entries_overlap_is_refused():
    """Fifield's bomb (2019): many entries, each sound, over the same bytes."""
    kernel = zipped({"000.bmp": bytes(range(256)) * 16_000})
    at, end = kernel.index(b"PK\x01\x02"), kernel.index(b"PK\x05\x06")
    header = kernel[at:end]
    directory = b"".join(header.replace(b"000.bmp", b"%03d.bmp" % n) for n in range(200))
    archive = kernel[:at] + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 200, 200, len(directory), at, 0)
    assert "trap" in refused(archive, limits=ArchiveLimits(max_ratio=1000))


@every_archive
def test_an_archive_of_too_many_bytes_in_all_is_refused(pack):
    archive = pack({f"{n}.jpg": PICTURE for n in range(20)})
    assert "1,000" in refused(archive, limits=ArchiveLimits(max_total_bytes=1000))


@every_archive
def test_an_archive_of_too_many_entries_is_refused(pack):
    archive = pack({f"{n}.jpg": b"1" for n in range(11)})
    assert "more than 10 entries" in refused(archive, limits=ArchiveLimits(max_entries=10))
    assert len(outcome(archive, limits=ArchiveLimits(max_entries=11))) == 11


def test_a_zip_of_a_hundred_thousand_entries_is_refused_by_its_directory(monkeypatch):
    """As zip64 writes it: the short record says 65535, the long one the truth."""
    end_64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 100_000, 100_000, 5_000_000, 4)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 4, 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    monkeypatch.setattr(zipfile, "ZipFile", None)  # reading the directory would fail the test
    assert "20,000" in refused(b"PK\3\4" + end_64 + locator + end)


def test_a_zip_that_lies_about_its_number_of_entries_is_refused():
    archive = bytearray(zipped({f"{n}.jpg": b"" for n in range(50)}))
    end = archive.rindex(b"PK\x05\x06")
    archive[end + 8 : end + 12] = struct.pack("<HH", 1, 1)
    assert "more than 10 entries" in refused(bytes(archive), limits=ArchiveLimits(max_entries=10))


def test_a_tar_header_that_is_a_bomb_is_refused():
    member = tarfile.TarInfo("a.jpg")
    member.pax_headers = {"comment": "x" * 10_000_000}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(member)
    assert "damaged" in refused(packed.getvalue())


def test_a_damaged_entry_of_a_zip_is_refused_and_the_others_go_on():
    archive = bytearray(zipped({"a.jpg": PICTURE, "b.jpg": PICTURE}, zipfile.ZIP_STORED))
    archive[200] ^= 0xFF
    assert outcome(bytes(archive)) == {"a.jpg": "damaged", "b.jpg": PICTURE}


@every_archive
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_archive_is_refused(pack, share):
    whole = pack({f"{n}.jpg": encoded(corners(300 + n, 200), "JPEG") for n in range(8)}).rstrip(b"\0")
    assert "damaged" in refused(whole[: int(len(whole) * share)])


def test_a_tar_with_a_broken_header_in_the_middle_is_refused():
    archive = bytearray(tarred({"a.jpg": b"1", "b.jpg": b"2"}))
    archive[1024 + 10] ^= 0xFF
    assert "damaged" in refused(bytes(archive))


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_packed_tar_whose_checksum_is_wrong_is_refused(pack):
    archive = bytearray(pack(tarred({"a.jpg": PICTURE})))
    archive[-5 if pack is gzip.compress else -20] ^= 0xFF
    assert "damaged" in refused(bytes(archive))


def test_a_name_in_unmarked_utf8_is_read_as_it_was_meant():
    """macOS's own packer writes UTF-8 and leaves the mark out."""
    archive = bytearray(zipped({"照片.jpg": b"1"}))
    for header, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        archive[archive.index(header) + flags_at + 1] &= ~0x08
    assert outcome(bytes(archive)) == {"照片.jpg": b"1"}


@every_archive
def test_names_are_safe_to_show(pack):
    assert outcome(pack({"a\u202egpj.exe": b"1"})) == {"agpj.exe": b"1"}


def test_a_name_that_is_empty_is_refused_and_the_others_go_on():
    archive = zipped({"a.jpg": b"1", "b.jpg": b"2"}).replace(b"a.jpg", b"\0.jpg")
    assert outcome(archive) == {"unnamed": "unsafe_path", "b.jpg": b"2"}


def test_two_entries_of_one_name_are_both_read():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("a.jpg", b"1")
        archive.writestr("a.jpg", b"2")
    assert sorted(entry.read() for entry in opened(packed.getvalue())) == [b"1", b"2"]


@every_archive
def test_the_file_is_closed_when_the_iterator_is(pack, tmp_path):
    path = tmp_path / "a"
    path.write_bytes(pack({"a.jpg": b"1", "b.jpg": b"2"}))
    found = entries(path, ArchiveLimits(), Limits())
    next(found)
    assert str(path) in open_files()
    found.close()
    assert str(path) not in open_files()


def open_files() -> set[str]:
    return {str(link.resolve()) for link in Path("/proc/self/fd").iterdir()}


WHOLE = [
    zipped({"a.jpg": b"1", "b/c.jpg": PICTURE}),
    *(tarred({"a.jpg": b"1", "b.jpg": b"2"}, mode) for mode in TAR_MODES),
]


@settings(max_examples=400, deadline=None)
@given(
    whole=st.sampled_from(WHOLE),
    edits=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4)), max_size=5),
    keep=st.floats(0, 1) | st.just(1.0),
)
def test_no_bytes_raise_anything_but_a_refusal(whole, edits, keep):
    data = bytearray(whole)
    for where, replacement in edits:
        at = int(where * len(data))
        data[at : at + len(replacement)] = replacement
    try:
        for entry in opened(bytes(data[: int(keep * len(data))])):
            try:
                assert isinstance(entry.read(), bytes)
            except ImageSearchError as fault:
                assert str(fault)
    except ArchiveRefused as fault:
        assert str(fault)
