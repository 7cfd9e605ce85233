"""Refining a query: more of its best images' kind, more of what somebody marked, less of what they marked otherwise."""

from dataclasses import dataclass

import numpy as np

from catalog.vectors.snapshot import Snapshot

# αQE's exponent.
ALPHA = 3
# How much marked images count beside the query itself: Manning, Raghavan & Schütze 2008, section 9.1.1.
MORE, LESS = 0.75, 0.15
# A query of more images than this is about them and not about itself.
MOST_EXPANDED = 50
MOST_MARKED = 50


@dataclass(frozen=True)
class Marked:
    """What somebody wants more of, or less of, beside the photo they search with.

    Attributes:
        more, less: images of the catalogue, by id.
        photos, unlike: further photos: for each its descriptor, float32, d, in the space that is searched.
    """

    more: tuple[int, ...] = ()
    less: tuple[int, ...] = ()
    photos: tuple[np.ndarray, ...] = ()
    unlike: tuple[np.ndarray, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.more or self.less or self.photos or self.unlike)


def expanded(sought: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """A query plus the images most like it, each weighted by score^3, at unit length: float32, d.

    αQE of Radenović, Tolias and Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation", TPAMI 2018,
    section 3.4.

    Args:
        sought: float32, d, of unit length: as it is compared.
        neighbours: float32, n × d, likewise.
    """
    weights = np.maximum(neighbours @ sought, 0) ** ALPHA
    return _unit(sought + weights @ neighbours, sought)


def by_marks(sought: np.ndarray, marked: Marked, snapshot: Snapshot) -> np.ndarray:
    """A query moved towards the mean of what is wanted and away from that of what is not: float32, d, of unit length.

    Rocchio 1971, "Relevance Feedback in Information Retrieval". Images that are not in the snapshot count for nothing.
    """
    wanted = _mean(marked.more, marked.photos, snapshot, sought)
    unwanted = _mean(marked.less, marked.unlike, snapshot, sought)
    return _unit(sought + MORE * wanted - LESS * unwanted, sought)


def _mean(
    image_ids: tuple[int, ...], photos: tuple[np.ndarray, ...], snapshot: Snapshot, like: np.ndarray
) -> np.ndarray:
    """The mean of images and photos, as they are compared; zeros where there are none: float32, d."""
    stored = snapshot.vectors_of(np.array(image_ids, np.int64)) if image_ids else np.empty((0, len(like)))
    vectors = np.array([*stored, *photos], np.float32)
    return snapshot.whitened(vectors).mean(axis=0) if len(vectors) else np.zeros_like(like)


def _unit(vector: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vector)
    return (vector / length).astype(np.float32) if length > 0 else otherwise
