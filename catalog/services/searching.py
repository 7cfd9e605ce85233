"""Search: from a descriptor to the images most like it."""

import time
from dataclasses import dataclass, field

import numpy as np
from PIL import Image as Pixels

from catalog.exceptions import NothingIndexed, SegmentDamaged
from catalog.imaging.crops import Box, crop
from catalog.imaging.decoding import decode
from catalog.imaging.limits import Limits
from catalog.models import Collection, Descriptor, FeatureSpace, Generation, Image, Segment, Tag
from catalog.services import explaining, spaces, store
from catalog.services.explaining import Explanation, Seen
from catalog.services.limits import DESCRIBED_SIDE, picture_limits
from catalog.services.live_index import View, engine, up_to_date
from catalog.vectors.exact import Ranking
from catalog.vectors.segments import open_segment

NOTHING_YET = "Nothing is searchable yet. Add pictures first; they are searchable once described."


@dataclass(frozen=True)
class Filters:
    """What a search is narrowed to. Nothing set means everything."""

    collection: Collection | None = None
    tags: tuple[Tag, ...] = ()

    def image_ids(self) -> np.ndarray | None:
        """int64: the images that pass, or None where all do."""
        if not self.collection and not self.tags:
            return None
        passing = Image.objects.indexed().in_collection(self.collection).tagged(*self.tags)
        return np.fromiter(passing.order_by().values_list("pk", flat=True), np.int64)


@dataclass(frozen=True)
class Query:
    """What is sought: a descriptor, and the space that it is compared in.

    Attributes:
        vector: float32, d, of unit length.
        space: where a rebuild swaps another one in meanwhile, this one is searched to the end.
    """

    vector: np.ndarray
    space: FeatureSpace


@dataclass(frozen=True)
class Hit:
    """One search result. The score is the cosine similarity, in [-1, 1]."""

    rank: int
    score: float
    image: Image


@dataclass(frozen=True)
class Results:
    """A stretch of a ranking.

    Attributes:
        total: images that pass the filters, all of which are ranked.
        damaged: segments that could not be searched.
    """

    hits: list[Hit]
    total: int
    seconds: float
    space: FeatureSpace
    damaged: list[str] = field(default_factory=list)


def describe(data: bytes, box: Box | None = None, *, limits: Limits | None = None) -> Query:
    """The descriptor of a query photo, or of the part of it within `box`.

    Without a box it is decoded just as the catalogue's pictures are, so that the same bytes give the same descriptor.

    Raises:
        PictureRefused: the bytes are not a picture that is taken.
        NothingIndexed: there is no feature space yet.
        WeightsUnavailable: the catalogue's network is not there.
        CropRefused: the box lies outside the photo.
    """
    space = _active_space()
    extractor = spaces.extractor(space)
    pixels = extractor.prepare(_opened(data, box, limits))
    return Query(extractor.describe(pixels[np.newaxis])[0], space)


def see(data: bytes, box: Box | None = None, *, limits: Limits | None = None) -> Seen:
    """A query photo, or the part of it within `box`, as `explain` takes it: one pass. Raises as `describe`."""
    return explaining.see(_opened(data, box, limits), _active_space())


def explain(query: Seen, image: Image) -> Explanation:
    """Which parts of a photo, and which of an image, made their score. See `explaining.explain`."""
    return explaining.explain(query, image)


def search(
    query: Query,
    filters: Filters | None = None,
    *,
    start: int = 0,
    count: int = 24,
    without: int | None = None,
) -> Results:
    """Rank the catalogue by likeness to a descriptor and return `count` hits from position `start` on.

    Args:
        without: an image that is left out: the one whose likes are sought.

    Raises:
        NothingIndexed: no image is searchable yet.
        IndexUnavailable: the server that ranks is away or refuses.
        CatalogueBusy: that server is being filled.
    """
    began = time.perf_counter()
    space = query.space
    view = up_to_date(space)
    if not view.segments and not view.damaged:
        raise NothingIndexed(NOTHING_YET)
    allowed = (filters or Filters()).image_ids()
    # One more than asked for, since `without` may stand among them.
    ranking = rank(query, view, top=start + count + 1, allowed=allowed)
    ids, scores, total = _leave_out(ranking, without, allowed)
    ids, scores = ids[start : start + count], scores[start : start + count]
    images = Image.objects.for_cards().in_bulk(ids.tolist())
    hits = [
        Hit(rank, min(float(score), 1.0), images[pk])
        for rank, (pk, score) in enumerate(zip(ids.tolist(), scores, strict=True), start + 1)
        if pk in images
    ]
    return Results(hits, total, time.perf_counter() - began, space, view.damaged)


def rank(query: Query, view: View, *, top: int, allowed: np.ndarray | None = None) -> Ranking:
    """The `top` best of what `view` holds of the query's space, or of those that are `allowed`: every search's ranking.

    Raises:
        IndexUnavailable: the server that ranks is away or refuses.
    """
    return engine().rank(query.space.key, view.segments, query.vector, top=top, allowed=allowed)


def descriptor_of(image: Image) -> Query | None:
    """The stored descriptor of an image in the active space; None while it has none.

    Raises:
        SegmentDamaged: its segment cannot be read.
    """
    active = Generation.objects.filter(state=Generation.State.ACTIVE).values("space")
    places = Descriptor.objects.filter(image=image, space__in=active).select_related("segment", "space")
    while place := places.first():
        try:
            vectors = open_segment(store.path_of(place.segment.name)).vectors
            return Query(np.array(vectors[place.row]), place.space)
        except SegmentDamaged:
            if Segment.objects.filter(pk=place.segment_id).exists():
                raise
            # It was merged into another meanwhile: look again.
    return None


def like(image: Image, filters: Filters | None = None, *, start: int = 0, count: int = 24) -> Results | None:
    """The images most like one of the catalogue, without itself; None while it is not searchable."""
    query = descriptor_of(image)
    return None if query is None else search(query, filters, start=start, count=count, without=image.pk)


def _opened(data: bytes, box: Box | None, limits: Limits | None) -> Pixels.Image:
    picture = decode(data, limits or picture_limits(), at_least=None if box else DESCRIBED_SIDE)
    return crop(picture, box) if box else picture.rgb


def _active_space() -> FeatureSpace:
    generation = spaces.active()
    if generation is None:
        raise NothingIndexed(NOTHING_YET)
    return generation.space


def _leave_out(
    ranking: Ranking, image_id: int | None, allowed: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, int]:
    if image_id is None or (allowed is not None and image_id not in allowed):
        return ranking.image_ids, ranking.scores, ranking.total
    kept = ranking.image_ids != image_id
    return ranking.image_ids[kept], ranking.scores[kept], ranking.total - 1
