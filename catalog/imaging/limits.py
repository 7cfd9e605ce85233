"""Limits that are checked before a picture is decoded or an archive is unpacked."""

from dataclasses import dataclass

BYTE_UNITS = ("B", "KB", "MB", "GB")


@dataclass(frozen=True)
class PictureLimits:
    """The pictures that `decode` accepts. Others are rejected before a pixel is decoded.

    Attributes:
        max_bytes: size of the encoded file.
        max_pixels: width × height.
        max_side: longer side, in pixels.
        min_side: shorter side, in pixels.
        max_memory: bytes that decoding takes, as estimated from the header.
        max_seconds: processor time that decoding takes; limited only in decoder processes.
    """

    max_bytes: int = 50 * 1024 * 1024
    max_pixels: int = 100_000_000
    max_side: int = 30_000
    min_side: int = 16
    max_memory: int = 1024**3
    max_seconds: int = 30


@dataclass(frozen=True)
class ArchiveLimits:
    """The archives that `iter_entries` accepts.

    Attributes:
        max_entries: number of files and folders.
        max_total_bytes: size of all files together, unpacked.
        max_ratio: unpacked size divided by packed size; a higher ratio suggests a zip bomb.
    """

    max_entries: int = 20_000
    max_total_bytes: int = 20 * 1024**3
    max_ratio: int = 200


def format_bytes(count: int) -> str:
    """Return a number of bytes in the largest unit that fits, such as "50 MB" or "1.5 GB" (1 KB is 1,024 bytes)."""
    exponent = min(max(count.bit_length() - 1, 0) // 10, len(BYTE_UNITS) - 1)
    value = round(count / 1024**exponent, 1)
    return f"{value:,.{0 if value.is_integer() else 1}f} {BYTE_UNITS[exponent]}"
