"""A backup that is not exactly as it was written is refused."""

import io
import json
import subprocess
import tarfile
from contextlib import suppress

import numpy as np
import pytest

from catalog.exceptions import BackupRejected
from catalog.services.backup import archive
from catalog.services.jobs.progress import ignore_progress

DAMAGES = 60


@pytest.fixture
def small_backup(tmp_path):
    """A backup with one segment and one media file, which are no real ones."""
    path = tmp_path / "small.tar"
    with archive.create_archive(path) as writer:
        writer.add_json("header.json", {"format": archive.FORMAT})
        writer.add("features/space/one.h5", io.BytesIO(b"segment" * 300))
        writer.add("media/originals/ab/abcd.jpg", io.BytesIO(b"picture" * 500))
    return path


def contents(path):
    return [(name, file.read()) for name, file in archive.read_archive(path, ignore_progress).stored_files()]


def test_what_was_written_is_read(small_backup):
    assert contents(small_backup) == [
        ("features/space/one.h5", b"segment" * 300),
        ("media/originals/ab/abcd.jpg", b"picture" * 500),
    ]


def test_standard_tools_unpack_and_verify_it(small_backup, tmp_path):
    subprocess.run(["tar", "xf", small_backup, "-C", tmp_path], check=True)
    subprocess.run(["sha256sum", "--strict", "--check", "SHA256SUMS"], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "features/space/one.h5").write_bytes(b"else")
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=tmp_path, check=True, capture_output=True)


@pytest.mark.parametrize("seed", range(DAMAGES))
def test_a_changed_byte_is_refused_or_changes_nothing(small_backup, seed):
    """Only bytes that fill up a block may change."""
    intact, data = contents(small_backup), bytearray(small_backup.read_bytes())
    position = int(np.random.default_rng(seed).integers(len(data)))
    data[position] ^= 1 << (seed % 8)
    small_backup.write_bytes(data)
    with suppress(BackupRejected):
        assert contents(small_backup) == intact


def test_a_changed_file_is_named(small_backup):
    small_backup.write_bytes(small_backup.read_bytes().replace(b"picturepicture", b"picturePicture", 1))
    with pytest.raises(BackupRejected, match=r"media/originals/ab/abcd\.jpg has changed"):
        contents(small_backup)


def test_what_was_added_after_its_end_is_refused(small_backup):
    with tarfile.open(small_backup, "a") as tar:
        member = tarfile.TarInfo("media/originals/ab/added.jpg")
        member.size = 4
        tar.addfile(member, io.BytesIO(b"data"))
    with pytest.raises(BackupRejected, match="added after its end"):
        contents(small_backup)


@pytest.mark.parametrize("share", [0, 0.1, 0.3, 0.5, 0.7, 0.8])
def test_a_truncated_backup_is_refused(small_backup, share):
    data = small_backup.read_bytes()
    small_backup.write_bytes(data[: int(len(data.rstrip(b"\0")) * share)])
    with pytest.raises(BackupRejected):
        contents(small_backup)


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/passwd", "media/originals/../../x", "features/../secret_key", "media/originals/ab/.x"]
)
def test_names_outside_of_the_catalogue_are_refused(tmp_path, name):
    path = tmp_path / "outside.tar"
    with archive.create_archive(path) as writer:
        writer.add_json("header.json", {"format": archive.FORMAT})
        writer.add(name, io.BytesIO(b"data"))
    with pytest.raises(BackupRejected, match="unknown part"):
        contents(path)


def test_links_are_refused(tmp_path):
    path = tmp_path / "link.tar"
    with tarfile.open(path, "w") as tar:
        header = json.dumps({"format": archive.FORMAT}).encode()
        member = tarfile.TarInfo("header.json")
        member.size = len(header)
        tar.addfile(member, io.BytesIO(header))
        link = tarfile.TarInfo("media/originals/ab/abcd.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(BackupRejected, match="unknown part"):
        contents(path)


def test_the_format_of_a_later_version_is_named(tmp_path):
    path = tmp_path / "later.tar"
    with archive.create_archive(path) as writer:
        writer.add_json("header.json", {"format": "imagesearch backup 9"})
    with pytest.raises(BackupRejected, match="imagesearch backup 9"):
        contents(path)


def test_files_that_are_no_backup_are_refused(tmp_path):
    path = tmp_path / "text.tar"
    path.write_text("no TAR")
    with pytest.raises(BackupRejected, match=r"text\.tar cannot be read"):
        contents(path)
    (tmp_path / "picture.jpg").write_bytes(b"jpg")
    subprocess.run(["tar", "cf", path, "-C", tmp_path, "picture.jpg"], check=True)
    with pytest.raises(BackupRejected, match="not a backup of this program"):
        contents(path)


def test_only_the_owner_can_read_it_and_a_failure_leaves_nothing(tmp_path):
    folder = tmp_path / "folder"
    with archive.create_archive(folder / "backup.tar") as writer:
        writer.add_json("header.json", {})
    assert (folder / "backup.tar").stat().st_mode & 0o777 == 0o600
    (folder / "backup.tar").unlink()
    with pytest.raises(KeyboardInterrupt), archive.create_archive(folder / "backup.tar") as writer:
        writer.add_json("header.json", {})
        raise KeyboardInterrupt
    assert list(folder.iterdir()) == []
