import numpy as np
import pytest

from catalog.features.pooling import POOLINGS, gem_pool, l2_normalise, max_pool, mean_pool, rmac_pool, square_regions

# One picture, 2 × 2 cells, two channels.
MAPS = np.array([[[[1, 0], [2, 0]], [[3, 4], [2, 0]]]], np.float32)


def test_max_is_the_maximum_of_each_channel():
    np.testing.assert_allclose(max_pool(MAPS), [[3, 4]])


def test_mean_is_the_mean_of_each_channel():
    np.testing.assert_allclose(mean_pool(MAPS), [[2, 1]])


def test_gem_is_the_cube_root_of_the_mean_cube():
    np.testing.assert_allclose(gem_pool(MAPS), [[11 ** (1 / 3), 16 ** (1 / 3)]], rtol=1e-6)


def test_gem_is_between_mean_and_max():
    np.testing.assert_allclose(gem_pool(MAPS, p=1), mean_pool(MAPS), rtol=1e-6)
    np.testing.assert_allclose(gem_pool(MAPS, p=60), max_pool(MAPS), rtol=0.03)


def test_rmac_sums_the_unit_vectors_of_its_regions():
    # Level 1 is the whole map, (3, 4) / 5. Level 2 has the four cells: (1, 0), (1, 0), (3, 4) / 5, (1, 0).
    np.testing.assert_allclose(rmac_pool(MAPS, levels=2), [[0.6 * 2 + 3, 0.8 * 2]], rtol=1e-6)


def test_regions_are_those_of_the_paper():
    # Level l: l × l evenly spaced squares of side 2·size/(l + 1).
    regions = square_regions(8, 3)

    assert len(regions) == 1 + 4 + 9
    assert regions[0] == (0, 0, 8)
    assert regions[1:5] == [(0, 0, 5), (0, 3, 5), (3, 0, 5), (3, 3, 5)]
    assert sorted({(y, side) for y, _, side in regions[5:]}) == [(0, 4), (2, 4), (4, 4)]


@pytest.mark.parametrize("size", range(1, 15))
def test_regions_are_inside_the_map_and_cover_it(size):
    covered = np.zeros((size, size), bool)
    for y, x, side in square_regions(size, 3):
        assert side >= 1
        assert y + side <= size
        assert x + side <= size
        covered[y : y + side, x : x + side] = True
    assert covered.all()


@pytest.mark.parametrize("name", POOLINGS)
def test_each_picture_is_pooled_separately(name):
    maps = np.random.default_rng(0).random((3, 8, 8, 16), np.float32)

    together = POOLINGS[name](maps)

    assert together.shape == (3, 16)
    assert together.dtype == np.float32
    for alone, one in zip(maps, together, strict=True):
        np.testing.assert_allclose(POOLINGS[name](alone[None])[0], one, rtol=1e-6)


@pytest.mark.parametrize("name", POOLINGS)
def test_maps_without_activations_give_zeros(name):
    assert (POOLINGS[name](np.zeros((2, 7, 7, 3), np.float32)) == 0).all()


def test_normalised_rows_have_unit_length_and_zero_rows_stay_zero():
    np.testing.assert_allclose(l2_normalise(np.array([[3, 4], [0, 0]], np.float32)), [[0.6, 0.8], [0, 0]], rtol=1e-6)
