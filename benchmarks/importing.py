"""One import, timed: `python -m benchmarks.importing EXTRACTOR FILES WEIGHTS`. Called by `benchmarks.extraction`.

Draws FILES pictures, imports them with one command from files to searchable images, and sets that against the bare
network on the same number of prepared pictures, timed before and after. The last line is one JSON object.
"""

import io
import json
import os
import sys
import tempfile
import time
from contextlib import redirect_stdout
from hashlib import md5
from pathlib import Path

import django
import numpy as np
from PIL import Image


def main(extractor: str, files: int, drawn: Path) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagesearch.settings")
    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from catalog.features import weights
    from catalog.services import spaces

    if extractor == "vgg16":
        settings.VGG16_WEIGHTS = drawn
        weights.VGG16_MD5 = md5(drawn.read_bytes(), usedforsecurity=False).hexdigest()
    call_command("migrate", verbosity=0)
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder), files)
        bare = [bare_rate(spaces.extractor(spaces.active_or_first(), for_batches=True), files)]
        told = io.StringIO()
        with redirect_stdout(told):
            call_command("import_images", folder, json=True, stdout=told)
        bare.append(bare_rate(spaces.extractor(spaces.active_or_first(), for_batches=True), files))
    done = json.loads(told.getvalue().splitlines()[-1])
    rate, alone = done["indexed"] / done["seconds"], sum(bare) / 2
    figures = {
        "images_per_second": round(rate, 1),
        "bare_images_per_second": round(alone, 1),
        "ratio": round(rate / alone, 3),
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


def bare_rate(extractor, files: int) -> float:  # type: ignore[no-untyped-def]
    """Pictures a second of the network alone, in batches as the worker has them."""
    size = extractor.space.input_size
    batch = np.random.default_rng(0).integers(0, 256, (32, size, size, 3), np.uint8)
    extractor.describe(batch[:4])
    began = time.perf_counter()
    for _ in range(max(1, files // 32)):
        extractor.describe(batch)
    return max(1, files // 32) * 32 / (time.perf_counter() - began)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
