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
    """Images of the catalogue that somebody wants more of, or less of: their ids."""

    more: tuple[int, ...] = ()
    less: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.more or self.less)


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
    moved = sought + MORE * _mean(marked.more, snapshot, sought) - LESS * _mean(marked.less, snapshot, sought)
    return _unit(moved, sought)


def _mean(image_ids: tuple[int, ...], snapshot: Snapshot, like: np.ndarray) -> np.ndarray:
    vectors = snapshot.vectors_of(np.array(image_ids, np.int64))
    return snapshot.whitened(vectors).mean(axis=0) if len(vectors) else np.zeros_like(like)


def _unit(vector: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vector)
    return (vector / length).astype(np.float32) if length > 0 else otherwise
