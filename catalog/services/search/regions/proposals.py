"""Proposals of regions: the parts of a photo that the catalogue knows best.

Photos are cluttered, and pictures of the catalogue are not. So windows of the photo are asked together, and those with
the best hits are proposed. Each is then extracted as a crop, as a search with its box does.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from django.conf import settings
from PIL import Image as PILImage

from catalog.features import windows
from catalog.features.extractors import Extractor
from catalog.features.preprocessing import resize_to_input
from catalog.imaging.crops import Box
from catalog.imaging.decoders import Rendering
from catalog.imaging.limits import PictureLimits
from catalog.imaging.thumbnails import downscale
from catalog.models import FeatureSpace
from catalog.services.index import spaces
from catalog.services.monitoring import process_metrics
from catalog.services.search import queries, ranking
from catalog.services.search.options import DEFAULT_OPTIONS, SearchOptions
from catalog.services.search.queries import Query
from catalog.vectors.many_queries import best_similarities, select_rows
from catalog.vectors.snapshot import Snapshot

MAX_REGIONS = 4
# The score of a region is the mean similarity of so many best images, times a small power of the share of the photo
# that it covers: of two regions of the same thing, the larger one shows more of it. Measured with `benchmarks.regions`.
SCORED_IMAGES = 5
AREA_EXPONENT = 0.05
# By how much a region must be better known than the whole photo to be meant: photos without clutter lose nothing.
MIN_GAIN = 1.06
# The intersection over union from which two regions are the same thing.
MAX_OVERLAP = 0.4
# The longer side, in pixels, of the picture of which regions are cropped.
CROPPED_SIDE = 1024


@dataclass(frozen=True)
class Region:
    """A part of a photo.

    Attributes:
        box: in pixels of the upright photo, as the crop of a search.
        share: left, top, width and height as fractions of the photo.
        score: how well the catalogue knows it, to compare regions of one photo.
        query: its descriptor: nearly that of a search with the crop `box`.
    """

    box: Box
    share: tuple[float, float, float, float]
    score: float
    query: Query


@dataclass(frozen=True)
class Proposals:
    """The regions of a photo.

    Attributes:
        regions: at most MAX_REGIONS, the most likely first; they hardly overlap. Empty where the network describes no
            windows.
        whole: the descriptor of the whole photo.
        whole_score: its score, as that of a region.
    """

    regions: tuple[Region, ...]
    whole: Query
    whole_score: float

    @property
    def meant(self) -> Region | None:
        """The region that was probably meant; None if it is the whole photo."""
        best = self.regions[0] if self.regions else None
        return best if best and best.score > MIN_GAIN * self.whole_score else None

    @property
    def query(self) -> Query:
        """What was probably meant: the descriptor of a region or of the whole photo."""
        return self.meant.query if self.meant else self.whole


def has_regions(space: FeatureSpace) -> bool:
    """Return whether regions can be proposed with the network of a feature space."""
    return windows.has_windows(spaces.get_extractor(space).space)


def propose_regions(
    data: bytes, options: SearchOptions = DEFAULT_OPTIONS, *, limits: PictureLimits | None = None
) -> Proposals:
    """Return the parts of a photo of which the catalogue has the most similar images.

    Args:
        data: the bytes of the photo.
        options: with the filters of the search. Only images that pass them count.
        limits: what is accepted; by default the limits of the site.

    Raises:
        PictureRejected, NoIndexedImages, WeightsUnavailable, Overloaded: as `queries.extract_query`.
        IndexUnavailable, CatalogueBusy: as `ranking.search`.
    """
    space = queries.require_active_space()
    extractor = spaces.get_extractor(space)
    if not windows.has_windows(extractor.space):
        return Proposals((), queries.extract_query(data, limits=limits), 0.0)
    rendering = _render(data, space, extractor, limits)
    *prepared, window_picture, picture = rendering.arrays
    query = queries.prepared_query(tuple(prepared), space)
    snapshot = ranking.snapshot_for(query)
    with process_metrics.time_stage("regions"):
        placed, descriptors = windows.describe_windows(extractor, window_picture)
        asked = snapshot.project(descriptors)
        rows = select_rows(
            snapshot, asked[placed.is_coarse], allowed_ids=options.filters.image_ids(), threads=settings.THREADS
        )
        kept = select_apart(placed.boxes[1:], _score(snapshot, asked, rows, placed.areas)[1:]) + 1
        boxes = [pixel_box(share, rendering) for share in placed.boxes[kept].tolist()]
        crops = _extract_crops(extractor, PILImage.fromarray(picture), boxes, rendering)
        asked = snapshot.project(np.concatenate([query.vector[np.newaxis], crops]))
        whole_score, *scores = _score(snapshot, asked, rows, placed.areas[[0, *kept]]).tolist()
    found = [
        Region(box, tuple(share), score, Query(vector, space))
        for box, share, score, vector in zip(boxes, placed.boxes[kept].tolist(), scores, crops, strict=True)
    ]
    return Proposals(tuple(sorted(found, key=lambda region: -region.score)), query, whole_score)


def _render(data: bytes, space: FeatureSpace, extractor: Extractor, limits: PictureLimits | None) -> Rendering:
    """Decode a photo once: for the network, for its windows and to be cropped."""
    window_input = partial(resize_to_input, side=windows.input_side(extractor.space), aspect=extractor.space.aspect)
    cropped_picture = partial(downscale, max_side=CROPPED_SIDE)
    return queries.render_photo(data, space, window_input, cropped_picture, limits=limits)


def _score(snapshot: Snapshot, queries: np.ndarray, rows: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """Return the scores of parts of a photo: float64, n.

    Args:
        queries: their projected descriptors, float32, n × k.
        rows: the rows that they are compared with.
        areas: the share of the photo that each covers, n.
    """
    best = best_similarities(snapshot, queries, rows, limit=SCORED_IMAGES)
    means = best.mean(axis=1) if len(rows) else np.zeros(len(queries))
    scores: np.ndarray = np.maximum(means, 0) * areas**AREA_EXPONENT
    return scores


def select_apart(boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the positions of the MAX_REGIONS best boxes that overlap by MAX_OVERLAP at most, best first: int64.

    Args:
        boxes: left, top, width and height, float64, n × 4.
    """
    kept: list[int] = []
    for position in np.argsort(-scores, kind="stable").tolist():
        if len(kept) < MAX_REGIONS and (overlaps(boxes[kept], boxes[position]) <= MAX_OVERLAP).all():
            kept.append(position)
    return np.array(kept, np.int64)


def overlaps(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Return the intersection over union of each of `boxes` with `box`: float64, n."""
    near = np.maximum(boxes[:, :2], box[:2])
    far = np.minimum(boxes[:, :2] + boxes[:, 2:], box[:2] + box[2:])
    common = np.maximum(far - near, 0).prod(axis=1)
    ratios: np.ndarray = common / (boxes[:, 2:].prod(axis=1) + box[2:].prod() - common)
    return ratios


def pixel_box(share: list[float], rendering: Rendering) -> Box:
    """Return a box given as fractions in pixels of the upright photo."""
    size = rendering.width, rendering.height
    left, top = (int(start * length) for start, length in zip(share[:2], size, strict=True))
    right, bottom = (
        min(length, round((start + side) * length))
        for start, side, length in zip(share[:2], share[2:], size, strict=True)
    )
    return Box(left, top, max(1, right - left), max(1, bottom - top))


def _extract_crops(extractor: Extractor, picture: PILImage.Image, boxes: list[Box], rendering: Rendering) -> np.ndarray:
    """Return the descriptors of the crops of a photo that `picture` shows, perhaps reduced: float32, n × d."""
    scale_x, scale_y = picture.width / rendering.width, picture.height / rendering.height
    areas = [
        (box.x * scale_x, box.y * scale_y, (box.x + box.width) * scale_x, (box.y + box.height) * scale_y)
        for box in boxes
    ]
    prepared = [extractor.prepare(picture.crop(_whole_pixels(area))) for area in areas]
    return extractor.extract(prepared)


def _whole_pixels(area: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    left, top, right, bottom = area
    return int(left), int(top), max(int(left) + 1, round(right)), max(int(top) + 1, round(bottom))
