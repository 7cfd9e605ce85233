"""Search: from a descriptor to the images most like it."""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image as Pixels

from catalog.exceptions import NothingIndexed, SegmentDamaged, sentence
from catalog.imaging.crops import Box, crop
from catalog.imaging.decoding import decode
from catalog.imaging.limits import Limits
from catalog.models import Descriptor, FeatureSpace, Generation, Image, Segment
from catalog.services import explaining, refining, spaces, store
from catalog.services.explaining import Explanation, Seen
from catalog.services.filters import Filters
from catalog.services.learning import calibration_of
from catalog.services.limits import picture_limits
from catalog.services.live_index import engine, up_to_date
from catalog.services.refining import Marked
from catalog.vectors import exact
from catalog.vectors.calibration import Calibration, Likeness
from catalog.vectors.exact import Ranking
from catalog.vectors.segments import open_segment
from catalog.vectors.snapshot import Snapshot

NOTHING_YET = sentence("Nothing is searchable yet. Add pictures first; they are searchable once described.")


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
    """One search result.

    Attributes:
        score: the cosine similarity, in [-1, 1]; whitened where the generation has learned to.
        likeness: what that is worth in this catalogue; None where it is too small to tell, or the query refined.
        copies: further hits that show the same picture, where they are folded. See `services.folding`.
    """

    rank: int
    score: float
    image: Image
    likeness: Likeness | None = None
    copies: "tuple[Hit, ...]" = ()


@dataclass(frozen=True)
class Results:
    """A stretch of a ranking.

    Attributes:
        total: images that pass the filters, all of which are ranked.
        damaged: segments that could not be searched.
        nothing_alike: whether even the best of the ranking is like the query by chance alone, as far as can be told.
    """

    hits: list[Hit]
    total: int
    seconds: float
    space: FeatureSpace
    damaged: list[str] = field(default_factory=list)
    nothing_alike: bool = False


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
    return Query(extractor.describe([extractor.prepare(_opened(data, box, limits, space))])[0], space)


def see(data: bytes, box: Box | None = None, *, limits: Limits | None = None) -> Seen:
    """A query photo, or the part of it within `box`, as `explain` takes it: one pass. Raises as `describe`."""
    space = _active_space()
    return explaining.see(_opened(data, box, limits, space), space)


def explain(query: Seen, image: Image) -> Explanation:
    """Which parts of a photo, and which of an image, made their score. See `explaining.explain`."""
    return explaining.explain(query, image)


def search(  # noqa: PLR0913, all but two by name
    query: Query,
    filters: Filters | None = None,
    *,
    start: int = 0,
    count: int = 24,
    without: int | None = None,
    expand: int = 0,
    marked: Marked = Marked(),  # noqa: B008, frozen
    least: float | None = None,
    exactly: bool = False,
) -> Results:
    """Rank the catalogue by likeness to a descriptor and return `count` hits from position `start` on.

    Args:
        without: an image that is left out: the one whose likes are sought.
        expand: so many of the best images, MOST_EXPANDED at most, are added to the query, and the catalogue is ranked
            again: more of the same kind is found, and the query itself counts for less. See `refining.expanded`.
        marked: images that more, and less, is wanted of. See `refining.by_marks`.
        least: what scores less is left out, and not counted either.
        exactly: compare with every image, where codes would choose candidates.

    Raises:
        NothingIndexed: no image is searchable yet.
        IndexUnavailable: the server that ranks is away or refuses.
        CatalogueBusy: that server is being filled.
    """
    began = time.perf_counter()
    generation = _serving(query.space)
    view = up_to_date(generation)
    if not view.snapshot.segments and not view.damaged:
        raise NothingIndexed(NOTHING_YET)
    allowed = (filters or Filters()).image_ids()
    sought = as_compared(query, view.snapshot)
    if marked:
        sought = refining.by_marks(sought, marked, view.snapshot)
    if expand:
        sought = expanded(sought, view.snapshot, expand, allowed=allowed, without=without)
    if least is None:
        stage = exact.rank if exactly else rank
        # One more than asked for, since `without` may stand among them.
        ranking = stage(sought=sought, snapshot=view.snapshot, top=start + count + 1, allowed=allowed)
        ranking = _leave_out(ranking, without, allowed)
    else:
        # Every row is asked: codes do not tell how many score as much.
        ranking = exact.above(view.snapshot, sought, least=least, top=start + count, allowed=allowed, without=without)
    meaning = None if expand or marked else calibration_of(generation)
    return Results(
        _hits(ranking, start, count, meaning),
        ranking.total,
        time.perf_counter() - began,
        query.space,
        view.damaged,
        nothing_alike=bool(
            meaning and len(ranking.scores) and meaning.likeness(float(ranking.scores[0])) is Likeness.WEAK
        ),
    )


def compare(query: Query, image: Image) -> Hit | None:
    """One image as a hit of a query, without a rank; None while it is not searchable. Raises as `search`."""
    generation = _serving(query.space)
    snapshot = up_to_date(generation).snapshot
    rows = snapshot.whitened(snapshot.vectors_of(np.array([image.pk])))
    if not len(rows):
        return None
    score, meaning = float(rows[0] @ as_compared(query, snapshot)), calibration_of(generation)
    return Hit(0, min(score, 1.0), image, meaning.likeness(score) if meaning else None)


def snapshot_for(query: Query) -> Snapshot:
    """What a search of this query ranks at this moment. Raises as `search`."""
    return up_to_date(_serving(query.space)).snapshot


def as_compared(query: Query, snapshot: Snapshot) -> np.ndarray:
    """What `rank` takes: float32, d: the query's descriptor as the snapshot compares descriptors."""
    return snapshot.whitened(query.vector[np.newaxis])[0]


def expanded(
    sought: np.ndarray,
    snapshot: Snapshot,
    count: int,
    *,
    allowed: np.ndarray | None = None,
    without: int | None = None,
) -> np.ndarray:
    """A query with the `count` images most like it, as `refining.expanded` adds them. Raises IndexUnavailable."""
    nearest = _leave_out(rank(sought, snapshot, top=count + 1, allowed=allowed), without, allowed)
    vectors = snapshot.vectors_of(nearest.image_ids[:count])
    return refining.expanded(sought, snapshot.whitened(vectors)) if len(vectors) else sought


def rank(sought: np.ndarray, snapshot: Snapshot, *, top: int, allowed: np.ndarray | None = None) -> Ranking:
    """The `top` best of what `snapshot` holds, or of those that are `allowed`: every search's ranking.

    Raises:
        IndexUnavailable: the server that ranks is away or refuses.
    """
    return engine().rank(snapshot, sought, top=top, allowed=allowed)


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


def like(image: Image, filters: Filters | None = None, **options: Any) -> Results | None:
    """The images most like one of the catalogue, without itself; None while it is not searchable.

    Args:
        options: as `search` takes them.
    """
    query = descriptor_of(image)
    return None if query is None else search(query, filters, without=image.pk, **options)


def _opened(data: bytes, box: Box | None, limits: Limits | None, space: FeatureSpace) -> Pixels.Image:
    at_least = None if box else spaces.extractor(space).space.decoded_side
    picture = decode(data, limits or picture_limits(), at_least=at_least)
    return crop(picture, box) if box else picture.rgb


def _active_space() -> FeatureSpace:
    generation = spaces.active()
    if generation is None:
        raise NothingIndexed(NOTHING_YET)
    return generation.space


def _serving(space: FeatureSpace) -> Generation:
    generation = spaces.serving(space)
    if generation is None:
        raise NothingIndexed(NOTHING_YET)
    return generation


def _leave_out(ranking: Ranking, image_id: int | None, allowed: np.ndarray | None) -> Ranking:
    if image_id is None or (allowed is not None and image_id not in allowed):
        return ranking
    kept = ranking.image_ids != image_id
    return Ranking(ranking.image_ids[kept], ranking.scores[kept], ranking.total - 1)


def _hits(ranking: Ranking, start: int, count: int, meaning: Calibration | None) -> list[Hit]:
    ids, scores = ranking.image_ids[start : start + count].tolist(), ranking.scores[start : start + count].tolist()
    images = Image.objects.for_cards().in_bulk(ids)
    return [
        Hit(place, min(score, 1.0), images[pk], meaning.likeness(score) if meaning else None)
        for place, (pk, score) in enumerate(zip(ids, scores, strict=True), start + 1)
        if pk in images
    ]
