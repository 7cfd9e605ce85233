"""Random descriptors."""

import numpy as np

DIMENSIONS = 16
CLUSTER_DIMENSIONS = 128


def random_unit_rows(count: int, seed: int = 0) -> np.ndarray:
    """Return float32, count × DIMENSIONS, each row of unit length."""
    return unit_rows(np.random.default_rng(seed).normal(size=(count, DIMENSIONS)))


def clustered_vectors(cluster_count: int, cluster_size: int, *, spread: float = 0.4, seed: int = 0) -> np.ndarray:
    """Return descriptors of `cluster_count` kinds, `cluster_size` of each, in order of kind.

    They are not negative, like values after a ReLU, so that all have a component in common.

    Returns:
        float32, n × CLUSTER_DIMENSIONS, each row of unit length.
    """
    rng = np.random.default_rng(seed)
    centres = np.repeat(rng.random((cluster_count, CLUSTER_DIMENSIONS)), cluster_size, axis=0)
    return unit_rows(np.maximum(centres + spread * rng.normal(size=centres.shape), 0))


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Scale rows to unit length: float32, n × d."""
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)
