"""Speed of an import: `python -m benchmarks.import_pipeline EXTRACTOR FILES WEIGHTS`. `benchmarks.extraction` runs it.

Generates FILES pictures and imports them with one command, until they are searchable. Compares this with the network
alone on the same number of prepared pictures, half of them before and half after the import. The last line is one JSON
object.
"""

import io
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import django
import numpy as np
from PIL import Image

from benchmarks.random_inputs import random_pictures
from catalog.features.extractors import Extractor


@dataclass(frozen=True)
class ProcessingCost:
    """Wall-clock time and CPU time for a number of pictures."""

    pictures: int
    wall_seconds: float
    cpu_seconds: float


def main(extractor: str, files: int, random_vgg16: Path) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagesearch.settings")
    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from catalog.services.index import spaces
    from catalog.services.media.decoding import decoder_pool

    if extractor == "vgg16":
        settings.VGG16_WEIGHTS = random_vgg16
    call_command("migrate", verbosity=0)
    network = spaces.get_extractor(spaces.get_or_create_active_space(), for_batches=True)
    batches = max(1, files // 2 // settings.BATCH_SIZE)
    with tempfile.TemporaryDirectory() as folder:
        write_pictures(Path(folder), files)
        before = measure_extraction(network, settings.BATCH_SIZE, batches)
        command_output = io.StringIO()

        def run_import() -> None:
            call_command("import_images", folder, json=True, stdout=command_output)
            decoder_pool().close()  # the CPU time of child processes is known when they have ended

        with redirect_stdout(command_output):
            import_cost = measure_cost(run_import, files)
        after = measure_extraction(network, settings.BATCH_SIZE, batches)
    result = json.loads(command_output.getvalue().splitlines()[-1])
    rate = result["indexed"] / result["seconds"]
    network_rate = (before.pictures + after.pictures) / (before.wall_seconds + after.wall_seconds)
    network_cpu = (before.cpu_seconds + after.cpu_seconds) / (before.pictures + after.pictures)
    figures = {
        "images_per_second": round(rate, 1),
        "bare_images_per_second": round(network_rate, 1),
        "ratio": round(rate / network_rate, 3),
        "cpu_ms": round(import_cost.cpu_seconds / files * 1000, 2),
        "bare_cpu_ms": round(network_cpu * 1000, 2),
        "beside_network_cpu_ms": round(import_cost.cpu_seconds / files * 1000 - network_cpu * 1000, 2),
        "peak_mb": peak_memory_megabytes(),
    }
    print(json.dumps(figures))


def peak_memory_megabytes() -> int:
    """Return the peak memory of this process, from proc(5): getrusage includes the parent's memory before exec."""
    status = Path("/proc/self/status").read_text()
    return round(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def write_pictures(folder: Path, files: int) -> None:
    """Write JPEG files of 640 × 480 pixels: different blurred noise, with the file size of a photograph."""
    rng = np.random.default_rng(0)
    for number in range(files):
        coarse = rng.integers(0, 256, (60, 80, 3), np.uint8)
        picture = Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:05}.jpg", quality=85)


def measure_extraction(network: Extractor, batch: int, batches: int) -> ProcessingCost:
    """Measure the network alone, with the worker's batch size."""
    pictures = random_pictures(network.space, batch)
    network.extract(pictures)  # loads the network and allocates its memory

    def extract_batches() -> None:
        for _ in range(batches):
            network.extract(pictures)

    return measure_cost(extract_batches, batch * batches)


def measure_cost(work: Callable[[], object], pictures: int) -> ProcessingCost:
    """Measure the time of `work`, which processes this number of pictures."""
    wall_start, cpu_start = time.perf_counter(), cpu_seconds()
    work()
    return ProcessingCost(pictures, time.perf_counter() - wall_start, cpu_seconds() - cpu_start)


def cpu_seconds() -> float:
    """Return the CPU time of this process and of its child processes that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
