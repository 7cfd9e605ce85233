"""The similarity map: a position for each image, close to similar images, and sprites of their pictures."""

import io
import logging

import numpy as np
from django.conf import settings
from django.db.models import QuerySet
from PIL import Image as PILImage
from PIL import ImageOps

from catalog import locks
from catalog.exceptions import CatalogueBusy, StoreUnavailable
from catalog.imaging.digests import sha256
from catalog.models import Descriptor, Generation, Image, SimilarityMap
from catalog.services.index import spaces
from catalog.services.index.live_index import synced_view
from catalog.services.media import files
from catalog.vectors.tsne import tsne

logger = logging.getLogger(__name__)

# Of a larger catalogue, a random sample of this size is shown.
MAX_IMAGES = 10_000
# When this share of the images was added or deleted, all positions are computed again. Until then, each new image is
# placed at the mean position of its PLACEMENT_NEIGHBOURS most similar images.
RELAYOUT_FRACTION = 0.25
PLACEMENT_NEIGHBOURS = 3
SPRITES_PER_SHEET, SPRITES_PER_ROW = 100, 10
SPRITE_SIDE = 48  # pixels


def current_map() -> SimilarityMap | None:
    """Return the latest map of the active space; None if there is none yet."""
    return (
        SimilarityMap.objects.filter(generation__space__generations__state=Generation.State.ACTIVE)
        .order_by("-pk")
        .first()
    )


def update_map() -> None:
    """Create the map, or update it if images were added or deleted. Does nothing while another process does so."""
    generation = spaces.active_generation()
    if generation is None:
        return
    try:
        with locks.file_lock(settings.LOCKS_DIR / "similarity_map.lock"):
            _update_map(generation)
    except CatalogueBusy as error:
        logger.info("The similarity map is not updated now: %s", error)


def _update_map(generation: Generation) -> None:
    similarity_map = SimilarityMap.objects.filter(generation=generation).first()
    descriptors = _searchable_descriptors(generation)
    if (
        similarity_map
        and similarity_map.image_count > MAX_IMAGES
        and abs(descriptors.count() - similarity_map.image_count) <= RELAYOUT_FRACTION * similarity_map.image_count
    ):
        return  # the random sample still represents the catalogue
    image_ids = np.sort(np.fromiter(descriptors.values_list("image_id", flat=True).iterator(), np.int64))
    placed_ids = similarity_map.ids() if similarity_map else np.empty(0, np.int64)
    new_ids, removed_ids = np.setdiff1d(image_ids, placed_ids), np.setdiff1d(placed_ids, image_ids)
    has_neighbours = synced_view(generation).snapshot.has_neighbours  # without them a layout takes no time
    if (
        similarity_map is None
        or len(new_ids) + len(removed_ids) > RELAYOUT_FRACTION * len(placed_ids)
        or (len(new_ids) and not has_neighbours)
    ):
        _save(generation, len(image_ids), *_compute_positions(generation, image_ids))
    elif len(new_ids) and (placed := _place_new_images(generation, similarity_map, new_ids)):
        _save(generation, len(image_ids), *placed)


def _compute_positions(generation: Generation, image_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids of the placed images, int64, n, and their positions, float32, n × 2."""
    if len(image_ids) > MAX_IMAGES:
        image_ids = np.sort(np.random.default_rng(0).choice(image_ids, MAX_IMAGES, replace=False))
    ids, vectors = _searchable_vectors(generation, image_ids)
    return ids, tsne(vectors)


def _place_new_images(
    generation: Generation, similarity_map: SimilarityMap, new_ids: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the ids and positions of the map with the new images added; None if none of them can be placed.

    An image is placed among its neighbours in the graph. If none of them is on the map, it waits for the next layout.
    """
    snapshot = synced_view(generation).snapshot
    placed_ids, positions = similarity_map.ids(), similarity_map.positions()
    new_rows, placed_rows = (snapshot.row_index.rows_of(ids).astype(np.int64) for ids in (new_ids, placed_ids))
    placed_ids, positions = placed_ids[placed_rows >= 0], positions[placed_rows >= 0]
    new_ids, new_rows = new_ids[new_rows >= 0], new_rows[new_rows >= 0]
    if not len(new_ids) or not len(placed_ids):
        return None
    position_by_id = dict(zip(placed_ids.tolist(), positions, strict=True))
    linked = {
        new_id: [position_by_id[image_id] for image_id in image_ids if image_id in position_by_id]
        for new_id, image_ids in zip(new_ids.tolist(), snapshot.neighbours_of(new_rows).image_ids.tolist(), strict=True)
    }
    placed = {new_id: np.mean(near[:PLACEMENT_NEIGHBOURS], axis=0) for new_id, near in linked.items() if near}
    if not placed:
        return None
    return np.concatenate([placed_ids, [*placed]]), np.concatenate([positions, [*placed.values()]])


def _searchable_vectors(generation: Generation, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return those of the ids that are searchable, int64, n, and their projected descriptors, float32, n × d."""
    snapshot = synced_view(generation).snapshot
    live_ids = np.concatenate(
        [
            np.empty(0, np.int64),
            *(live_segment.segment.image_ids[live_segment.rows()] for live_segment in snapshot.segments),
        ]
    )
    ids = ids[np.isin(ids, live_ids)]
    return ids, snapshot.project(snapshot.vectors_of(ids)) if len(ids) else np.empty((0, 1), np.float32)


def _save(generation: Generation, image_count: int, ids: np.ndarray, positions: np.ndarray) -> None:
    """Store a map and delete all others."""
    arrays = {"image_ids": ids.astype("<i8").tobytes(), "coordinates": positions.astype("<f4").tobytes()}
    similarity_map = SimilarityMap.objects.create(generation=generation, image_count=image_count, **arrays)
    SimilarityMap.objects.exclude(pk=similarity_map.pk).delete()


def _searchable_descriptors(generation: Generation) -> QuerySet[Descriptor]:
    """Return the descriptors of the images that are searchable in a generation."""
    return Descriptor.objects.filter(space=generation.space, image__isnull=False)


def sheet_digest(similarity_map: SimilarityMap, number: int) -> str:
    """Return a digest of the images on a sheet: another one as soon as one of them is deleted."""
    ids = _sheet_ids(similarity_map, number)
    present = Image.objects.filter(pk__in=ids).order_by("pk").values_list("sha256", flat=True)
    return sha256("".join(present).encode())


def sprite_sheet(similarity_map: SimilarityMap, number: int) -> bytes:
    """Return a JPEG of the pictures of up to SPRITES_PER_SHEET images, in the order of the map.

    Deleted images are grey.

    Args:
        number: of the sheet, from 0.

    Raises:
        IndexError: the map has no such sheet.
    """
    ids = _sheet_ids(similarity_map, number)
    if number < 0 or not ids:
        raise IndexError(number)
    images = Image.objects.in_bulk(ids)
    rows = -(-len(ids) // SPRITES_PER_ROW)
    canvas = PILImage.new("RGB", (SPRITES_PER_ROW * SPRITE_SIDE, rows * SPRITE_SIDE), (128, 128, 128))
    for index, pk in enumerate(ids):
        if pk in images and (sprite := _sprite(images[pk])):
            canvas.paste(sprite, (index % SPRITES_PER_ROW * SPRITE_SIDE, index // SPRITES_PER_ROW * SPRITE_SIDE))
    buffer = io.BytesIO()
    canvas.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _sheet_ids(similarity_map: SimilarityMap, number: int) -> list[int]:
    return similarity_map.ids()[number * SPRITES_PER_SHEET : (number + 1) * SPRITES_PER_SHEET].tolist()


def _sprite(image: Image) -> PILImage.Image | None:
    """Return the thumbnail cropped to a square of SPRITE_SIDE; None if it is missing."""
    try:
        with files.open_file(str(image.thumbnail)) as file:
            picture = PILImage.open(file)
            picture.draft("RGB", (2 * SPRITE_SIDE, 2 * SPRITE_SIDE))
            return ImageOps.fit(picture.convert("RGB"), (SPRITE_SIDE, SPRITE_SIDE))
    except (OSError, StoreUnavailable):
        return None
