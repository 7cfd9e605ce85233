"""The file format of backups: a TAR file, which `tar` unpacks and `sha256sum --check SHA256SUMS` then verifies.

Its members, in this order:

- `header.json`: the format, versions and feature spaces
- `database/<model>.jsonl`: the tables, see `tables`
- `features/<space>/<segment>`: the segments that the tables name
- `media/originals/…`, `media/thumbnails/…`: the files of the images
- `originals.sha256`: digests and names of the originals, in a backup without originals
- `deleted-images.txt`: digests of the images that were deleted while the backup was written
- `SHA256SUMS`: digest and name of each member before it, in their order. A file without it is not complete
"""

import hashlib
import json
import os
import re
import tarfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from catalog.atomic_write import atomic_write
from catalog.exceptions import BackupRejected
from catalog.services.jobs.progress import Progress

FORMAT = "imagesearch backup 1"
HEADER = "header.json"
ORIGINALS_LIST = "originals.sha256"
DELETED_IMAGES = "deleted-images.txt"
SUMS = "SHA256SUMS"
VERIFYING = "verifying"

# No name leads out of the folder that it is unpacked into.
_NAME = r"\w[\w.+-]*"
_STORED_FILE = re.compile(rf"features/{_NAME}/{_NAME}|media/(originals|thumbnails)/{_NAME}/{_NAME}", re.ASCII)
_OTHER_MEMBER = re.compile(rf"{HEADER}|database/{_NAME}|{ORIGINALS_LIST}|{DELETED_IMAGES}|{SUMS}", re.ASCII)


class _HashingReader:
    """Reads a file and computes its SHA-256 on the way."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.hash = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.hash.update(data)
        return data


class ArchiveWriter:
    """A backup that is being written. See `create_archive`."""

    def __init__(self, tar: tarfile.TarFile, sums: IO[bytes]) -> None:
        self._tar, self._sums = tar, sums

    def add(self, name: str, file: IO[bytes]) -> str:
        """Add the contents of `file`, which is read from its start to its end. Return their SHA-256 in hex."""
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.mode = file.seek(0, os.SEEK_END), int(time.time()), 0o600
        file.seek(0)
        reader = _HashingReader(file)
        self._tar.addfile(member, reader)
        _forget_members(self._tar)
        self._sums.write(f"{reader.hash.hexdigest()}  {name}\n".encode())
        return reader.hash.hexdigest()

    def add_json(self, name: str, value: object) -> None:
        self.add(name, BytesIO(json.dumps(value, indent=1).encode()))

    def finish(self) -> None:
        """Add the digests of all members."""
        self.add(SUMS, self._sums)


@contextmanager
def create_archive(path: Path) -> Iterator[ArchiveWriter]:
    """Yield a writer of a new backup, which is renamed to `path` when the block ends without an exception.

    Only its owner can read the file: it contains the hashes of passwords.

    Raises:
        OSError: the file cannot be written.
    """
    with atomic_write(path) as temp_path, TemporaryFile(dir=path.parent) as sums:
        descriptor = os.open(temp_path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as output, tarfile.open(fileobj=output, mode="w") as tar:
            writer = ArchiveWriter(tar, sums)
            yield writer
            writer.finish()


@dataclass
class Archive:
    """A backup whose parts have all been verified.

    Attributes:
        header: the contents of `header.json`.
        stored_bytes: the total size of the members in `features` and in `media`.
    """

    path: Path
    header: dict[str, Any]
    stored_bytes: Counter[str] = field(default_factory=Counter)
    _members: dict[str, tarfile.TarInfo] = field(default_factory=dict)

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a member beside segments and media files; none if the backup has no member of that name."""
        if name in self._members:
            with tarfile.open(self.path, "r:") as tar:
                yield from _open_member(tar, self._members[name])

    def stored_files(self) -> Iterator[tuple[str, IO[bytes]]]:
        """Name and contents of each segment and media file, to be read before the next one."""
        with tarfile.open(self.path, "r:") as tar:
            for member in _iter_members(tar):
                if _STORED_FILE.fullmatch(member.name):
                    yield member.name, _open_member(tar, member)

    def register(self, member: tarfile.TarInfo) -> None:
        """Remember where a member is. Raises BackupRejected if the format has no such member."""
        if member.isreg() and _STORED_FILE.fullmatch(member.name):
            self.stored_bytes[member.name.partition("/")[0]] += member.size
        elif member.isreg() and _OTHER_MEMBER.fullmatch(member.name):
            self._members[member.name] = member
        else:
            raise BackupRejected("The backup has an unknown part: {name}.", name=member.name)


def read_archive(path: Path, progress: Progress) -> Archive:
    """Verify a backup: the digest of every part is compared with the recorded one.

    Raises:
        BackupRejected: the file is no backup, is not complete or is damaged.
        OSError: the file cannot be read.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            archive = Archive(path, _read_header(tar))
        with tarfile.open(path, "r:") as tar:
            _verify(tar, archive, progress)
    except (tarfile.TarError, EOFError, ValueError, KeyError) as error:
        raise BackupRejected("The backup {name} cannot be read: {error}.", name=path.name, error=error) from error
    return archive


def _read_header(tar: tarfile.TarFile) -> dict[str, Any]:
    first = tar.next()
    if first is None or first.name != HEADER:
        raise BackupRejected("This TAR file is not a backup of this program: it does not begin with header.json.")
    header: dict[str, Any] = json.load(_open_member(tar, first))
    if header["format"] != FORMAT:
        raise BackupRejected(
            "The backup has the format {format!r}; this version of the program reads {readable!r}. Restore it with the "
            "version that wrote it.",
            format=header["format"],
            readable=FORMAT,
        )
    return header


def _verify(tar: tarfile.TarFile, archive: Archive, progress: Progress) -> None:
    total_bytes = archive.path.stat().st_size
    with TemporaryFile() as computed:
        for member in _iter_members(tar):
            archive.register(member)
            if member.name == SUMS:
                computed.seek(0)
                _compare(computed, _open_member(tar, member))
                if tar.next() is not None:
                    raise BackupRejected("The backup is damaged: something was added after its end, SHA256SUMS.")
                progress(VERIFYING, total_bytes, total_bytes)
                return
            digest = hashlib.file_digest(_open_member(tar, member), "sha256").hexdigest()  # type: ignore[arg-type]
            computed.write(f"{digest}  {member.name}\n".encode())
            progress(VERIFYING, tar.offset, total_bytes)
    raise BackupRejected("The backup is not complete: its end, SHA256SUMS, is missing.")


def _compare(computed: IO[bytes], recorded: IO[bytes]) -> None:
    """Compare the digests and names of all members with those in SHA256SUMS."""
    for line in computed:
        if line != recorded.readline():
            name = line.decode().rstrip().partition("  ")[2]
            raise BackupRejected("The backup is damaged: {name} has changed since it was written.", name=name)
    if recorded.readline():
        raise BackupRejected("The backup is damaged: parts of it are missing.")


def _iter_members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (member := tar.next()) is not None:
        _forget_members(tar)
        yield member


def _forget_members(tar: tarfile.TarFile) -> None:
    """Free the memory of the members that were passed: tarfile keeps all, a gigabyte for a million files."""
    tar.members = []  # type: ignore[attr-defined]


def _open_member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(member)
    if file is None:
        raise tarfile.ReadError(f"{member.name} is not a file")
    return file
