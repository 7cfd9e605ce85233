"""Positions of images on a plane."""

import subprocess
import sys

import numpy as np
import pytest

from catalog.vectors.tsne import tsne
from tests.vectors import random_vectors

CLUSTER_COUNT, CLUSTER_SIZE = 6, 20


def share_of_the_same_kind(positions: np.ndarray, cluster_size: int) -> float:
    """Among the five nearest of each position."""
    distances = np.linalg.norm(positions[:, np.newaxis] - positions, axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1)[:, :5] // cluster_size
    return float((nearest == np.arange(len(positions))[:, np.newaxis] // cluster_size).mean())


@pytest.mark.slow
def test_neighbours_on_the_plane_are_of_the_same_kind():
    positions = tsne(random_vectors.clustered_vectors(CLUSTER_COUNT, CLUSTER_SIZE, spread=0.15))
    assert positions.shape == (CLUSTER_COUNT * CLUSTER_SIZE, 2)
    assert positions.dtype == np.float32
    assert share_of_the_same_kind(positions, CLUSTER_SIZE) > 0.95


def test_neighbours_among_few_images_are_of_the_same_kind():
    positions = tsne(random_vectors.clustered_vectors(5, 10, spread=0.15))
    assert positions.dtype == np.float32
    assert share_of_the_same_kind(positions, 10) > 0.95


def test_few_images_are_placed_without_scikit_learn():
    """Importing it takes longer than placing them."""
    program = (
        "import sys; from catalog.vectors.tsne import tsne; from tests.vectors import random_vectors; "
        "tsne(random_vectors.clustered_vectors(5, 10)); sys.exit('sklearn' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9, 50, 51])
def test_positions_of_few_images_are_within_bounds(count):
    vectors = random_vectors.clustered_vectors(1, count) if count else np.empty((0, 1), np.float32)
    positions = tsne(vectors)
    assert positions.shape == (count, 2)
    assert np.isfinite(positions).all()
    assert ((positions >= 0) & (positions <= 1)).all()


@pytest.mark.parametrize("cluster_size", [8, pytest.param(20, marks=pytest.mark.slow)])
def test_positions_are_deterministic(cluster_size):
    vectors = random_vectors.clustered_vectors(3, cluster_size)
    assert np.array_equal(tsne(vectors), tsne(vectors))
