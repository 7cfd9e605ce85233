"""Catalogues of any size: images with database rows and descriptors, but without files.

Import this module after Django is set up, with a separate data folder.
"""

from hashlib import sha256

import numpy as np
from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from tqdm import tqdm

from benchmarks.synthetic_descriptors import DescriptorSampler
from catalog.features.extractors import choose_weights, space_for_weights
from catalog.models import Collection, FeatureSpace, Generation, Image
from catalog.services.index import merging, rebuilding, store
from catalog.services.index.store import DescriptorRow
from catalog.services.media.file_locks import file_commit_lock

# The collection that contains about 1 % of the images.
SELECTED_COLLECTION = "One in a hundred"


def fill_store(source: DescriptorSampler, rows: int, rng: np.random.Generator) -> None:
    """Create the images 1 to `rows` in segments of the maximum size, and a generation trained on them."""
    call_command("migrate", verbosity=0)
    description = space_for_weights(choose_weights("vgg16-compact", None)).as_json()
    space = FeatureSpace.objects.create(key="benchmark", extractor="vgg16-compact", description=description)
    Generation.objects.create(space=space, state=Generation.State.ACTIVE)
    selected = Collection.objects.create(name=SELECTED_COLLECTION)
    with tqdm(total=rows, desc=f"{rows:,} rows", unit="row") as bar:
        while bar.n < rows:
            count = min(merging.MAX_MERGED_ROWS, rows - int(bar.n))
            vectors = source.sample(count, rng)
            append_segment(space, vectors, [selected if drawn else None for drawn in rng.random(count) < 0.01])
            bar.update(count)
    rebuilding.rebuild(progress=lambda phase, done, total: print(f"\r{phase} {done}/{total}", end="", flush=True))
    print()


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
