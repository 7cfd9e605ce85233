"""What is found in an archive, and the rules that every entry is held to."""

from collections.abc import Callable
from dataclasses import dataclass, field

from catalog.exceptions import ArchiveRefused, ImageSearchError, PictureRefused
from catalog.imaging.archives import kinds
from catalog.imaging.limits import Limits

LITTER = {"__MACOSX", "Thumbs.db", "desktop.ini"}
ARCHIVE_ENDINGS = (".zip", ".tar", ".tgz", ".gz", ".xz", ".bz2", ".7z", ".rar")
# Small files of one colour pack better than any bomb, and do no harm.
HARMLESS_BYTES = 1024 * 1024


@dataclass(frozen=True)
class ArchiveLimits:
    """What is taken of an archive.

    Attributes:
        max_entries: files and folders together.
        max_total_bytes: all files together, unpacked.
        max_ratio: unpacked length over packed length.
    """

    max_entries: int = 20_000
    max_total_bytes: int = 20 * 1024**3
    max_ratio: int = 200


@dataclass(frozen=True)
class Entry:
    """One file of an archive.

    Attributes:
        name: its path in the archive, safe to store and show.
        refusal: why it is not taken; None when it can be read.
    """

    name: str
    refusal: ImageSearchError | None
    _unpack: Callable[[], bytes] = field(repr=False)

    def read(self) -> bytes:
        """Its bytes. Call this before asking the iterator for the next entry.

        Raises:
            ImageSearchError: the refusal, or what only unpacking brought to light.
        """
        if self.refusal:
            raise self.refusal
        data = self._unpack()
        if kinds.kind_of(data[: kinds.HEAD]):
            raise nested(self.name)
        return data


def is_passed_over(raw_name: str) -> bool:
    """Whether this is a hidden file, or what an operating system leaves behind in folders."""
    parts = set(_parts(raw_name)) - {".", ".."}
    return bool(parts & LITTER) or any(part.startswith(".") for part in parts)


def refusal_by_name(raw_name: str, name: str) -> ImageSearchError | None:
    parts = _parts(raw_name)
    if parts[0] == "" or ".." in parts or (len(parts[0]) == 2 and parts[0].endswith(":")):
        return PictureRefused(
            "unsafe_path", "“{name}” points outside the archive. Pack it anew with relative paths.", name=name
        )
    return nested(name) if raw_name.lower().endswith(ARCHIVE_ENDINGS) else None


def refusal_by_size(name: str, length: int, limits: Limits) -> ImageSearchError | None:
    if length <= limits.max_bytes:
        return None
    return PictureRefused(
        "too_many_bytes",
        "“{name}” has {bytes:,} bytes; {max_bytes:,} are taken at most. Save the picture smaller.",
        name=name,
        bytes=length,
        max_bytes=limits.max_bytes,
    )


def nested(name: str) -> ImageSearchError:
    return PictureRefused(
        "nested_archive",
        "“{name}” is an archive inside the archive. Unpack it and import it on its own.",
        name=name,
    )


def special(name: str) -> ImageSearchError:
    return PictureRefused(
        "special_file", "“{name}” is a link or a device, not a file. Pack the picture itself.", name=name
    )


def damaged(name: str) -> ImageSearchError:
    return PictureRefused("damaged", "“{name}” is damaged in the archive. Pack it anew.", name=name)


def is_absurd(unpacked: int, packed: int, limits: ArchiveLimits) -> bool:
    return unpacked > max(HARMLESS_BYTES, packed * limits.max_ratio)


def check_count(count: int, limits: ArchiveLimits) -> None:
    if count > limits.max_entries:
        raise ArchiveRefused(
            "The archive has more than {max_entries:,} entries. Split it into smaller ones.",
            max_entries=limits.max_entries,
        )


def check_total(unpacked: int, packed: int, limits: ArchiveLimits) -> None:
    if unpacked > limits.max_total_bytes:
        raise ArchiveRefused(
            "The archive unpacks to more than {max_bytes:,} bytes. Split it into smaller ones.",
            max_bytes=limits.max_total_bytes,
        )
    if is_absurd(unpacked, packed, limits):
        raise ArchiveRefused(
            "The archive claims to unpack to more than {max_ratio} times its length, as only a trap does. "
            "Pack the pictures anew.",
            max_ratio=limits.max_ratio,
        )


def broken_archive() -> ArchiveRefused:
    return ArchiveRefused("The archive is damaged or ends too early. Copy or send it again, whole.")


def _parts(raw_name: str) -> list[str]:
    return raw_name.replace("\\", "/").split("/")
