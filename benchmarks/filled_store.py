"""A catalogue of any size in minutes: images that have rows and descriptors and no files.

To be imported where Django is set up, on a data folder of its own.
"""

from hashlib import sha256

import numpy as np
from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from tqdm import tqdm

from benchmarks.realistic import Source
from catalog.features.extractors import choose, space_of
from catalog.models import Collection, FeatureSpace, Generation, Image
from catalog.services import merging, rebuilding, store
from catalog.services.store import Described

# The collection that one image in a hundred is in.
SELECTED = "One in a hundred"


def fill(source: Source, rows: int, chance: np.random.Generator) -> None:
    """Images 1 to `rows` in segments as large as merging makes them, and a generation that has learned from them."""
    call_command("migrate", verbosity=0)
    description = space_of(choose("vgg16-compact", None)).as_json()
    space = FeatureSpace.objects.create(key="benchmark", extractor="vgg16-compact", description=description)
    Generation.objects.create(space=space, state=Generation.State.ACTIVE)
    selected = Collection.objects.create(name=SELECTED)
    with tqdm(total=rows, desc=f"{rows:,} rows", unit="row") as bar:
        while bar.n < rows:
            count = min(merging.MERGED_ROWS, rows - int(bar.n))
            vectors = source.draw(count, chance)
            append(space, vectors, [selected if drawn else None for drawn in chance.random(count) < 0.01])
            bar.update(count)
    rebuilding.rebuild(progress=lambda phase, done, total: print(f"\r{phase} {done}/{total}", end="", flush=True))
    print()


def append(space: FeatureSpace, vectors: np.ndarray, collections: list[Collection | None]) -> list[Image]:
    """A segment of one image for each row of `vectors`, committed as a worker commits it."""
    first = Image.objects.count() + 1
    with store.writing(), transaction.atomic():
        images = Image.objects.bulk_create(
            [image(first + place, collection) for place, collection in enumerate(collections)], batch_size=500
        )
        rows = [Described(one.pk, one.sha256, vector) for one, vector in zip(images, vectors, strict=True)]
        store.register(store.append(space, rows), rows, {one.pk for one in images})
    return images


def image(number: int, collection: Collection | None) -> Image:
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
    """Of the store and what is derived from it; the database is not counted."""
    files = [path for folder in (settings.FEATURES_DIR, settings.INDEX_DIR) for path in folder.rglob("*.h5")]
    return sum(path.stat().st_size for path in files)
