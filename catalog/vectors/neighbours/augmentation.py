"""Ranking with neighbours: database-side augmentation and query expansion.

Each image is also compared as the sum of its descriptor and those of its neighbours, weighted by their similarity:
database-side augmentation, Arandjelović & Zisserman 2012, "Three things everyone should know to improve object
retrieval", section 4. The query is expanded by the best images of that comparison in the same way: αQE of Radenović,
Tolias & Chum 2018, "Fine-tuning CNN Image Retrieval with No Human Annotation", section 3.4.

The score of an image is the higher one of its own similarity s to the query, and of PLAIN_SHARE · s + (1 − PLAIN_SHARE)
· a, where a is the similarity of the augmented image and the expanded query. So the same picture scores 1, and a copy
of it is not lost among pictures of the same kind. Parameters were measured with `benchmarks.quality`.
"""

from dataclasses import dataclass, field

import numpy as np

from catalog.vectors.neighbours.lists import NeighbourLists
from catalog.vectors.neighbours.row_cache import AllRows, RowCache
from catalog.vectors.projections.projection import unit_vectors
from catalog.vectors.similarity import similarities
from catalog.vectors.snapshot import Snapshot

# The exponent of the similarity, in the weight of a neighbour and of an image that expands the query.
WEIGHT_EXPONENT = 2
# How many of the best images expand a query.
EXPANSION_IMAGES = 5
PLAIN_SHARE = 0.3
# Where more than one in so many rows is scored, comparing all rows is faster than reading these and their neighbours,
# and takes less memory. Measured with 200,000 rows.
MIN_ROWS_PER_SCORED = 50
# Rows that are scored at a time.
CHUNK_ROWS = 50_000


@dataclass(frozen=True)
class ExpandedQuery:
    """A query, projected: float32, k, of unit length.

    Attributes:
        plain: the query itself.
        expanded: with the best images added; None to rank by plain similarity.
        candidates: the rows of `Snapshot.row_index` among which these images were searched, int64, in ascending order;
            None if all rows were.
        cache: the descriptors that this took.
    """

    plain: np.ndarray
    expanded: np.ndarray | None = None
    candidates: np.ndarray | None = None
    cache: RowCache | None = field(default=None, repr=False)


def weights(cosines: np.ndarray) -> np.ndarray:
    """Return the weights of neighbours by their cosine similarities: float32, of the same shape."""
    return np.maximum(cosines.astype(np.float32), 0) ** WEIGHT_EXPONENT


def augmented_vectors(snapshot: Snapshot, rows: np.ndarray) -> np.ndarray:
    """Return rows of `Snapshot.row_index` with their neighbours added: float32, n × k, of unit length.

    A row whose list is not made yet, or names an image that has been deleted, is returned as it is.
    """
    lists = snapshot.neighbours_of(rows)
    complete = is_complete(snapshot, lists)
    return unit_vectors(add_neighbours(snapshot, rows, lists, weights(lists.similarities) * complete[:, np.newaxis]))


def add_neighbours(
    snapshot: Snapshot, rows: np.ndarray, lists: NeighbourLists, neighbour_weights: np.ndarray
) -> np.ndarray:
    """Return the sum of each row's vector and the weighted vectors of the neighbours in its list: float32, n × k."""
    linked = snapshot.row_index.rows_of(lists.image_ids)
    needed, inverse = np.unique(np.concatenate([rows, linked.clip(0).ravel()]), return_inverse=True)
    vectors = snapshot.project(snapshot.vectors(needed))[inverse]
    neighbours = vectors[len(rows) :].reshape(*linked.shape, -1)
    return vectors[: len(rows)] + np.einsum("nj,njk->nk", neighbour_weights * (linked >= 0), neighbours)


def expand_query(
    snapshot: Snapshot,
    query_vector: np.ndarray,
    rows: np.ndarray,
    *,
    exclude_id: int | None = None,
    cache: RowCache | None = None,
) -> ExpandedQuery:
    """Return a query with the best images among `rows` added, as they are augmented.

    Args:
        query_vector: projected, float32, k, of unit length.
        rows: candidates, rows of `Snapshot.row_index` in ascending order: int64, n.
        exclude_id: the image that is searched with.
        cache: for the descriptors that are read.
    """
    scores = _augmented_similarities(snapshot, query_vector, query_vector, rows, cache)[1]
    if exclude_id is not None:
        scores[snapshot.row_index.image_ids(rows) == exclude_id] = -np.inf
    best = np.argsort(-scores, kind="stable")[:EXPANSION_IMAGES]
    best = best[scores[best] > 0]
    if not len(best):
        return ExpandedQuery(query_vector, query_vector)
    added = weights(scores[best]) @ augmented_vectors(snapshot, rows[best])
    return ExpandedQuery(query_vector, unit_vectors((query_vector + added)[np.newaxis])[0])


def score(snapshot: Snapshot, query: ExpandedQuery, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of rows of `Snapshot.row_index`, and their own similarities to the query: float32, n each.

    Args:
        rows: in ascending order, int64, n.
    """
    if query.expanded is None:
        own = similarities(snapshot, query.plain[np.newaxis], rows)[:, 0]
        return own, own
    own, augmented = _augmented_similarities(snapshot, query.plain, query.expanded, rows, query.cache)
    return np.maximum(own, PLAIN_SHARE * own + (1 - PLAIN_SHARE) * augmented), own


def _augmented_similarities(
    snapshot: Snapshot, plain: np.ndarray, expanded: np.ndarray, rows: np.ndarray, cache: RowCache | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the similarities of rows to a query, and of augmented rows to the expanded query: float32, n each."""
    compares_all = len(rows) * MIN_ROWS_PER_SCORED > len(snapshot.row_index)
    compared = AllRows(snapshot) if compares_all else cache or RowCache(snapshot)
    own, augmented = np.empty(len(rows), np.float32), np.empty(len(rows), np.float32)
    for start in range(0, len(rows), CHUNK_ROWS):
        chunk = slice(start, start + CHUNK_ROWS)
        lists = snapshot.neighbours_of(rows[chunk])
        linked = snapshot.row_index.rows_of(lists.image_ids)
        compared.add(np.concatenate([rows[chunk], linked[linked >= 0]]))
        positions, cosines = compared.positions(rows[chunk]), compared.similarities(expanded)
        linked_cosines = np.where(linked >= 0, cosines[compared.positions(linked)], 0)
        sums = cosines[positions] + np.einsum("nj,nj->n", weights(lists.similarities), linked_cosines)
        own[chunk] = compared.similarities(plain)[positions]
        augmented[chunk] = np.where(_is_complete(lists, linked), sums * lists.inverse_norms, cosines[positions])
    return own, augmented


def is_complete(snapshot: Snapshot, lists: NeighbourLists) -> np.ndarray:
    """Return whether each list is made, and all its images are still there: bool, n."""
    return _is_complete(lists, snapshot.row_index.rows_of(lists.image_ids))


def _is_complete(lists: NeighbourLists, linked: np.ndarray) -> np.ndarray:
    return (lists.inverse_norms > 0) & ((lists.image_ids == 0) | (linked >= 0)).all(axis=1)
