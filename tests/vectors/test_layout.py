"""Pictures laid out on a plane."""

import numpy as np
import pytest

from catalog.vectors.layout import lay_out
from tests import described

KINDS, EACH = 6, 20


def test_neighbours_on_the_plane_are_of_one_kind():
    places = lay_out(described.kinds(KINDS, EACH, spread=0.15))
    assert places.shape == (KINDS * EACH, 2)
    assert places.dtype == np.float32
    distances = np.linalg.norm(places[:, np.newaxis] - places, axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1)[:, :5] // EACH
    assert (nearest == np.arange(len(places))[:, np.newaxis] // EACH).mean() > 0.95


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 9])
def test_few_are_laid_out_too_and_all_lie_within(count):
    vectors = described.kinds(1, count) if count else np.empty((0, 1), np.float32)
    places = lay_out(vectors)
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()
    assert ((places >= 0) & (places <= 1)).all()


def test_the_same_pictures_lie_in_the_same_places():
    vectors = described.kinds(3, 8)
    assert np.array_equal(lay_out(vectors), lay_out(vectors))
