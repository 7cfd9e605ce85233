"""Samples of the stored descriptors of a feature space."""

import numpy as np

from catalog.models import Descriptor, FeatureSpace
from catalog.services.index import store
from catalog.services.index.training.image_labels import Labels
from catalog.vectors.half_precision import as_float32
from catalog.vectors.segments import open_segment

# Training uses a random sample of this size if there are more images.
MAX_TRAINING_IMAGES = 20_000


def descriptor_locations(space: FeatureSpace) -> np.ndarray:
    """Return where the descriptors of all images are stored.

    Returns:
        int64, n × 3: primary key of the segment, row, and image id, in order of segment and row.
    """
    live_descriptors = Descriptor.objects.filter(space=space, image__isnull=False).order_by("segment", "row")
    return np.fromiter(live_descriptors.values_list("segment", "row", "image").iterator(), np.dtype((np.int64, 3)))


def training_sample(locations: np.ndarray) -> np.ndarray:
    """Return up to MAX_TRAINING_IMAGES of `locations`, in their order. The sample is random but reproducible."""
    return sample(locations, MAX_TRAINING_IMAGES)


def sample(locations: np.ndarray, max_count: int) -> np.ndarray:
    """Return up to `max_count` of `locations`, in their order. The sample is random but reproducible."""
    if len(locations) <= max_count:
        return locations
    return locations[np.sort(np.random.default_rng(0).choice(len(locations), max_count, replace=False))]


def read_labelled(space: FeatureSpace, locations: np.ndarray, labels: Labels) -> tuple[np.ndarray, np.ndarray]:
    """Read the descriptors of a training sample of the labelled images: float32, n × d, and their labels, int64, n.

    Args:
        labels: one for each image, as from `Labels.one_per_image`.

    Raises:
        SegmentDamaged: a segment cannot be read.
    """
    chosen = training_sample(locations[np.isin(locations[:, 2], labels.images)])
    return read_vectors(space, chosen), labels.labels[np.searchsorted(labels.images, chosen[:, 2])]


def read_vectors(space: FeatureSpace, locations: np.ndarray) -> np.ndarray:
    """Read descriptors from their segments.

    Args:
        locations: as from `descriptor_locations`, in order of segment and row.

    Returns:
        float32, n × d; 0 × 0 without locations.

    Raises:
        SegmentDamaged: a segment cannot be read.
    """
    arrays = []
    for segment in space.segments.filter(pk__in=np.unique(locations[:, 0]).tolist()).order_by("pk"):
        rows = locations[locations[:, 0] == segment.pk, 1]
        arrays.append(as_float32(open_segment(store.segment_path(segment.name)).vectors[rows]))
    return np.concatenate(arrays) if arrays else np.empty((0, 0), np.float32)
