"""One import, timed: `python -m benchmarks.importing EXTRACTOR FILES WEIGHTS`. Called by `benchmarks.extraction`.

Draws FILES pictures, imports them with one command from files to searchable images, and sets that against the bare
network on the same number of prepared pictures, half of them before and half after. The last line is one JSON object.
"""

import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from hashlib import md5
from multiprocessing import get_context
from pathlib import Path

import django
import numpy as np
from PIL import Image

from benchmarks.at_random import pictures_at_random
from catalog.features.extractors import Extractor


@dataclass(frozen=True)
class Cost:
    """Seconds, by the clock and of the processor, and how many pictures took them."""

    pictures: int
    wall: float
    cpu: float


def main(extractor: str, files: int, drawn: Path) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagesearch.settings")
    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from catalog.features import weights
    from catalog.services import indexing, spaces

    if extractor == "vgg16":
        settings.VGG16_WEIGHTS = drawn
        weights.VGG16_MD5 = md5(drawn.read_bytes(), usedforsecurity=False).hexdigest()
    call_command("migrate", verbosity=0)
    network = spaces.extractor(spaces.active_or_first(), for_batches=True)
    batches = max(1, files // 2 // indexing.BATCH)
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder), files)
        convert(network)
        before = bare(network, indexing.BATCH, batches)
        told = io.StringIO()
        with redirect_stdout(told):
            whole = cost(lambda: call_command("import_images", folder, json=True, stdout=told), files)
        after = bare(network, indexing.BATCH, batches)
    done = json.loads(told.getvalue().splitlines()[-1])
    rate, alone = done["indexed"] / done["seconds"], (before.pictures + after.pictures) / (before.wall + after.wall)
    alone_cpu = (before.cpu + after.cpu) / (before.pictures + after.pictures)
    figures = {
        "images_per_second": round(rate, 1),
        "bare_images_per_second": round(alone, 1),
        "ratio": round(rate / alone, 3),
        "cpu_ms": round(whole.cpu / files * 1000, 2),
        "bare_cpu_ms": round(alone_cpu * 1000, 2),
        "peak_mb": peak_megabytes(),
    }
    print(json.dumps(figures))


def peak_megabytes() -> int:
    """The most memory this process has had, from proc(5): getrusage counts what its parent had before exec."""
    status = Path("/proc/self/status").read_text()
    return round(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def draw(folder: Path, files: int) -> None:
    """JPEGs of 640 × 480: blurred noise, each of its own, as large as a photograph of that size."""
    chance = np.random.default_rng(0)
    for number in range(files):
        coarse = chance.integers(0, 256, (60, 80, 3), np.uint8)
        picture = Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:05}.jpg", quality=85)


def convert(network: Extractor) -> None:
    """Have the runtime convert its weights, which it does once on each machine, in another process's memory."""
    first = get_context("fork").Process(target=network.describe, args=(pictures_at_random(network.space, 1),))
    first.start()
    first.join()


def bare(network: Extractor, batch: int, batches: int) -> Cost:
    """The network alone, in batches as the worker has them."""
    pictures = pictures_at_random(network.space, batch)
    network.describe(pictures)  # loads it, and has it ask for its memory

    def describe() -> None:
        for _ in range(batches):
            network.describe(pictures)

    return cost(describe, batch * batches)


def cost(work: Callable[[], object], pictures: int) -> Cost:
    """What `work` on so many pictures takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(pictures, time.perf_counter() - wall, time.process_time() - cpu)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
