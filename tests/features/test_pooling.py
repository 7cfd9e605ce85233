import numpy as np
import pytest

from catalog.features.pooling import (
    POOLINGS,
    find_pooling,
    gem_pool,
    l2_normalise,
    max_pool,
    mean_pool,
    regions,
    rmac_pool,
)

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


def spans(found: list[tuple[slice, slice]]) -> list[tuple[int, int, int, int]]:
    """Top, bottom, left and right of each region."""
    return [(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in found]


def test_regions_of_square_maps_are_those_of_the_paper():
    # Level l: l × l evenly spaced squares of side 2·size/(l + 1).
    found = spans(regions(8, 8, 3))
    assert len(found) == 1 + 4 + 9
    assert found[0] == (0, 8, 0, 8)
    assert found[1:5] == [(0, 5, 0, 5), (0, 5, 3, 8), (3, 8, 0, 5), (3, 8, 3, 8)]
    assert sorted({one[:2] for one in found[5:]}) == [(0, 4), (2, 6), (4, 8)]


def test_regions_have_the_shape_of_the_maps():
    assert spans(regions(4, 10, 2))[1:] == [(0, 2, 0, 6), (0, 2, 4, 10), (2, 4, 0, 6), (2, 4, 4, 10)]


@pytest.mark.parametrize("height", range(1, 15))
@pytest.mark.parametrize("width", [1, 5, 14])
def test_regions_are_inside_the_map_and_cover_it(height, width):
    covered = np.zeros((height, width), bool)
    for top, bottom, left, right in spans(regions(height, width, 3)):
        assert 0 <= top < bottom <= height
        assert 0 <= left < right <= width
        covered[top:bottom, left:right] = True
    assert covered.all()


def test_a_pooling_may_have_a_parameter():
    maps = np.random.default_rng(0).random((2, 6, 9, 4), np.float32)
    np.testing.assert_allclose(find_pooling("gem:5")(maps), np.mean(maps**5, axis=(1, 2)) ** 0.2, rtol=1e-5)
    np.testing.assert_allclose(find_pooling("gem")(maps), np.mean(maps**3, axis=(1, 2)) ** (1 / 3), rtol=1e-5)
    np.testing.assert_allclose(find_pooling("gem:4")(maps), np.mean(maps**4, axis=(1, 2)) ** 0.25, rtol=1e-5)
    np.testing.assert_allclose(find_pooling("rmac:2")(maps), rmac_pool(maps, levels=2))


@pytest.mark.parametrize("name", ["median", "max:3", "gem:", "gem:x", "gem:0", "gem:nan", "rmac:-1"])
def test_unknown_poolings_and_parameters_are_rejected(name):
    with pytest.raises(ValueError, match=r"pooling|parameter|could not convert"):
        find_pooling(name)


@pytest.mark.parametrize("name", POOLINGS)
def test_each_picture_is_pooled_separately(name):
    maps = np.random.default_rng(0).random((3, 6, 8, 16), np.float32)

    together = POOLINGS[name](maps)

    assert together.shape == (3, 16)
    assert together.dtype == np.float32
    for alone, one in zip(maps, together, strict=True):
        np.testing.assert_allclose(POOLINGS[name](alone[None])[0], one, rtol=1e-6)


@pytest.mark.parametrize("name", POOLINGS)
def test_maps_without_activations_give_zeros(name):
    assert (POOLINGS[name](np.zeros((2, 7, 5, 3), np.float32)) == 0).all()


def test_normalised_rows_have_unit_length_and_zero_rows_stay_zero():
    np.testing.assert_allclose(l2_normalise(np.array([[3, 4], [0, 0]], np.float32)), [[0.6, 0.8], [0, 0]], rtol=1e-6)
