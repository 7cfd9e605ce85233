"""Samples of the catalogue on which projections are compared: images with labels, or altered copies of images."""

import logging
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image as PILImage

from catalog.exceptions import ImageSearchError, WeightsUnavailable
from catalog.imaging.alterations import ALTERATIONS
from catalog.models import FeatureSpace, Image
from catalog.services.index import spaces
from catalog.services.index.training import sampling
from catalog.services.index.training.image_labels import LABEL_KINDS, Labels
from catalog.services.media import files
from catalog.vectors import metrics
from catalog.vectors.neighbours.sample_scores import score_sample
from catalog.vectors.projections.projection import Projection, project

logger = logging.getLogger(__name__)

# Images in a sample, images of one label in it, and images of which copies are made.
MAX_IMAGES, MAX_IMAGES_PER_LABEL, COPIED_IMAGES = 1_000, 50, 40
# Copies of fewer images tell too little.
MIN_COPIED_IMAGES = 10
# Fewer labelled images, or labels, tell too little.
MIN_LABELLED_IMAGES, MIN_LABELS = 20, 2


class Quality(NamedTuple):
    """How well a projection ranks a sample, without and with neighbours: from 0 to 1."""

    plain: float
    augmented: float


@dataclass(frozen=True)
class LabelledSample:
    """Stored descriptors with labels. Each image is a query for the others of its label.

    Attributes:
        kind: one of `image_labels.LABEL_KINDS`.
        vectors: float32, n × d.
        labels: int64, n.
    """

    kind: str
    vectors: np.ndarray
    labels: np.ndarray

    def measure(self, projection: Projection | None) -> Quality:
        """Return the mean average precision."""
        return Quality(*(float(values.mean()) for values in self.precisions(projection)))

    def precisions(self, projection: Projection | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the average precision of each query with relevant images, without and with neighbours: float64, q."""
        plain, augmented = score_sample(project(projection, self.vectors))
        return self._average_precisions(plain), self._average_precisions(augmented)

    def _average_precisions(self, scores: np.ndarray) -> np.ndarray:
        relevant = metrics.relevance(scores, self.labels)
        return metrics.average_precision(relevant)[relevant.any(axis=1)]


@dataclass(frozen=True)
class CopySample:
    """Stored descriptors, and descriptors of altered copies of some of them. Each copy is a query for its original.

    Attributes:
        vectors: float32, n × d.
        copies: float32, c × d.
        originals: the position of the original of each copy in `vectors`: int64, c.
    """

    vectors: np.ndarray
    copies: np.ndarray
    originals: np.ndarray
    kind: str = "copies"

    def measure(self, projection: Projection | None) -> Quality:
        """Return the mean reciprocal rank of the originals."""
        scores = score_sample(project(projection, self.vectors), project(projection, self.copies))
        return Quality(*map(self._mean_reciprocal_rank, scores))

    def _mean_reciprocal_rank(self, scores: np.ndarray) -> float:
        own = scores[np.arange(len(scores)), self.originals]
        return float((1 / (scores >= own[:, np.newaxis]).sum(axis=1)).mean())


def labelled_sample(space: FeatureSpace, locations: np.ndarray, kind: str | None = None) -> LabelledSample | None:
    """Return a sample of labelled images: whole labels, as far as they fit. None if there are too few.

    Args:
        locations: from `sampling.descriptor_locations`.
        kind: of the labels; None takes collections, or tags where there are no collections.
    """
    for candidate in [kind] if kind else LABEL_KINDS:
        labels = Labels.load(candidate).one_per_image(2)
        images, image_labels = labels.sample(MAX_IMAGES, MAX_IMAGES_PER_LABEL)
        kept = np.isin(locations[:, 2], images)
        found_labels = image_labels[np.searchsorted(images, locations[kept, 2])] if len(images) else images
        if kept.sum() >= MIN_LABELLED_IMAGES and len(np.unique(found_labels)) >= MIN_LABELS:
            return LabelledSample(candidate, sampling.read_vectors(space, locations[kept]), found_labels)
    return None


def copy_sample(space: FeatureSpace, locations: np.ndarray, copied_images: int) -> CopySample | None:
    """Return a sample with altered copies, for which the network runs.

    None if too few originals can be read, or the network is not available.

    Args:
        copied_images: of how many images copies are made.
    """
    try:
        return _copy_sample(space, locations, copied_images)
    except WeightsUnavailable as error:  # the stored descriptors can be ranked without the network
        logger.warning("Projections are not compared by altered copies: %s", error)
        return None


def _copy_sample(space: FeatureSpace, locations: np.ndarray, copied_images: int) -> CopySample | None:
    sampled = sampling.sample(locations, MAX_IMAGES)
    chosen = sampling.sample(np.column_stack([np.arange(len(sampled)), sampled[:, 2]]), copied_images)
    extractor = spaces.get_extractor(space, for_batches=True)
    prepared, originals = [], []
    for position, image_id in chosen.tolist():
        for picture in _altered_copies(image_id, extractor.space.decoded_side):
            prepared.append(extractor.prepare(picture))
            originals.append(position)
    if len(set(originals)) < MIN_COPIED_IMAGES:
        return None
    return CopySample(sampling.read_vectors(space, sampled), extractor.extract(prepared), np.array(originals))


def _altered_copies(image_id: int, decoded_side: int) -> list[PILImage.Image]:
    image = Image.objects.filter(pk=image_id).first()
    if image is None:
        return []
    try:
        picture = files.decode_original(image, min_side=decoded_side)
    except (ImageSearchError, OSError) as error:
        logger.info("Image %s is not used to compare projections: %s", image_id, error)
        return []
    return [alter(picture.rgb) for alter in ALTERATIONS.values()]
