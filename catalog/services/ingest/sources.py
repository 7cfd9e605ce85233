"""Files to add to the catalogue: found on disk, in folders and inside archives."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from django.conf import settings

from catalog.exceptions import ArchiveRejected, FolderRejected, ImageSearchError, PictureRejected
from catalog.imaging.archives import Entry, is_archive, iter_entries
from catalog.imaging.filenames import sanitise_filename
from catalog.models import Collection
from catalog.services.media.upload_limits import archive_limits, picture_limits, read_picture

ARCHIVE_SUFFIXES = {".zip", ".tar", ".gz", ".tgz", ".xz", ".bz2", ".7z", ".rar"}


@dataclass(frozen=True)
class SourceFile:
    """A file to add.

    Attributes:
        name: relative to the path that was named; not sanitised.
        read: returns the bytes, or raises an ImageSearchError that rejects the file.
        folder: name of the folder that contains the file; empty if there is none.
        collection: the collection that the image is added to.
    """

    name: str
    read: Callable[[], bytes]
    folder: str = ""
    collection: Collection | None = None


def iter_files(paths: Sequence[Path], *, allowed_root: Path | None = None) -> Iterator[SourceFile]:
    """Iterate over all files below `paths` in a fixed order. Archives are unpacked; hidden files are skipped.

    The entries of an archive are unpacked during the iteration and held in memory by their `SourceFile`.

    Args:
        allowed_root: reject files outside this folder, which symbolic links may lead to.

    Raises:
        FolderRejected: a path does not exist.
        ArchiveRejected: an archive among `paths` cannot be opened.
    """
    for path in paths:
        if _is_readable_archive(path):
            for entry in _entries(path):
                yield SourceFile(entry.name, _entry_reader(entry), PurePosixPath(entry.name).parent.name)
        elif path.suffix.lower() in ARCHIVE_SUFFIXES and path.is_file() and os.access(path, os.R_OK):
            yield SourceFile(path.name, partial(_raise, not_an_archive_error(path.name)))
        else:
            yield from _iter_path(path, allowed_root)


def not_an_archive_error(name: str) -> ArchiveRejected:
    """The error for a file that has the name of an archive, or was uploaded as one, but is none."""
    return ArchiveRejected("{name} is not a ZIP or TAR file. Pack the pictures into a ZIP or TAR file.", name=name)


def count_files(paths: Sequence[Path]) -> int:
    """Count the files that `iter_files` finds, without reading them. Raises like `iter_files`."""
    return sum(1 for path in paths for _ in (_entries(path) if _is_readable_archive(path) else _iter_path(path)))


def import_root() -> Path:
    """The only folder on the server that the admin can import from."""
    return Path(str(settings.IMPORT_ROOT)).resolve()


def resolve_import_folder(raw: str) -> Path:
    """Resolve the name of a folder on the server, relative to the import root.

    Raises:
        FolderRejected: the folder is outside the import root, does not exist or is not readable.
    """
    root = import_root()
    try:
        folder = (root / raw.strip()).resolve()
        exists = folder.is_dir()
    except (OSError, ValueError):  # the name is too long or contains a NUL character
        raise FolderRejected(
            "The folder {folder} does not exist on the server.", folder=sanitise_filename(raw)
        ) from None
    if not folder.is_relative_to(root):
        raise FolderRejected(
            "{folder} is outside {root}, the only folder on the server that pictures can be imported from.",
            folder=raw,
            root=root,
        )
    if not exists:
        raise FolderRejected("The folder {folder} does not exist on the server.", folder=folder)
    if not os.access(folder, os.R_OK | os.X_OK):
        raise FolderRejected(
            "The folder {folder} is not readable. Give read permission to the user that runs this site.", folder=folder
        )
    return folder


def _is_readable_archive(path: Path) -> bool:
    return path.is_file() and os.access(path, os.R_OK) and is_archive(path)


def _entries(path: Path) -> Iterator[Entry]:
    return iter_entries(path, archive_limits(), picture_limits())


def _iter_path(path: Path, allowed_root: Path | None = None) -> Iterator[SourceFile]:
    """The file at `path`, or all files of the folder at `path`."""
    if path.is_dir():
        yield from _iter_folder(path, allowed_root)
    elif path.exists():
        yield SourceFile(path.name, partial(_read, path, allowed_root), path.resolve().parent.name)
    else:
        raise FolderRejected("{path} does not exist.", path=path)


def _iter_folder(root: Path, allowed_root: Path | None) -> Iterator[SourceFile]:
    unreadable: list[str] = []
    for folder, folders, files in os.walk(root, onerror=lambda error: unreadable.append(error.filename)):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        folder_name = Path(folder).resolve().name
        for name in sorted(files):
            path = Path(folder, name)
            if not name.startswith("."):
                yield SourceFile(str(path.relative_to(root)), partial(_read, path, allowed_root), folder_name)
    # Reading an unreadable folder raises the error that is reported for it.
    yield from (SourceFile(name, partial(_read, Path(name)), Path(name).name) for name in unreadable)


def _entry_reader(entry: Entry) -> Callable[[], bytes]:
    """Read an entry now, while its archive is open. Returns a function that returns the bytes or raises the error."""
    try:
        data = entry.read()
    except ImageSearchError as error:
        return partial(_raise, error)
    return lambda: data


def _raise(error: ImageSearchError) -> bytes:
    raise error


def _read(path: Path, allowed_root: Path | None = None) -> bytes:
    if allowed_root and not path.resolve().is_relative_to(allowed_root):
        raise PictureRejected(
            "outside",
            "{path} is a link that leads outside {root}. Copy the file into {root}.",
            path=path,
            root=allowed_root,
        )
    try:
        if path.is_fifo():  # opening a pipe would block
            raise PictureRejected("special_file", "{path} is a pipe, not a file.", path=path)
        with path.open("rb") as file:
            return read_picture(file)
    except OSError as error:
        raise PictureRejected(
            "unreadable", "{path} could not be read: {error}.", path=path, error=error.strerror or error
        ) from error
