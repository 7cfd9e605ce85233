"""Tests of the attribution of scores to locations: contributions have to sum to the score."""

import numpy as np
import pytest

from catalog.features.attribution import DECOMPOSITIONS, contribution_grid, decompose
from catalog.features.extractors import Extractor
from catalog.features.feature_space import Space
from catalog.features.pooling import POOLINGS, gem_pool, rmac_pool
from catalog.vectors.whitening import fit_whitening

MAP_SIDE, CHANNELS = 8, 16
# Each cell of the feature maps stands for 16 pixels, as in the last convolutions of VGG16.
MAP_SIDES = {"one size": (8,), "three sizes": (5, 8, 12)}


def random_maps(seed: int, side: int = MAP_SIDE) -> np.ndarray:
    """Feature maps in which about half of the activations are zero, as after a ReLU."""
    return np.random.default_rng(seed).normal(size=(side, side, CHANNELS)).clip(0).astype(np.float32)


def patch_map(row: int, column: int, background: int) -> np.ndarray:
    """A patch of 2 × 2 cells on a backbackground that activates the channel `backbackground`."""
    vectors = np.zeros((MAP_SIDE, MAP_SIDE, CHANNELS), np.float32)
    vectors[..., background] = 1
    vectors[row : row + 2, column : column + 2, 2:] = np.arange(2, CHANNELS)
    return vectors


class FixedMapsRuntime:
    """A network that returns given feature maps, selected by the input size."""

    def __init__(self, given: list[np.ndarray]):
        self.given = {one.shape[0] * 16: one[None] for one in given}

    def feature_maps(self, batch):
        return self.given[batch.shape[1]]


def descriptor_of(given: list[np.ndarray], pooling: str) -> np.ndarray:
    """The descriptor of a picture with these feature maps, one for each input size."""
    sizes = tuple(one.shape[0] * 16 for one in given)
    space = Space("fixed", "0" * 64, 512, sizes, "block5_conv3", pooling, CHANNELS)
    black = tuple(np.zeros((size, size, 3), np.uint8) for size in sizes)
    return Extractor(space, lambda: FixedMapsRuntime(given)).extract([black])[0]


def contributions_both_ways(ours: list[np.ndarray], theirs: list[np.ndarray], pooling: str) -> list[np.ndarray]:
    """The contributions of the locations of both pictures to their cosine similarity."""
    components = [decompose(maps, pooling) for maps in (ours, theirs)]
    descriptors = [vectors.sum(axis=(0, 1)) for vectors in components]
    return [contribution_grid(components[0], descriptors[1]), contribution_grid(components[1], descriptors[0])]


def test_every_pooling_has_a_decomposition():
    assert DECOMPOSITIONS.keys() == POOLINGS.keys()


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("side", [1, 2, 7, 8, 14])
def test_location_contributions_sum_to_pooled_vector(pooling, side):
    one = random_maps(3, side)
    components = DECOMPOSITIONS[pooling](one)
    assert (components.shape, components.dtype) == (one.shape, np.float32)
    np.testing.assert_allclose(components.sum(axis=(0, 1)), POOLINGS[pooling](one[None])[0], rtol=1e-5, atol=1e-6)


def test_decompositions_accept_the_parameters_of_the_poolings():
    one = random_maps(4)
    decompose_gem, decompose_rmac = DECOMPOSITIONS["gem"], DECOMPOSITIONS["rmac"]
    np.testing.assert_allclose(decompose_gem(one, p=2).sum(axis=(0, 1)), gem_pool(one[None], p=2)[0], rtol=1e-5)
    np.testing.assert_allclose(
        decompose_rmac(one, levels=2).sum(axis=(0, 1)), rmac_pool(one[None], levels=2)[0], rtol=1e-5
    )


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("sides", [(8,), (5, 8, 12), (12, 5), (1, 7)], ids=str)
def test_decomposed_maps_of_several_sizes_sum_to_the_descriptor(pooling, sides):
    given = [random_maps(seed, side) for seed, side in enumerate(sides)]
    components = decompose(given, pooling)
    assert (components.shape, components.dtype) == ((max(sides), max(sides), CHANNELS), np.float32)
    assert components.min() >= 0
    np.testing.assert_allclose(components.sum(axis=(0, 1)), descriptor_of(given, pooling), atol=1e-5)


def test_a_coarse_cell_is_distributed_over_the_finer_cells_it_covers():
    coarse, fine = np.zeros((2, 2, 2), np.float32), np.zeros((6, 6, 2), np.float32)
    coarse[0, 1, 0] = fine[5, 0, 1] = 3
    vectors = decompose([coarse, fine], "max")
    expected = np.zeros((6, 6))
    expected[:3, 3:] = 1 / 9
    np.testing.assert_allclose(vectors[..., 0], expected / 2**0.5, atol=1e-6)
    assert np.argwhere(vectors[..., 1]).tolist() == [[5, 0]]


def test_a_coarse_cell_is_distributed_over_partly_covered_cells_by_area():
    coarse, fine = np.zeros((2, 2, 2), np.float32), np.zeros((3, 3, 2), np.float32)
    coarse[0, 0, 0] = fine[0, 0, 1] = 1
    vectors = decompose([coarse, fine], "max")[..., 0] * 2**0.5
    np.testing.assert_allclose(vectors, np.outer([2 / 3, 1 / 3, 0], [2 / 3, 1 / 3, 0]), atol=1e-6)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("sides", MAP_SIDES.values(), ids=MAP_SIDES)
def test_the_contributions_of_each_picture_sum_to_the_cosine_similarity(pooling, sides):
    ours, theirs = ([random_maps(seed * 10 + side, side) for side in sides] for seed in (1, 2))
    cosine = descriptor_of(ours, pooling) @ descriptor_of(theirs, pooling)
    for grid in contributions_both_ways(ours, theirs, pooling):
        assert (grid.shape, grid.dtype) == ((max(sides), max(sides)), np.float32)
        assert grid.min() >= 0
        assert grid.sum() == pytest.approx(cosine, abs=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("sides", MAP_SIDES.values(), ids=MAP_SIDES)
def test_whitened_contributions_sum_to_the_whitened_cosine_similarity(pooling, sides):
    others = np.array(
        [descriptor_of([random_maps(seed * 100 + side, side) for side in sides], pooling) for seed in range(3, 43)]
    )
    projection = fit_whitening(others, min_images=40)
    ours, theirs = ([random_maps(seed * 10 + side, side) for side in sides] for seed in (1, 2))
    vectors = np.array([descriptor_of(ours, pooling), descriptor_of(theirs, pooling)])
    first, second = projection.whiten(vectors)
    direction, offset = projection.fold_into_query(second)
    grid = contribution_grid(decompose(ours, pooling), direction, offset) * projection.scales(vectors[:1])[0]
    assert offset != pytest.approx(0, abs=0.01)
    assert grid.dtype == np.float32
    assert grid.sum() == pytest.approx(first @ second, abs=1e-5)
    assert grid.min() < 0


def test_offset_is_subtracted_evenly():
    components = decompose([random_maps(1)], "max")
    direction = descriptor_of([random_maps(2)], "max")
    lower = contribution_grid(components, direction, 0.32)
    np.testing.assert_allclose(contribution_grid(components, direction) - lower, 0.32 / MAP_SIDE**2, atol=1e-6)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_moving_a_patch_moves_its_contribution(pooling):
    query = patch_map(0, 0, background=0)
    for row, column in [(0, 0), (2, 5), (6, 6), (5, 1)]:
        ours, theirs = contributions_both_ways([query], [patch_map(row, column, background=1)], pooling)
        for grid, (top, left) in ((ours, (0, 0)), (theirs, (row, column))):
            assert grid[top : top + 2, left : left + 2].sum() > 0.99 * grid.sum()
            assert np.unravel_index(grid.argmax(), grid.shape) in [
                (top + down, left + across) for down in (0, 1) for across in (0, 1)
            ]


def test_content_of_only_one_picture_contributes_nothing():
    ours, theirs = np.zeros((2, MAP_SIDE, MAP_SIDE, CHANNELS), np.float32)
    ours[1, 1, 0] = ours[5, 5, 1] = 2
    theirs[3, 4, 0] = theirs[7, 0, 2] = 2
    for pooling in POOLINGS:
        found = contributions_both_ways([ours], [theirs], pooling)
        assert [[tuple(cell) for cell in np.argwhere(grid)] for grid in found] == [[(1, 1)], [(3, 4)]]


def test_a_maximum_at_several_locations_is_distributed_equally():
    grid, _ = contributions_both_ways([np.ones((4, 4, 3), np.float32)], [random_maps(1)[..., :3]], "max")
    np.testing.assert_allclose(grid, grid[0, 0])


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("sides", MAP_SIDES.values(), ids=MAP_SIDES)
def test_zero_maps_contribute_equally(pooling, sides):
    zero_maps = [np.zeros((side, side, CHANNELS), np.float32) for side in sides]
    random = [random_maps(5, side) for side in sides]
    first, second = descriptor_of(zero_maps, pooling), descriptor_of(random, pooling)
    ours, theirs = contributions_both_ways(zero_maps, random, pooling)
    np.testing.assert_allclose(ours, ours[0, 0])
    assert [ours.sum(), theirs.sum()] == pytest.approx([first @ second] * 2, abs=1e-5)
    np.testing.assert_allclose(decompose(zero_maps, pooling).sum(axis=(0, 1)), first, rtol=1e-5)


def test_a_size_without_activations_does_not_change_the_descriptor():
    given = [np.zeros((5, 5, CHANNELS), np.float32), random_maps(5)]
    np.testing.assert_allclose(decompose(given, "rmac").sum(axis=(0, 1)), descriptor_of(given[1:], "rmac"), atol=1e-6)
    np.testing.assert_allclose(descriptor_of(given, "rmac"), descriptor_of(given[1:], "rmac"), atol=1e-6)
