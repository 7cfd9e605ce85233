"""Checks that every archive and every entry has to pass, and their errors."""

from catalog.exceptions import ArchiveRejected, ImageSearchError, PictureRejected
from catalog.imaging.limits import ArchiveLimits, PictureLimits, format_bytes

SYSTEM_FILES = {"__MACOSX", "Thumbs.db", "desktop.ini"}
ARCHIVE_EXTENSIONS = (".zip", ".tar", ".tgz", ".gz", ".xz", ".bz2", ".7z", ".rar")
# Small pictures of a single colour have a higher compression ratio than many bombs, and are harmless.
RATIO_CHECK_MIN_BYTES = 1024 * 1024


def is_ignored(raw_name: str) -> bool:
    """Return whether the entry is a hidden file, or one that an operating system creates in folders."""
    parts = set(_path_parts(raw_name)) - {".", ".."}
    return bool(parts & SYSTEM_FILES) or any(part.startswith(".") for part in parts)


def name_error(raw_name: str, name: str) -> ImageSearchError | None:
    """Return why an entry is rejected for its name; None if it is not.

    Args:
        raw_name: the name in the archive.
        name: the sanitised name, for the message.
    """
    parts = _path_parts(raw_name)
    if parts[0] == "" or ".." in parts or (len(parts[0]) == 2 and parts[0].endswith(":")):
        return PictureRejected(
            "unsafe_path",
            "“{name}” points outside the archive. Create the archive again with relative paths.",
            name=name,
        )
    return nested_archive_error(name) if raw_name.lower().endswith(ARCHIVE_EXTENSIONS) else None


def size_error(name: str, length: int, limits: PictureLimits) -> ImageSearchError | None:
    """Return why an entry of `length` bytes is rejected for its size; None if it is not."""
    if length <= limits.max_bytes:
        return None
    return PictureRejected(
        "too_many_bytes",
        "“{name}” is larger than the {max_size} limit. Use a smaller version of the picture.",
        name=name,
        max_size=format_bytes(limits.max_bytes),
    )


def nested_archive_error(name: str) -> ImageSearchError:
    return PictureRejected(
        "nested_archive", "“{name}” is an archive inside the archive. Unpack it and import it separately.", name=name
    )


def special_file_error(name: str) -> ImageSearchError:
    return PictureRejected(
        "special_file", "“{name}” is a link or a device, not a file. Add the picture itself to the archive.", name=name
    )


def damaged_entry_error(name: str) -> ImageSearchError:
    return PictureRejected("damaged", "“{name}” is damaged in the archive. Create the archive again.", name=name)


def damaged_archive_error() -> ArchiveRejected:
    return ArchiveRejected("This archive is damaged or incomplete. Copy or upload it again.")


def unpacking_memory_error(max_bytes: int) -> ArchiveRejected:
    return ArchiveRejected(
        "Unpacking this archive would take more than {max_size} of memory. Compress it again with “xz -9” or less.",
        max_size=format_bytes(max_bytes),
    )


def is_zip_bomb(unpacked_bytes: int, packed_bytes: int, limits: ArchiveLimits) -> bool:
    """Return whether the compression ratio is higher than that of any picture."""
    return unpacked_bytes > max(RATIO_CHECK_MIN_BYTES, packed_bytes * limits.max_ratio)


def check_entry_count(count: int, limits: ArchiveLimits) -> None:
    """Raise ArchiveRejected if the archive has too many entries."""
    if count > limits.max_entries:
        raise ArchiveRejected(
            "The archive has more than {max_entries:,} entries. Split it into smaller ones.",
            max_entries=limits.max_entries,
        )


def check_total_size(unpacked_bytes: int, packed_bytes: int, limits: ArchiveLimits) -> None:
    """Raise ArchiveRejected if the archive unpacks to too many bytes, or seems to be a zip bomb."""
    if unpacked_bytes > limits.max_total_bytes:
        raise ArchiveRejected(
            "The archive unpacks to more than {max_size}. Split it into smaller ones.",
            max_size=format_bytes(limits.max_total_bytes),
        )
    if is_zip_bomb(unpacked_bytes, packed_bytes, limits):
        raise ArchiveRejected(
            "The archive unpacks to more than {max_ratio} times its size, so it may be a zip bomb. "
            "Create it again from the pictures.",
            max_ratio=limits.max_ratio,
        )


def _path_parts(raw_name: str) -> list[str]:
    return raw_name.replace("\\", "/").split("/")
