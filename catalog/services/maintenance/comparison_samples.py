"""The images with which networks are compared, and their descriptors by one network."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from django.conf import settings

from catalog.exceptions import ImageSearchError, Message, PictureRejected, StoreUnavailable, gettext_noop
from catalog.features.extractors import Extractor, PreparedPicture
from catalog.imaging.alterations import MILD_ALTERATIONS
from catalog.models import Image
from catalog.services.index.training.image_labels import LABEL_KINDS, Labels
from catalog.services.media import files

logger = logging.getLogger(__name__)

# Fewer images, or labels, tell too little.
MIN_IMAGES, MIN_LABELS = 20, 2
# Images of one label: at most this many, and at most this share of the sample, so that there are several labels. More
# where there are few labels.
MAX_IMAGES_PER_LABEL, MAX_SHARE_PER_LABEL = 50, 0.1
# Images of which altered copies are made.
COPIED_IMAGES = 100

LABEL_NAMES = {"collection": gettext_noop("collections"), "tag": gettext_noop("tags")}


@dataclass(frozen=True)
class ComparisonSample:
    """Images to compare networks with.

    Attributes:
        images: image ids, int64, n, in ascending order.
        copied: the positions in `images` of those of which altered copies are made: int64, c.
        kind: of the labels, one of `image_labels.LABEL_KINDS`; None without labels.
        labels: the label of each image, int64, n; None without labels.
    """

    images: np.ndarray
    copied: np.ndarray
    kind: str | None = None
    labels: np.ndarray | None = None


@dataclass(frozen=True)
class SampleDescriptors:
    """Descriptors of a sample by one network, L2-normalised.

    Attributes:
        vectors: float32, n × d; zeros for originals that could not be read.
        copies: of the altered copies, in the order of MILD_ALTERATIONS: float32, c × a × d; likewise.
        readable: which originals could be read: bool, n.
    """

    vectors: np.ndarray
    copies: np.ndarray
    readable: np.ndarray


def choose_sample(kind: str | None, size: int) -> ComparisonSample:
    """Return a random but reproducible sample of the searchable images.

    Args:
        kind: of the labels: then the sample has whole labels, as far as they fit. None takes collections, or tags where
            there are too few collections, or images without labels.
        size: the largest number of images.

    Raises:
        ImageSearchError: there are too few images, or too few with labels of this kind.
    """
    for candidate in [kind] if kind else LABEL_KINDS:
        labelled = Labels.load(candidate).one_per_image(2)
        images, labels = labelled.sample(size, _images_per_label(labelled, size))
        if len(images) >= MIN_IMAGES and len(np.unique(labels)) >= MIN_LABELS:
            return ComparisonSample(images, _draw(len(images), COPIED_IMAGES), candidate, labels)
    if kind:
        raise ImageSearchError(
            "Comparing networks by {labels} needs {count} or more searchable images with {kinds} or more different "
            "labels, each of two or more images. Add labels, or compare without them.",
            labels=Message(LABEL_NAMES[kind]),
            count=MIN_IMAGES,
            kinds=MIN_LABELS,
        )
    images = np.fromiter(Image.objects.indexed().order_by("pk").values_list("pk", flat=True), np.int64)
    check_count(len(images))
    images = images[_draw(len(images), size)]
    return ComparisonSample(images, _draw(len(images), COPIED_IMAGES))


def _images_per_label(labelled: Labels, size: int) -> int:
    """Return how many images of one label to take: more than otherwise where there are few labels."""
    label_count = max(1, len(np.unique(labelled.labels)))
    return max(2, min(MAX_IMAGES_PER_LABEL, round(size * MAX_SHARE_PER_LABEL)), size // label_count)


def check_count(count: int) -> None:
    """Raise ImageSearchError if `count` images are too few for a comparison."""
    if count < MIN_IMAGES:
        raise ImageSearchError(
            "Comparing networks needs {needed} or more searchable images whose originals can be read, but there are "
            "{count}.",
            needed=MIN_IMAGES,
            count=count,
        )


def _draw(count: int, size: int) -> np.ndarray:
    """Return `size` random positions of `count`, or all: int64, in ascending order."""
    return np.sort(np.random.default_rng(0).permutation(count)[:size])


def extract_sample(
    sample: ComparisonSample, extractor: Extractor, progress: Callable[[int], None]
) -> SampleDescriptors:
    """Extract the descriptors of a sample and of its altered copies. Pictures are in memory only batch by batch.

    The originals are decoded as for the index; so the copies of large JPEGs are made from pictures that were reduced
    while decoding.

    Args:
        progress: called after each batch with the number of images done.

    Raises:
        WeightsUnavailable: the network cannot be loaded.
        StoreUnavailable: the media storage is not available.
    """
    count, dimensions = len(sample.images), extractor.space.dimensions
    vectors = np.zeros((count, dimensions), np.float32)
    copies = np.zeros((len(sample.copied), len(MILD_ALTERATIONS), dimensions), np.float32)
    readable = np.zeros(count, bool)
    for start in range(0, count, settings.BATCH_SIZE):
        positions = np.arange(start, min(start + settings.BATCH_SIZE, count))
        inputs = prepare_pictures(sample.images[positions], extractor, np.isin(positions, sample.copied))
        ready = [position for position, pictures in zip(positions, inputs, strict=True) if pictures]
        extracted = _extract_in_batches(extractor, [picture for pictures in inputs for picture in pictures])
        for position in ready:
            vectors[position] = next(extracted)
            readable[position] = True
            if position in sample.copied:
                row = np.searchsorted(sample.copied, position)
                copies[row] = [next(extracted) for _ in MILD_ALTERATIONS]
        progress(int(positions[-1]) + 1)
    return SampleDescriptors(vectors, copies, readable)


def _extract_in_batches(extractor: Extractor, pictures: list[PreparedPicture]) -> Iterator[np.ndarray]:
    """Yield the descriptor of each picture. The feature maps of as many as in other batches are in memory at once."""
    for start in range(0, len(pictures), settings.BATCH_SIZE):
        yield from extractor.extract(pictures[start : start + settings.BATCH_SIZE])


def prepare_pictures(image_ids: np.ndarray, extractor: Extractor, copied: np.ndarray) -> list[list[PreparedPicture]]:
    """Return the network's inputs for each image: the original, and where `copied` (bool, n) is set its altered copies.

    The list of an image is empty if it was deleted or cannot be read. Raises StoreUnavailable.
    """
    rows = Image.objects.in_bulk(image_ids.tolist())
    images = [rows.get(pk) for pk in image_ids.tolist()]
    with ThreadPoolExecutor(settings.THREADS) as threads:
        return list(threads.map(partial(_prepare, extractor), images, copied.tolist()))


def _prepare(extractor: Extractor, image: Image | None, copied: bool) -> list[PreparedPicture]:
    if image is None:
        return []
    try:
        rgb = files.decode_original(image, min_side=extractor.space.decoded_side).rgb
        alterations = MILD_ALTERATIONS.values() if copied else ()
        return [extractor.prepare(rgb), *(extractor.prepare(alter(rgb)) for alter in alterations)]
    except StoreUnavailable:
        raise
    except PictureRejected as error:
        logger.info("Image %s is not used to compare networks: %s", image.pk, error)
    except Exception:  # a single picture must never stop the comparison
        logger.exception("Image %s could not be prepared for the network", image.pk)
    return []
