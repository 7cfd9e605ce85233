"""Catalogues of any size: images with database rows and descriptors, but without files.

Import this module after Django is set up, with a separate data folder.
"""

import time
from collections import defaultdict
from hashlib import sha256

import numpy as np
from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from tqdm import tqdm

from benchmarks.synthetic_descriptors import DescriptorSampler
from catalog.features.extractors import space_for_network
from catalog.features.networks.efficientnet_lite import efficientnet_lite2_network
from catalog.models import Collection, FeatureSpace, Generation, Image
from catalog.services.index import merging, rebuilding, store
from catalog.services.index.store import DescriptorRow
from catalog.services.jobs.progress import ENCODING, LINKING
from catalog.services.media.file_locks import file_commit_lock

# The collection that contains about 1 % of the images.
SELECTED_COLLECTION = "One in a hundred"


def fill_store(source: DescriptorSampler, rows: int, rng: np.random.Generator) -> dict[str, float]:
    """Create the images 1 to `rows` in segments of the maximum size, and a generation trained on them.

    Return the figures of `measure_rebuild`.
    """
    call_command("migrate", verbosity=0)
    description = space_for_network(efficientnet_lite2_network()).as_json()
    space = FeatureSpace.objects.create(key="benchmark", extractor="efficientnet-lite2", description=description)
    Generation.objects.create(space=space, state=Generation.State.ACTIVE)
    selected = Collection.objects.create(name=SELECTED_COLLECTION)
    with tqdm(total=rows, desc=f"{rows:,} rows", unit="row") as bar:
        while bar.n < rows:
            count = min(merging.MAX_MERGED_ROWS, rows - int(bar.n))
            vectors = source.sample(count, rng)
            append_segment(space, vectors, [selected if drawn else None for drawn in rng.random(count) < 0.01])
            bar.update(count)
    return measure_rebuild()


def measure_rebuild() -> dict[str, float]:
    """Rebuild the index, and return how long that took, and how long of it the neighbour graph took, in seconds."""
    times: dict[str, list[float]] = defaultdict(list)
    started_at = time.perf_counter()

    def record(phase: str, done: int, total: int) -> None:
        times[phase].append(time.perf_counter())
        print(f"\r{phase} {done}/{total}", end="", flush=True)

    rebuilding.rebuild(progress=record)
    print()
    graph_seconds = times[LINKING][-1] - times[ENCODING][-1] if times[LINKING] else 0.0
    return {"rebuild_seconds": round(time.perf_counter() - started_at, 1), "graph_seconds": round(graph_seconds, 1)}


def append_segment(space: FeatureSpace, vectors: np.ndarray, collections: list[Collection | None]) -> list[Image]:
    """Create an image for each row of `vectors`, float32, n × d, and commit them as one segment, like a worker."""
    first = Image.objects.count() + 1
    with file_commit_lock(), transaction.atomic():
        images = Image.objects.bulk_create(
            [unsaved_image(first + offset, collection) for offset, collection in enumerate(collections)], batch_size=500
        )
        rows = [DescriptorRow(image.pk, image.sha256, vector) for image, vector in zip(images, vectors, strict=True)]
        store.register_segment(store.write_segment(space, rows), rows, {image.pk for image in images})
    return images


def unsaved_image(number: int, collection: Collection | None) -> Image:
    """Return a searchable image without files, not yet saved."""
    return Image(
        sha256=sha256(str(number).encode()).hexdigest(),
        source=f"{number}.jpg",
        original=f"originals/{number}.jpg",
        thumbnail=f"thumbnails/{number}.jpg",
        thumbnail_width=160,
        thumbnail_height=120,
        format="JPEG",
        width=160,
        height=120,
        bytes=1000,
        collection=collection,
        status=Image.Status.INDEXED,
    )


def disk_bytes() -> int:
    """Return the size of the feature store and the code files, without the database."""
    files = [path for folder in (settings.FEATURES_DIR, settings.INDEX_DIR) for path in folder.rglob("*.h5")]
    return sum(path.stat().st_size for path in files)
