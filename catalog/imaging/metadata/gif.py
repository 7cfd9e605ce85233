"""GIF files (GIF89a specification) without comments, texts and unknown extensions."""

from typing import IO

from catalog.imaging.metadata.parts import PartList, Steps

IMAGE, EXTENSION, TRAILER = 0x2C, 0x21, 0x3B
GRAPHIC_CONTROL, APPLICATION = 0xF9, 0xFF
# Repetition of the animation, and the colour profile.
KEPT_APPLICATIONS = {b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"}
# Of up to 255 bytes each.
MAX_BLOCKS = 1_000_000
SCREEN_LENGTH, DESCRIPTOR_LENGTH = 13, 10


def public_parts(file: IO[bytes], size: int) -> PartList:
    """Return the parts of a GIF file that determine the picture."""
    parts, steps = PartList(), Steps(MAX_BLOCKS)
    file.seek(SCREEN_LENGTH - 3)
    position = SCREEN_LENGTH + _colour_table_length(file.read(1))
    parts.keep(0, min(size, position))
    while position < size:
        file.seek(position)
        kind = file.read(1)[0]
        if kind == IMAGE:
            file.seek(position + DESCRIPTOR_LENGTH - 1)
            data = position + DESCRIPTOR_LENGTH + _colour_table_length(file.read(1)) + 1
            is_kept, stop = True, _skip_blocks(file, data, size, steps)
        elif kind == EXTENSION:
            is_kept = _is_kept_extension(file)
            stop = _skip_blocks(file, position + 2, size, steps)
        else:  # the trailer, or data that decoders do not read
            parts.append(bytes([TRAILER]))
            break
        if is_kept:
            parts.keep(position, stop)
        position = stop
    return parts


def _colour_table_length(flags: bytes) -> int:
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _is_kept_extension(file: IO[bytes]) -> bool:
    label = file.read(1)
    return label == bytes([GRAPHIC_CONTROL]) or (
        label == bytes([APPLICATION]) and file.read(12)[1:] in KEPT_APPLICATIONS
    )


def _skip_blocks(file: IO[bytes], position: int, size: int, steps: Steps) -> int:
    """Return the position after the data blocks that begin at `position`."""
    file.seek(position)
    while position < size:
        steps.take()
        length = file.read(1)
        position += 1
        if not length or not length[0]:
            break
        position += length[0]
        file.seek(length[0], 1)
    return min(position, size)
