"""The catalogue whose files are damaged. Import this module after Django is set up, with a separate data folder."""

import io
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.core.management import call_command
from PIL import Image as PILImage

from benchmarks.mutated_segments.mutation import mutate, replace_file
from catalog.exceptions import ImageSearchError
from catalog.models import Image, Segment
from catalog.services.index import code_cache, extraction, live_index, rebuilding, spaces, store
from catalog.services.ingest import uploads
from catalog.services.maintenance import integrity
from catalog.services.search import ranking
from catalog.services.search.options import SearchOptions
from catalog.vectors.segments import open_segment

IMAGES = 104  # codes and neighbours are made from 100 images on
TARGETS = ("segment", "codes", "neighbour lists")


@dataclass
class Outcome:
    """What a mutated file led to. `error` names what neither a search nor a check may raise."""

    target: str
    reported: bool
    repaired: bool | None = None
    error: str = ""


def create() -> None:
    """Add the images in two segments, with files of codes and neighbour lists. Only the first segment is damaged."""
    call_command("migrate", verbosity=0)
    code_cache.MIN_CACHED_ROWS = 1
    for number in range(IMAGES):
        uploads.add_picture(_picture(number), f"{number}.jpg")
        if number in (IMAGES // 2, IMAGES - 1):
            extraction.index_pending()
    rebuild_without_merging()


def rebuild_without_merging() -> None:
    """Make the derived files of both segments."""
    generation = spaces.active_generation()
    if generation is None or generation.encoder is None:
        rebuilding.rebuild()


def _picture(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    out = io.BytesIO()
    PILImage.fromarray(pixels).resize((160, 120), PILImage.Resampling.BICUBIC).save(out, "JPEG")
    return out.getvalue()


def damage_and_check(seed: int, *, repair: bool) -> Outcome:
    """Damage one file, search, check, and repair the catalogue or put the file back."""
    rng = random.Random(seed)  # noqa: S311, not for secrets
    target = TARGETS[seed % 4] if seed % 4 < len(TARGETS) else "segment"
    path = _path(target)
    intact = path.read_bytes()
    replace_file(path, mutate(intact, rng))
    outcome = Outcome(target, reported=False)
    try:
        outcome.reported = not integrity.check().ok
        search()
        if repair:
            outcome.repaired = integrity.repair().ok and len(search()) == IMAGES - 1
    except Exception as error:  # what this looks for
        outcome.error = f"seed {seed}: {type(error).__name__}: {error}"
    if not repair:
        replace_file(path, intact)
    return outcome


def search() -> list[int]:
    """Search as the first page of a new process does, and return the ids of the images found."""
    live_index.INDEX.close()
    image = Image.objects.order_by("pk").last()
    try:
        results = ranking.search_similar(image, SearchOptions(limit=IMAGES)) if image else None
    except ImageSearchError:
        return []  # a page that says so
    return [hit.image.pk for hit in results.hits] if results else []


def _path(target: str) -> Path:
    generation = spaces.active_generation()
    segment = Segment.objects.order_by("pk").first()
    if segment is None or generation is None:
        raise RuntimeError("The catalogue has no segment.")
    path = store.segment_path(segment.name)
    key = live_index.comparison_key(generation)
    if target == "codes":
        return code_cache.codes_path(key, open_segment(path))
    return path if target == "segment" else code_cache.neighbours_path(key, open_segment(path))
