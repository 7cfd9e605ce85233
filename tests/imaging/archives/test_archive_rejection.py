"""Archives that are rejected as a whole."""

import gzip
import io
import lzma
import struct
import tarfile
import time
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.exceptions import ArchiveRejected, ImageSearchError
from catalog.imaging.limits import ArchiveLimits
from tests.imaging.archives.archive_files import (
    PICTURE,
    TAR_MODES,
    create_tar,
    create_zip,
    open_entries,
    parametrize_archive,
    read_entries,
    rejection_message,
)
from tests.imaging.sample_pictures import coloured_corners, encode


@pytest.mark.parametrize("mode", ["w:gz", "w:xz"])
def test_a_tar_bomb_is_rejected(mode):
    assert "zip bomb" in rejection_message(create_tar({"a.bmp": b"\0" * 5_000_000}, mode))


def test_an_xz_archive_that_needs_much_memory_is_rejected():
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 256 * 1024**2}]
    archive = lzma.compress(create_tar({"a.jpg": PICTURE}), filters=filters)
    assert "more than 128 MB of memory" in rejection_message(archive)


def test_an_xz_archive_of_the_highest_level_is_read():
    archive = lzma.compress(create_tar({"a.jpg": PICTURE}), preset=9)
    assert read_entries(archive) == {"a.jpg": PICTURE}


def test_a_later_block_of_an_xz_archive_that_needs_much_memory_is_rejected():
    whole = create_tar({"a.jpg": PICTURE, "b.jpg": PICTURE})
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 256 * 1024**2}]
    archive = lzma.compress(whole[:1024]) + lzma.compress(whole[1024:], filters=filters)
    assert "more than 128 MB of memory" in rejection_message(archive)


def test_an_xz_archive_of_several_streams_is_read():
    whole = create_tar({"a.jpg": PICTURE, "b.jpg": PICTURE})
    archive = lzma.compress(whole[:700]) + b"\0" * 8 + lzma.compress(whole[700:])
    assert read_entries(archive) == {"a.jpg": PICTURE, "b.jpg": PICTURE}


def empty_xz_blocks(count: int) -> bytes:
    """An xz stream of blocks without content, whose dictionaries take 64 and 96 MiB in turn."""

    def block(dictionary: int) -> bytes:
        header = bytes([2, 0, 0x21, 1, dictionary, 0, 0, 0])
        return header + struct.pack("<I", zlib.crc32(header)) + b"\0\0\0\0"

    start = lzma.compress(b"", check=lzma.CHECK_NONE)[:12]
    return start + (block(28) + block(29)) * (count // 2)


@pytest.mark.parametrize(
    "filler",
    [lzma.compress(b"") * 90_000, lzma.compress(b"\0") * 50_000, empty_xz_blocks(400_000)],
    ids=["streams", "streams of one byte", "blocks"],
)
def test_an_xz_archive_with_little_content_is_rejected_before_it_takes_long(filler):
    archive = lzma.compress(create_tar({"a.jpg": PICTURE})) + filler
    started_at = time.process_time()
    assert "damaged" in rejection_message(archive)
    assert time.process_time() - started_at < 4


def test_a_zip_whose_entries_overlap_is_rejected():
    """Fifield, "A better zip bomb" (2019): many valid entries share the same compressed bytes."""
    kernel = create_zip({"000.bmp": bytes(range(256)) * 16_000})
    at, end = kernel.index(b"PK\x01\x02"), kernel.index(b"PK\x05\x06")
    header = kernel[at:end]
    directory = b"".join(header.replace(b"000.bmp", b"%03d.bmp" % n) for n in range(200))
    archive = kernel[:at] + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 200, 200, len(directory), at, 0)
    assert "zip bomb" in rejection_message(archive, limits=ArchiveLimits(max_ratio=1000))


@parametrize_archive
def test_an_archive_with_too_many_bytes_in_total_is_rejected(pack):
    archive = pack({f"{n}.jpg": PICTURE for n in range(20)})
    assert "1,000 B" in rejection_message(archive, limits=ArchiveLimits(max_total_bytes=1000))


@parametrize_archive
def test_an_archive_with_too_many_entries_is_rejected(pack):
    archive = pack({f"{n}.jpg": b"1" for n in range(11)})
    assert "more than 10 entries" in rejection_message(archive, limits=ArchiveLimits(max_entries=10))
    assert len(read_entries(archive, limits=ArchiveLimits(max_entries=11))) == 11


def test_a_zip_with_100_000_entries_is_rejected_without_reading_its_directory(monkeypatch):
    """In a zip64 archive, the short record holds 65535 and the long record the actual number of entries."""
    end_64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 100_000, 100_000, 5_000_000, 4)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 4, 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    monkeypatch.setattr(zipfile, "ZipFile", None)  # reading the directory would fail the test
    assert "20,000" in rejection_message(b"PK\3\4" + end_64 + locator + end)


def test_a_zip_that_declares_a_wrong_number_of_entries_is_rejected():
    archive = bytearray(create_zip({f"{n}.jpg": b"" for n in range(50)}))
    end = archive.rindex(b"PK\x05\x06")
    archive[end + 8 : end + 12] = struct.pack("<HH", 1, 1)
    assert "more than 10 entries" in rejection_message(bytes(archive), limits=ArchiveLimits(max_entries=10))


def test_a_tar_header_that_is_a_bomb_is_rejected():
    member = tarfile.TarInfo("a.jpg")
    member.pax_headers = {"comment": "x" * 10_000_000}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(member)
    assert "damaged" in rejection_message(packed.getvalue())


@parametrize_archive
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_archive_is_rejected(pack, share):
    whole = pack({f"{n}.jpg": encode(coloured_corners(300 + n, 200), "JPEG") for n in range(8)}).rstrip(b"\0")
    assert "damaged" in rejection_message(whole[: int(len(whole) * share)])


def test_a_tar_with_a_broken_header_in_the_middle_is_rejected():
    archive = bytearray(create_tar({"a.jpg": b"1", "b.jpg": b"2"}))
    archive[1024 + 10] ^= 0xFF
    assert "damaged" in rejection_message(bytes(archive))


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_compressed_tar_with_a_wrong_checksum_is_rejected(pack):
    archive = bytearray(pack(create_tar({"a.jpg": PICTURE})))
    archive[-5 if pack is gzip.compress else -20] ^= 0xFF
    assert "damaged" in rejection_message(bytes(archive))


VALID_ARCHIVES = [
    create_zip({"a.jpg": b"1", "b/c.jpg": PICTURE}),
    *(create_tar({"a.jpg": b"1", "b.jpg": b"2"}, mode) for mode in TAR_MODES),
]


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(
    whole=st.sampled_from(VALID_ARCHIVES),
    edits=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4)), max_size=5),
    keep=st.floats(0, 1) | st.just(1.0),
)
def test_arbitrary_bytes_raise_only_rejections(whole, edits, keep):
    data = bytearray(whole)
    for where, replacement in edits:
        at = int(where * len(data))
        data[at : at + len(replacement)] = replacement
    try:
        for entry in open_entries(bytes(data[: int(keep * len(data))])):
            try:
                assert isinstance(entry.read(), bytes)
            except ImageSearchError as error:
                assert str(error)
    except ArchiveRejected as error:
        assert str(error)
