"""Archives in memory, and functions that read them."""

import io
import tarfile
import zipfile
from functools import partial

import pytest

from catalog.exceptions import ArchiveRejected, PictureRejected
from catalog.imaging.archives import Entry, iter_entries
from catalog.imaging.limits import ArchiveLimits, PictureLimits
from tests.imaging.sample_pictures import coloured_corners, encode

PICTURE = encode(coloured_corners(), "JPEG")
TAR_MODES = ["w", "w:gz", "w:xz"]


def create_zip(files: dict[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def create_tar(files: dict[str, bytes], mode: str = "w", specials: list[tarfile.TarInfo] | None = None) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for member in specials or []:
            archive.addfile(member)
    return packed.getvalue()


parametrize_archive = pytest.mark.parametrize(
    "pack",
    [create_zip, *(partial(create_tar, mode=mode) for mode in TAR_MODES)],
    ids=["zip", "tar", "tar.gz", "tar.xz"],
)


def open_entries(archive: bytes, limits: ArchiveLimits | None = None, picture_limits: PictureLimits | None = None):
    return iter_entries(io.BytesIO(archive), limits or ArchiveLimits(), picture_limits or PictureLimits())


def read_entries(archive: bytes, **limits: object) -> dict[str, bytes | str]:
    """Return the bytes of each entry, or the code of its rejection, by name."""
    return {entry.name: read_or_code(entry) for entry in open_entries(archive, **limits)}


def read_or_code(entry: Entry) -> bytes | str:
    try:
        return entry.read()
    except PictureRejected as error:
        assert entry.name in str(error)
        return error.code


def rejection_message(archive: bytes, **limits: object) -> str:
    with pytest.raises(ArchiveRejected) as excinfo:
        next(open_entries(archive, **limits))
    return str(excinfo.value)
