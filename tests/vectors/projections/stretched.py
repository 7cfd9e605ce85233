"""Descriptors that vary more along some axes than along others."""

import numpy as np

from tests.vectors.random_vectors import DIMENSIONS, unit_rows


def stretched_rows(count: int, seed: int = 0, dimensions: int = DIMENSIONS) -> np.ndarray:
    """Return unit rows with a mean other than zero and different variances along the axes: float32, count × d."""
    rng = np.random.default_rng(seed)
    return unit_rows(rng.normal(size=(count, dimensions)) * np.linspace(0.02, 0.6, dimensions) + 0.4)
