"""Ranking with neighbours, computed with dense matrices in float64."""

import numpy as np

from catalog.vectors.neighbours.augmentation import EXPANSION_IMAGES, PLAIN_SHARE, WEIGHT_EXPONENT
from catalog.vectors.snapshot import Snapshot


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


class DenseReference:
    """The live rows of a snapshot and what they score.

    Attributes:
        ids: image ids, n.
        plain: the projected rows, n × k.
        augmented: with neighbours added, n × k. A row whose list is not made or names a deleted image is as it is.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        rows = snapshot.number_rows(snapshot.allowed_rows(None))
        self.ids = snapshot.row_index.image_ids(rows)
        stored = snapshot.vectors(rows).astype(np.float64)
        if snapshot.projection is not None:
            stored = stored - snapshot.projection.mean
            if snapshot.projection.matrix is not None:
                stored = stored @ snapshot.projection.matrix.T.astype(np.float64)
        self.plain = unit(stored)
        lists = snapshot.neighbours_of(rows)
        position = {int(image_id): number for number, image_id in enumerate(self.ids)}
        self.augmented = self.plain.copy()
        for row in range(len(rows)):
            named = [int(image_id) for image_id in lists.image_ids[row] if image_id]
            if lists.inverse_norms[row] > 0 and all(image_id in position for image_id in named):
                cosines = lists.similarities[row, : len(named)].astype(np.float64)
                weights = np.maximum(cosines, 0) ** WEIGHT_EXPONENT
                neighbours = self.plain[[position[image_id] for image_id in named]]
                self.augmented[row] = unit(self.plain[row] + weights @ neighbours)

    def expand(self, query: np.ndarray, exclude_id: int | None = None) -> np.ndarray:
        similarities = self.augmented @ query
        similarities[self.ids == exclude_id] = -np.inf
        best = np.argsort(-similarities)[:EXPANSION_IMAGES]
        weights = np.maximum(similarities[best], 0) ** WEIGHT_EXPONENT
        return unit(query + weights @ self.augmented[best])

    def score(self, query: np.ndarray, exclude_id: int | None = None) -> np.ndarray:
        """Return the score of each row: n."""
        plain = self.plain @ query
        return np.maximum(
            plain, PLAIN_SHARE * plain + (1 - PLAIN_SHARE) * (self.augmented @ self.expand(query, exclude_id))
        )
