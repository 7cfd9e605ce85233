"""The demo catalogue: pictures to search on a site that has no pictures yet."""

import io
from typing import NamedTuple

from catalog.demo.drawing import KINDS, PICTURE_SIZES, PICTURES_PER_KIND, QUERY_KINDS, draw_catalogue, picture_name
from catalog.models import Image, ImportedFile
from catalog.services.index import extraction, rebuilding
from catalog.services.ingest import uploads
from catalog.services.ingest.collections import get_or_create_collection
from catalog.services.ingest.sources import SourceFile

FOLDER = "demo"
# A picture belongs to the demo only if its file name, width and height match: users may have a folder "demo", too.
SOURCES = [f"{FOLDER}/{picture_name(kind, number)}" for kind in KINDS for number in range(1, PICTURES_PER_KIND + 1)]
SIDES = sorted({side for size in PICTURE_SIZES for side in size})


class LoadedDemo(NamedTuple):
    """Numbers of images of the demo: new, indexed now, and failed to be indexed."""

    added: int
    indexed: int
    failed: int


def add_demo_images() -> int:
    """Draw the pictures of the demo catalogue and add them. Returns the number of new images."""
    source_files = []
    for kind, name, picture in draw_catalogue():
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=90)
        collection = get_or_create_collection(kind)
        source_files.append(SourceFile(f"{FOLDER}/{name}", buffer.getvalue, collection=collection))
    results = uploads.add_batch(source_files)
    return sum(result.outcome is ImportedFile.Outcome.ADDED for result in results)


def load_demo() -> LoadedDemo:
    """Add the demo catalogue, index it and update the index.

    Raises:
        WeightsUnavailable: the images cannot be indexed; they stay pending.
        StoreUnavailable: files cannot be written.
    """
    added = add_demo_images()
    stats = extraction.index_pending()
    rebuilding.maintain()
    return LoadedDemo(added, stats.indexed, stats.failed)


def example_photos() -> list[tuple[str, str]]:
    """Names and labels of photos to try; none if the demo catalogue is not there or not indexed."""
    demo_images = Image.objects.indexed().filter(source__in=SOURCES, width__in=SIDES, height__in=SIDES)
    if not demo_images.exists():
        return []
    return [(kind.lower(), kind) for kind in QUERY_KINDS]
