"""Tests of the attribution of scores to locations: contributions have to sum to the score."""

import numpy as np
import pytest

from catalog.features.attribution import DECOMPOSITIONS, contribution_grid, decompose
from catalog.features.basis import Basis
from catalog.features.extractors import Extractor
from catalog.features.feature_space import Space
from catalog.features.pooling import POOLINGS, gem_pool, rmac_pool

MAP_SIDE, CHANNELS, DIMENSIONS = 8, 16, 6
# Rows and columns of feature maps. Each cell stands for 16 pixels, as in the last convolutions of VGG16.
MAP_SHAPES = {"one size": [(8, 8)], "three sizes": [(5, 5), (8, 8), (12, 12)], "not square": [(6, 10), (9, 5)]}
# The pooling "none" is for networks that return one vector.
MAP_POOLINGS = sorted(set(POOLINGS) - {"none"})


def random_maps(seed: int, rows: int = MAP_SIDE, columns: int | None = None) -> np.ndarray:
    """Feature maps in which about half of the activations are zero, as after a ReLU."""
    shape = (rows, columns or rows, CHANNELS)
    return np.random.default_rng(seed).normal(size=shape).clip(0).astype(np.float32)


def random_basis() -> Basis:
    rng = np.random.default_rng(8)
    mean, directions = rng.random(CHANNELS) / 2, rng.normal(size=(DIMENSIONS, CHANNELS))
    return Basis("", mean.astype(np.float32), directions.astype(np.float32))


def patch_map(row: int, column: int, background: int) -> np.ndarray:
    """A patch of 2 × 2 cells on a backbackground that activates the channel `backbackground`."""
    vectors = np.zeros((MAP_SIDE, MAP_SIDE, CHANNELS), np.float32)
    vectors[..., background] = 1
    vectors[row : row + 2, column : column + 2, 2:] = np.arange(2, CHANNELS)
    return vectors


class FixedMapsRuntime:
    """A network that returns given feature maps, one after the other."""

    def __init__(self, given: list[np.ndarray]):
        self.given = iter(given)

    def feature_maps(self, pictures):
        return [next(self.given)]


def descriptor_of(given: list[np.ndarray], pooling: str, basis: Basis | None = None) -> np.ndarray:
    """The descriptor of a picture with these feature maps, one for each input size."""
    sizes = tuple(16 * number for number in range(1, len(given) + 1))
    space = Space("fixed", "0" * 64, 512, sizes, "kept", "block5_conv3", pooling, CHANNELS)
    black = tuple(np.zeros((size, size, 3), np.uint8) for size in sizes)
    extractor = Extractor(space, lambda: FixedMapsRuntime(given))
    extractor.basis = basis
    return extractor.extract([black])[0]


def contributions_both_ways(
    ours: list[np.ndarray], theirs: list[np.ndarray], pooling: str, basis: Basis | None = None
) -> list[np.ndarray]:
    """The contributions of the locations of both pictures to their cosine similarity."""
    components = [decompose(maps, pooling, basis) for maps in (ours, theirs)]
    descriptors = [vectors.sum(axis=(0, 1)) for vectors in components]
    return [contribution_grid(components[0], descriptors[1]), contribution_grid(components[1], descriptors[0])]


def test_every_pooling_has_a_decomposition():
    assert DECOMPOSITIONS.keys() == POOLINGS.keys()


@pytest.mark.parametrize("pooling", MAP_POOLINGS)
@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (7, 7), (8, 8), (14, 14), (12, 16), (1, 9)], ids=str)
def test_location_contributions_sum_to_pooled_vector(pooling, shape):
    one = random_maps(3, *shape)
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


@pytest.mark.parametrize("pooling", [*MAP_POOLINGS, "gem:4.5", "rmac:2"])
@pytest.mark.parametrize("shapes", [[(8, 8)], [(5, 5), (8, 8), (12, 12)], [(12, 8), (5, 9)], [(1, 1), (7, 7)]], ids=str)
def test_decomposed_maps_of_several_sizes_sum_to_the_descriptor(pooling, shapes):
    given = [random_maps(seed, *shape) for seed, shape in enumerate(shapes)]
    components = decompose(given, pooling)
    assert (components.shape, components.dtype) == ((*np.max(shapes, axis=0), CHANNELS), np.float32)
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


@pytest.mark.parametrize("pooling", MAP_POOLINGS)
@pytest.mark.parametrize("shapes", MAP_SHAPES.values(), ids=MAP_SHAPES)
def test_the_contributions_of_each_picture_sum_to_the_cosine_similarity(pooling, shapes):
    ours, theirs = ([random_maps(seed * 10 + shape[0], *shape) for shape in shapes] for seed in (1, 2))
    cosine = descriptor_of(ours, pooling) @ descriptor_of(theirs, pooling)
    for grid in contributions_both_ways(ours, theirs, pooling):
        assert (grid.shape, grid.dtype) == (tuple(np.max(shapes, axis=0)), np.float32)
        assert grid.min() >= 0
        assert grid.sum() == pytest.approx(cosine, abs=1e-5)


@pytest.mark.parametrize("pooling", MAP_POOLINGS)
@pytest.mark.parametrize("shapes", MAP_SHAPES.values(), ids=MAP_SHAPES)
def test_contributions_through_a_basis_sum_to_the_similarity_of_the_projected_descriptors(pooling, shapes):
    basis = random_basis()
    ours, theirs = ([random_maps(seed * 10 + shape[0], *shape) for shape in shapes] for seed in (1, 2))
    cosine = descriptor_of(ours, pooling, basis) @ descriptor_of(theirs, pooling, basis)
    np.testing.assert_allclose(
        decompose(ours, pooling, basis).sum(axis=(0, 1)), descriptor_of(ours, pooling, basis), atol=1e-5
    )
    for grid in contributions_both_ways(ours, theirs, pooling, basis):
        assert grid.sum() == pytest.approx(cosine, abs=1e-5)


def test_the_mean_of_a_basis_is_subtracted_evenly():
    one, basis = np.zeros((3, 4, CHANNELS), np.float32), random_basis()
    one[1, 2, 5] = 7
    vectors = decompose([one], "max", basis)
    empty = np.ones((3, 4), bool)
    empty[1, 2] = False
    share = -(basis.directions @ basis.mean) / 12
    np.testing.assert_allclose(vectors[empty], np.tile(vectors[0, 0], (11, 1)))
    np.testing.assert_allclose(vectors[0, 0] / np.linalg.norm(vectors[0, 0]), share / np.linalg.norm(share), rtol=1e-4)


def test_a_vector_of_a_network_that_pools_itself_has_one_location():
    one = random_maps(3, 1)
    np.testing.assert_allclose(decompose([one], "none")[0, 0], descriptor_of([one], "none"), rtol=1e-5)


def test_offset_is_subtracted_evenly():
    components = decompose([random_maps(1)], "max")
    direction = descriptor_of([random_maps(2)], "max")
    lower = contribution_grid(components, direction, 0.32)
    np.testing.assert_allclose(contribution_grid(components, direction) - lower, 0.32 / MAP_SIDE**2, atol=1e-6)


@pytest.mark.parametrize("pooling", MAP_POOLINGS)
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
    for pooling in MAP_POOLINGS:
        found = contributions_both_ways([ours], [theirs], pooling)
        assert [[tuple(cell) for cell in np.argwhere(grid)] for grid in found] == [[(1, 1)], [(3, 4)]]


def test_a_maximum_at_several_locations_is_distributed_equally():
    grid, _ = contributions_both_ways([np.ones((4, 4, 3), np.float32)], [random_maps(1)[..., :3]], "max")
    np.testing.assert_allclose(grid, grid[0, 0])


@pytest.mark.parametrize("pooling", MAP_POOLINGS)
@pytest.mark.parametrize("shapes", MAP_SHAPES.values(), ids=MAP_SHAPES)
def test_zero_maps_contribute_equally(pooling, shapes):
    zero_maps = [np.zeros((*shape, CHANNELS), np.float32) for shape in shapes]
    random = [random_maps(5, *shape) for shape in shapes]
    first, second = descriptor_of(zero_maps, pooling), descriptor_of(random, pooling)
    ours, theirs = contributions_both_ways(zero_maps, random, pooling)
    np.testing.assert_allclose(ours, ours[0, 0], rtol=1e-5)
    assert [ours.sum(), theirs.sum()] == pytest.approx([first @ second] * 2, abs=1e-5)
    np.testing.assert_allclose(decompose(zero_maps, pooling).sum(axis=(0, 1)), first, rtol=1e-5)


def test_a_size_without_activations_does_not_change_the_descriptor():
    given = [np.zeros((5, 5, CHANNELS), np.float32), random_maps(5)]
    np.testing.assert_allclose(decompose(given, "rmac").sum(axis=(0, 1)), descriptor_of(given[1:], "rmac"), atol=1e-6)
    np.testing.assert_allclose(descriptor_of(given, "rmac"), descriptor_of(given[1:], "rmac"), atol=1e-6)
