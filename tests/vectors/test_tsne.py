"""Positions of images on a plane, by t-SNE."""

import numpy as np
import pytest

from catalog.vectors.tsne import tsne
from tests.vectors import random_vectors

CLUSTER_COUNT, CLUSTER_SIZE = 6, 20


@pytest.mark.slow
def test_neighbours_on_the_plane_are_of_the_same_kind():
    positions = tsne(random_vectors.clustered_vectors(CLUSTER_COUNT, CLUSTER_SIZE, spread=0.15))
    assert positions.shape == (CLUSTER_COUNT * CLUSTER_SIZE, 2)
    assert positions.dtype == np.float32
    distances = np.linalg.norm(positions[:, np.newaxis] - positions, axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1)[:, :5] // CLUSTER_SIZE
    assert (nearest == np.arange(len(positions))[:, np.newaxis] // CLUSTER_SIZE).mean() > 0.95


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 9])
def test_positions_of_few_images_are_within_bounds(count):
    vectors = random_vectors.clustered_vectors(1, count) if count else np.empty((0, 1), np.float32)
    positions = tsne(vectors)
    assert positions.shape == (count, 2)
    assert np.isfinite(positions).all()
    assert ((positions >= 0) & (positions <= 1)).all()


def test_positions_are_deterministic():
    vectors = random_vectors.clustered_vectors(3, 8)
    assert np.array_equal(tsne(vectors), tsne(vectors))
