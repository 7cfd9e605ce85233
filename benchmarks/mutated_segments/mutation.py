"""Damage of a file: one byte changed, or the end cut off."""

import random
from pathlib import Path
from uuid import uuid4

# Where the header, and the structures of HDF5, are.
METADATA_BYTES = 12_288


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return other bytes: in one of five cases fewer, else one is changed, half of the time among the first ones."""
    if rng.random() < 0.2:
        return data[: rng.randrange(len(data))]
    at = rng.randrange(min(METADATA_BYTES, len(data)) if rng.random() < 0.5 else len(data))
    changed = rng.choice([data[at] ^ 1 << rng.randrange(8), 0, 255, rng.randrange(256)])
    return data[:at] + bytes([changed if changed != data[at] else data[at] ^ 1]) + data[at + 1 :]


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file as a whole: who has the old one mapped still reads it."""
    temp_path = path.with_name(uuid4().hex)
    temp_path.write_bytes(data)
    temp_path.replace(path)
