"""Decodes damaged pictures: `python -m benchmarks.mutated_pictures [--count N] [--seed S] [FOLDER]`.

Changes bytes of pictures of every format, generated or from FOLDER, and decodes them as an import does, in decoder
processes. The last line is one JSON object: how many pictures had each outcome, and the highest memory of a decoder.
"""

import argparse
import io
import json
import random
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from pillow_heif import register_heif_opener

from catalog.exceptions import PictureRejected
from catalog.features.preprocessing import resize_to_input
from catalog.imaging.decoders import DecoderPool, Request
from catalog.imaging.limits import PictureLimits
from catalog.imaging.thumbnails import encode_jpeg_thumbnail

HEADER_BYTES = 200
# Values at which lengths and sizes overflow.
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
# All modes and options that lead to different decoders.
VARIANTS: list[tuple[str, str, dict[str, object]]] = [
    ("JPEG", "RGB", {}),
    ("JPEG", "RGB", {"progressive": True}),
    ("JPEG", "CMYK", {}),
    ("PNG", "RGB", {}),
    ("PNG", "RGBA", {}),
    ("PNG", "P", {}),
    ("PNG", "I;16", {}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGBA", {"lossless": True}),
    ("GIF", "P", {}),
    ("BMP", "RGB", {}),
    ("BMP", "P", {}),
    ("TIFF", "RGB", {}),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("TIFF", "RGB", {"compression": "jpeg"}),
    ("TIFF", "1", {"compression": "group4"}),
    ("TIFF", "F", {"compression": "tiff_adobe_deflate"}),
    ("AVIF", "RGB", {"speed": 8}),
    ("AVIF", "RGBA", {"speed": 8}),
    ("HEIF", "RGB", {}),
    ("HEIF", "RGBA", {}),
]

Mutation = Callable[[bytearray, random.Random], None]


def main() -> None:
    parser = argparse.ArgumentParser(description="Decode damaged pictures.")
    parser.add_argument("folder", nargs="?", type=Path, help="pictures to damage (default: generated ones)")
    parser.add_argument("--count", type=int, default=2000, help="number of damaged pictures")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--decoders", type=int, default=2, help="decoder processes")
    options = parser.parse_args()
    originals = read_pictures(options.folder) if options.folder else generate_pictures()
    print(json.dumps(measure(originals, options.count, options.seed, options.decoders)))


def measure(originals: list[bytes], count: int, seed: int, decoders: int) -> dict[str, object]:
    """Decode `count` damaged pictures. Returns the numbers of outcomes, the time and the memory."""
    pool, started_at = DecoderPool(decoders), time.perf_counter()
    with ThreadPoolExecutor(decoders) as threads:
        outcomes = Counter(threads.map(partial(decode, pool), mutate_all(originals, count, seed)))
    pool.close()
    return {
        "pictures": outcomes.total(),
        "outcomes": dict(outcomes.most_common()),
        "seconds": round(time.perf_counter() - started_at, 1),
        "decoder_peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    }


def decode(pool: DecoderPool, data: bytes) -> str:
    """Decode a picture as an import does; return "decoded", or the code of the rejection."""
    request = Request(PictureLimits(), [encode_jpeg_thumbnail, partial(resize_to_input, side=260, aspect="kept")], 520)
    try:
        pool.render(data, request)
    except PictureRejected as error:
        return error.code
    return "decoded"


def mutate_all(originals: list[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Yield damaged copies of all pictures in turn."""
    for number in range(count):
        rng = random.Random(f"{seed}-{number}")  # noqa: S311
        data = bytearray(originals[number % len(originals)])
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            rng.choice(MUTATIONS)(data, rng)
        yield bytes(data)


def change_byte(data: bytearray, rng: random.Random) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.randrange(256)


def change_header_field(data: bytearray, rng: random.Random) -> None:
    """Write a length or size at which arithmetic overflows."""
    size, order = rng.choice((1, 2, 4)), rng.choice(("big", "little"))
    position = rng.randrange(min(len(data), HEADER_BYTES) + 1)
    data[position : position + size] = (rng.choice(EXTREMES) % 256**size).to_bytes(size, order)


def flip_bit_of_header(data: bytearray, rng: random.Random) -> None:
    if data:
        data[rng.randrange(min(len(data), HEADER_BYTES))] ^= 1 << rng.randrange(8)


def truncate(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data) + 1) :]


def splice(data: bytearray, rng: random.Random) -> None:
    """Insert, overwrite or remove a piece."""
    start, position = rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)
    piece = data[start : start + rng.choice((4, 16, 64, 1024))]
    data[position : position + rng.choice((0, len(piece)))] = rng.choice((piece, piece * 4, b""))


MUTATIONS: tuple[Mutation, ...] = (change_byte, change_header_field, flip_bit_of_header, truncate, splice)


def generate_pictures() -> list[bytes]:
    """Return one picture of 96 × 64 pixels for each of VARIANTS."""
    register_heif_opener()
    coarse = np.random.default_rng(0).integers(0, 256, (8, 12, 4), np.uint8)
    pixels = Image.fromarray(coarse).resize((96, 64), Image.Resampling.BICUBIC)
    return [encode(pixels, format_, mode, options) for format_, mode, options in VARIANTS]


def encode(pixels: Image.Image, format_: str, mode: str, options: dict[str, object]) -> bytes:
    """Return a picture file; `pixels` is RGBA."""
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(pixels.convert("L")).astype(np.uint16) * 257)
    else:
        picture = pixels if mode == "RGBA" else pixels.convert("RGB").convert(mode)
    out = io.BytesIO()
    picture.save(out, format_, **options)
    return out.getvalue()


def read_pictures(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
