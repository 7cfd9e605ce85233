"""Queries changed by what was found: expansion by the best images, and relevance feedback."""

from dataclasses import dataclass

import numpy as np

from catalog.vectors.snapshot import Snapshot

# The exponent α of αQE.
ALPHA = 3
# Rocchio's weights of the positive and the negative mean; the query has weight 1.
# Manning, Raghavan & Schütze, "Introduction to Information Retrieval", 2008, section 9.1.1.
POSITIVE_WEIGHT, NEGATIVE_WEIGHT = 0.75, 0.15
# With more images than this, a query would be about them rather than about the photo.
MAX_EXPANSION_IMAGES = 50
MAX_FEEDBACK_IMAGES = 50


@dataclass(frozen=True)
class Feedback:
    """What the results of a search should resemble more, or less, beside the query.

    Attributes:
        positive_ids, negative_ids: ids of images of the catalogue.
        positive_vectors, negative_vectors: descriptors of further photos, each float32, d, in the space of the search.
    """

    positive_ids: tuple[int, ...] = ()
    negative_ids: tuple[int, ...] = ()
    positive_vectors: tuple[np.ndarray, ...] = ()
    negative_vectors: tuple[np.ndarray, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.positive_ids or self.negative_ids or self.positive_vectors or self.negative_vectors)


def expand_query(query_vector: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """Return the normalised sum of a query and its neighbours, each weighted by score^ALPHA: float32, d.

    αQE of Radenović, Tolias and Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation", TPAMI 2018,
    section 3.4.

    Args:
        query_vector: float32, d, projected, of unit length.
        neighbours: float32, n × d, likewise.
    """
    weights = np.maximum(neighbours @ query_vector, 0) ** ALPHA
    return _normalise(query_vector + weights @ neighbours, query_vector)


def rocchio(query_vector: np.ndarray, feedback: Feedback, snapshot: Snapshot) -> np.ndarray:
    """Move a query towards the mean of the positive examples and away from the mean of the negative ones.

    Rocchio, "Relevance Feedback in Information Retrieval", 1971. Images that are not in the snapshot are ignored.

    Returns:
        float32, d, of unit length.
    """
    positive_mean = _mean(feedback.positive_ids, feedback.positive_vectors, snapshot, query_vector)
    negative_mean = _mean(feedback.negative_ids, feedback.negative_vectors, snapshot, query_vector)
    return _normalise(query_vector + POSITIVE_WEIGHT * positive_mean - NEGATIVE_WEIGHT * negative_mean, query_vector)


def _mean(
    image_ids: tuple[int, ...], photo_vectors: tuple[np.ndarray, ...], snapshot: Snapshot, query_vector: np.ndarray
) -> np.ndarray:
    """Return the mean of the projected descriptors of images and photos: float32, d; zeros if there are none."""
    stored = snapshot.vectors_of(np.array(image_ids, np.int64)) if image_ids else np.empty((0, len(query_vector)))
    vectors = np.array([*stored, *photo_vectors], np.float32)
    return snapshot.project(vectors).mean(axis=0) if len(vectors) else np.zeros_like(query_vector)


def _normalise(vector: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    """Scale a vector to unit length; return `fallback` if it is zero."""
    norm = np.linalg.norm(vector)
    return (vector / norm).astype(np.float32) if norm > 0 else fallback
