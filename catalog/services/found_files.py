"""Finding the files that an import takes in: on the disk, in folders, inside archives."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from django.conf import settings

from catalog.exceptions import ArchiveRefused, FolderRefused, ImageSearchError, PictureRefused
from catalog.imaging.archives import Entry, entries, is_archive
from catalog.imaging.names import display_name
from catalog.services.limits import archive_limits, picture_limits, read_picture

ARCHIVE_ENDINGS = {".zip", ".tar", ".gz", ".tgz", ".xz", ".bz2", ".7z", ".rar"}


@dataclass(frozen=True)
class Found:
    """One file that an import came upon: its name within what was named, its folder's, and how to read it."""

    name: str
    folder: str
    read: Callable[[], bytes]


def find(paths: Sequence[Path], *, within: Path | None = None) -> Iterator[Found]:
    """Every file below `paths`, in a fixed order; archives are looked into, hidden files passed over.

    An archive's entries are unpacked as they are come upon: take them in as they come.

    Args:
        within: refuse files that lie elsewhere, which links below `paths` may lead to.

    Raises:
        FolderRefused: a path does not exist.
        ArchiveRefused: an archive among `paths` cannot be opened as a whole.
    """
    for path in paths:
        if _is_readable_archive(path):
            for entry in _entries(path):
                yield Found(entry.name, PurePosixPath(entry.name).parent.name, _unpacked(entry))
        elif path.suffix.lower() in ARCHIVE_ENDINGS and path.is_file() and os.access(path, os.R_OK):
            yield Found(path.name, "", partial(_refuse, no_archive(path.name)))
        else:
            yield from (Found(*found) for found in _on_disk(path, within))


def no_archive(name: str) -> ArchiveRefused:
    """What to say of a file that is named like an archive, or sent as one, and is none."""
    return ArchiveRefused("{name} is neither a ZIP nor a TAR file. Pack the pictures into one.", name=name)


def count(paths: Sequence[Path]) -> int:
    """How many files `find` will come upon, without reading them. Raises as it does."""
    return sum(1 for path in paths for _ in (_entries(path) if _is_readable_archive(path) else _on_disk(path)))


def import_root() -> Path:
    """The one folder of the server below which the admin may name folders to import."""
    return Path(str(settings.IMPORT_ROOT)).resolve()


def within_import_root(raw: str) -> Path:
    """The folder on the server that somebody named. Raises FolderRefused unless it lies in the allowed root."""
    root = import_root()
    try:
        folder = (root / raw.strip()).resolve()
        is_there = folder.is_dir()
    except (OSError, ValueError):  # a name that is too long, or holds a NUL
        raise FolderRefused("There is no folder {folder} on the server.", folder=display_name(raw)) from None
    if not folder.is_relative_to(root):
        raise FolderRefused(
            "{folder} lies outside {root}, the only place on the server that pictures are imported from.",
            folder=raw,
            root=root,
        )
    if not is_there:
        raise FolderRefused("There is no folder {folder} on the server.", folder=folder)
    if not os.access(folder, os.R_OK | os.X_OK):
        raise FolderRefused("The folder {folder} cannot be read by the user that runs this site.", folder=folder)
    return folder


def _is_readable_archive(path: Path) -> bool:
    return path.is_file() and os.access(path, os.R_OK) and is_archive(path)


def _entries(path: Path) -> Iterator[Entry]:
    return entries(path, archive_limits(), picture_limits())


def _on_disk(path: Path, within: Path | None = None) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """A file, or every file of a folder: name, folder's name, and how to read it."""
    if path.is_dir():
        yield from _in_folder(path, within)
    elif path.exists():
        yield path.name, path.resolve().parent.name, partial(_read, path, within)
    else:
        raise FolderRefused("{path} does not exist.", path=path)


def _in_folder(top: Path, within: Path | None) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    unreadable: list[str] = []
    for folder, folders, files in os.walk(top, onerror=lambda fault: unreadable.append(fault.filename)):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        called = Path(folder).resolve().name
        for name in sorted(files):
            path = Path(folder, name)
            if not name.startswith("."):
                yield str(path.relative_to(top)), called, partial(_read, path, within)
    # Reading one says why it cannot be read.
    yield from ((name, Path(name).name, partial(_read, Path(name))) for name in unreadable)


def _unpacked(entry: Entry) -> Callable[[], bytes]:
    """What reading an entry gives, found out now, while its archive is open."""
    try:
        data = entry.read()
    except ImageSearchError as refusal:
        return partial(_refuse, refusal)
    return lambda: data


def _refuse(refusal: ImageSearchError) -> bytes:
    raise refusal


def _read(path: Path, within: Path | None = None) -> bytes:
    if within and not path.resolve().is_relative_to(within):
        raise PictureRefused("outside", "{path} is a link that leads out of {root}.", path=path, root=within)
    try:
        if path.is_fifo():  # to open it would be to wait for somebody to write
            raise PictureRefused("special_file", "{path} is a pipe, not a file.", path=path)
        with path.open("rb") as file:
            return read_picture(file)
    except OSError as fault:
        raise PictureRefused(
            "unreadable", "{path} cannot be read: {fault}.", path=path, fault=fault.strerror or fault
        ) from fault
