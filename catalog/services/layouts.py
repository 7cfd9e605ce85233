"""The whole catalogue by likeness: where each picture lies, worked out in the background, and small pictures of all."""

import io
import logging

import numpy as np
from django.conf import settings
from django.db.models import QuerySet
from PIL import Image as Pixels
from PIL import ImageOps

from catalog import locks
from catalog.exceptions import CatalogueBusy, StoreUnavailable
from catalog.models import Descriptor, Generation, Image, Layout
from catalog.services import originals, spaces
from catalog.services.live_index import up_to_date
from catalog.vectors.layout import lay_out

logger = logging.getLogger(__name__)

# Of more, so many are drawn by lot.
MOST = 10_000
# When so large a share has come or gone, all are laid out anew; until then what comes is put beside what it is like.
CHANGED = 0.25
BESIDE = 3
# Small pictures to a sheet, in rows of ten, and the side of each in pixels.
ON_A_SHEET, ROW, SIDE = 100, 10, 48


def current() -> Layout | None:
    """The latest layout of the active space; None until there is one."""
    return Layout.objects.filter(generation__space__generations__state=Generation.State.ACTIVE).order_by("-pk").first()


def keep_up() -> None:
    """Lay the catalogue out where nothing is laid out yet, or what came and went since. One process at a time does."""
    generation = spaces.active()
    if generation is None:
        return
    try:
        with locks.held(settings.LOCKS_DIR / "layout.lock"):
            _keep_up(generation)
    except CatalogueBusy as fault:
        logger.info("%s", fault)


def _keep_up(generation: Generation) -> None:
    layout, described = Layout.objects.filter(generation=generation).first(), _described(generation)
    if layout and layout.images > MOST and abs(described.count() - layout.images) <= CHANGED * layout.images:
        return  # those that were drawn stand for all
    there = np.sort(np.fromiter(described.values_list("image_id", flat=True).iterator(), np.int64))
    known = layout.ids() if layout else np.empty(0, np.int64)
    new, gone = np.setdiff1d(there, known), np.setdiff1d(known, there)
    if layout is None or len(new) + len(gone) > CHANGED * len(known):
        _save(generation, len(there), *_laid_out(generation, there))
    elif len(new) and (beside := _put_beside(generation, layout, new)):
        _save(generation, len(there), *beside)


def _laid_out(generation: Generation, there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(there) > MOST:
        there = np.sort(np.random.default_rng(0).choice(there, MOST, replace=False))
    ids, vectors = _compared(generation, there)
    return ids, lay_out(vectors)


def _put_beside(generation: Generation, layout: Layout, new: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """What is laid out, and each of the new images in the middle of those most like it; None where none can be."""
    (known, laid), places = _compared(generation, layout.ids()), layout.positions()
    places = places[np.isin(layout.ids(), known)]
    ids, vectors = _compared(generation, new)
    if not len(ids) or not len(known):
        return None
    nearest = np.argsort(-(vectors @ laid.T), axis=1)[:, :BESIDE]
    return np.concatenate([known, ids]), np.concatenate([places, places[nearest].mean(axis=1)])


def _compared(generation: Generation, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Those of the images that can be searched, and their descriptors as they are compared: float32, n × d."""
    snapshot = up_to_date(generation).snapshot
    live = np.concatenate([np.empty(0, np.int64), *(part.segment.image_ids[part.rows()] for part in snapshot.segments)])
    ids = ids[np.isin(ids, live)]
    return ids, snapshot.whitened(snapshot.vectors_of(ids)) if len(ids) else np.empty((0, 1), np.float32)


def _save(generation: Generation, images: int, ids: np.ndarray, places: np.ndarray) -> None:
    numbers = {"image_ids": ids.astype("<i8").tobytes(), "places": places.astype("<f4").tobytes()}
    layout = Layout.objects.create(generation=generation, images=images, **numbers)
    Layout.objects.exclude(pk=layout.pk).delete()


def _described(generation: Generation) -> QuerySet[Descriptor]:
    """The rows of the images that are searchable in a generation."""
    return Descriptor.objects.filter(space=generation.space, image__isnull=False)


def sheet(layout: Layout, number: int) -> bytes:
    """A JPEG of the small pictures of a hundred images of a layout, in its order; grey for those that are gone.

    Raises:
        IndexError: there is no such sheet.
    """
    ids = layout.ids()[number * ON_A_SHEET : (number + 1) * ON_A_SHEET].tolist()
    if number < 0 or not ids:
        raise IndexError(number)
    images = Image.objects.in_bulk(ids)
    rows = -(-len(ids) // ROW)
    whole = Pixels.new("RGB", (ROW * SIDE, rows * SIDE), (128, 128, 128))
    for at, pk in enumerate(ids):
        if pk in images and (small := _small(images[pk])):
            whole.paste(small, (at % ROW * SIDE, at // ROW * SIDE))
    out = io.BytesIO()
    whole.save(out, "JPEG", quality=80)
    return out.getvalue()


def _small(image: Image) -> Pixels.Image | None:
    try:
        with originals.open_file(str(image.thumbnail)) as file:
            picture = Pixels.open(file)
            picture.draft("RGB", (2 * SIDE, 2 * SIDE))
            return ImageOps.fit(picture.convert("RGB"), (SIDE, SIDE))
    except (OSError, StoreUnavailable):  # a missing thumbnail leaves its place grey
        return None
