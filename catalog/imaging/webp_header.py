"""The size of a WebP picture, read before libwebp allocates memory for all of its pixels (RFC 9649, 2)."""

HEADER_BYTES = 30


def read_webp_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels; None if the header is not valid."""
    if len(data) < HEADER_BYTES:
        return None
    match data[12:16]:
        case b"VP8X":
            return _read_integer(data, 24, 3) + 1, _read_integer(data, 27, 3) + 1
        case b"VP8L":
            bits = _read_integer(data, 21, 4)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            return _read_integer(data, 26, 2) & 0x3FFF, _read_integer(data, 28, 2) & 0x3FFF
    return None


def _read_integer(data: bytes, offset: int, length: int) -> int:
    return int.from_bytes(data[offset : offset + length], "little")
