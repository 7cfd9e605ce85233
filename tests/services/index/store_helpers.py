"""Helpers for tests of the index: rankings, segment files and images without files."""

import os
import signal

from catalog.models import Image, Segment
from catalog.services.index import store
from catalog.services.search import ranking
from tests import indexed_images


def ranked_ids(image: Image) -> list[tuple[int, float]]:
    """Return the ids and rounded scores of the images most similar to this one."""
    results = ranking.search_similar(image)
    return [(hit.image.pk, round(hit.score, 5)) for hit in results.hits] if results else []


def segment_files() -> set[str]:
    """Return the names of all files in the store."""
    return {
        str(path.relative_to(store.segment_path(""))) for path in store.segment_path("").rglob("*") if path.is_file()
    }


def referenced_files() -> set[str]:
    """Return the names of all files that have a row."""
    return set(Segment.objects.values_list("name", flat=True))


def add_clustered_images(kinds: int = 12, each: int = 10, seed: int = 0) -> list[Image]:
    """Add searchable images without files."""
    return indexed_images.add_indexed_images(indexed_images.clustered_vectors(kinds, each, seed=seed))


def kill_this_process(*args: object) -> None:
    """Kill the process in which this is called."""
    os.kill(os.getpid(), signal.SIGKILL)
