"""Why two pictures are alike: contributions that sum to their score."""

import numpy as np
import pytest

from catalog.features.explaining import PORTIONS, contributions, portions
from catalog.features.extractors import Extractor
from catalog.features.pooling import POOLINGS, gem, rmac
from catalog.features.spaces import Space
from catalog.vectors.projection import learn

SIDE, CHANNELS = 8, 16
# Of maps for which 16 pixels are one cell, as are those of the last convolutions.
SIDES = {"one size": (8,), "three sizes": (5, 8, 12)}


def maps(seed: int, side: int = SIDE) -> np.ndarray:
    """Maps with about half of the answers at nought, as a ReLU leaves them."""
    return np.random.default_rng(seed).normal(size=(side, side, CHANNELS)).clip(0).astype(np.float32)


def patch(row: int, column: int, ground: int) -> np.ndarray:
    """One thing, two by two cells large, on a ground that answers in a channel of its own."""
    there = np.zeros((SIDE, SIDE, CHANNELS), np.float32)
    there[..., ground] = 1
    there[row : row + 2, column : column + 2, 2:] = np.arange(2, CHANNELS)
    return there


class Fixed:
    """A network that gives the maps it was made with, by the side of the picture."""

    def __init__(self, given: list[np.ndarray]):
        self.given = {one.shape[0] * 16: one[None] for one in given}

    def maps(self, batch):
        return self.given[batch.shape[1]]


def described(given: list[np.ndarray], pooling: str) -> np.ndarray:
    """The descriptor of a picture with these maps, one for each input size."""
    sizes = tuple(one.shape[0] * 16 for one in given)
    space = Space("fixed", "0" * 64, 512, sizes, "block5_conv3", pooling, CHANNELS)
    black = tuple(np.zeros((size, size, 3), np.uint8) for size in sizes)
    return Extractor(space, lambda: Fixed(given)).describe([black])[0]


def both_ways(ours: list[np.ndarray], theirs: list[np.ndarray], pooling: str) -> list[np.ndarray]:
    """What each location of either picture adds to the cosine of the two."""
    split = [portions(one, pooling) for one in (ours, theirs)]
    summed = [one.sum(axis=(0, 1)) for one in split]
    return [contributions(split[0], summed[1]), contributions(split[1], summed[0])]


def test_every_pooling_can_be_explained():
    assert PORTIONS.keys() == POOLINGS.keys()


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("side", [1, 2, 7, 8, 14])
def test_the_portions_of_all_locations_make_the_pooled_vector(pooling, side):
    one = maps(3, side)
    split = PORTIONS[pooling](one)
    assert (split.shape, split.dtype) == (one.shape, np.float32)
    np.testing.assert_allclose(split.sum(axis=(0, 1)), POOLINGS[pooling](one[None])[0], rtol=1e-5, atol=1e-6)


def test_other_powers_and_levels_are_portioned_as_they_are_pooled():
    one = maps(4)
    gem_portions, rmac_portions = PORTIONS["gem"], PORTIONS["rmac"]
    np.testing.assert_allclose(gem_portions(one, p=2).sum(axis=(0, 1)), gem(one[None], p=2)[0], rtol=1e-5)
    np.testing.assert_allclose(rmac_portions(one, levels=2).sum(axis=(0, 1)), rmac(one[None], levels=2)[0], rtol=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("sides", [(8,), (5, 8, 12), (12, 5), (1, 7)], ids=str)
def test_the_portions_of_several_sizes_make_the_descriptor(pooling, sides):
    given = [maps(seed, side) for seed, side in enumerate(sides)]
    split = portions(given, pooling)
    assert (split.shape, split.dtype) == ((max(sides), max(sides), CHANNELS), np.float32)
    assert split.min() >= 0
    np.testing.assert_allclose(split.sum(axis=(0, 1)), described(given, pooling), atol=1e-5)


def test_a_coarse_cell_is_shared_out_over_the_finer_cells_that_it_covers():
    coarse, fine = np.zeros((2, 2, 2), np.float32), np.zeros((6, 6, 2), np.float32)
    coarse[0, 1, 0] = fine[5, 0, 1] = 3
    there = portions([coarse, fine], "max")
    expected = np.zeros((6, 6))
    expected[:3, 3:] = 1 / 9
    np.testing.assert_allclose(there[..., 0], expected / 2**0.5, atol=1e-6)
    assert np.argwhere(there[..., 1]).tolist() == [[5, 0]]


def test_a_coarse_cell_that_ends_within_a_finer_one_gives_it_its_share():
    coarse, fine = np.zeros((2, 2, 2), np.float32), np.zeros((3, 3, 2), np.float32)
    coarse[0, 0, 0] = fine[0, 0, 1] = 1
    there = portions([coarse, fine], "max")[..., 0] * 2**0.5
    np.testing.assert_allclose(there, np.outer([2 / 3, 1 / 3, 0], [2 / 3, 1 / 3, 0]), atol=1e-6)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("sides", SIDES.values(), ids=SIDES)
def test_the_contributions_of_each_picture_sum_to_the_cosine(pooling, sides):
    ours, theirs = ([maps(seed * 10 + side, side) for side in sides] for seed in (1, 2))
    cosine = described(ours, pooling) @ described(theirs, pooling)
    for grid in both_ways(ours, theirs, pooling):
        assert (grid.shape, grid.dtype) == ((max(sides), max(sides)), np.float32)
        assert grid.min() >= 0
        assert grid.sum() == pytest.approx(cosine, abs=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("sides", SIDES.values(), ids=SIDES)
def test_whitened_contributions_sum_to_the_whitened_cosine(pooling, sides):
    others = np.array([described([maps(seed * 100 + side, side) for side in sides], pooling) for seed in range(3, 43)])
    projection = learn(others, enough=40)
    ours, theirs = ([maps(seed * 10 + side, side) for side in sides] for seed in (1, 2))
    vectors = np.array([described(ours, pooling), described(theirs, pooling)])
    first, second = projection.whitened(vectors)
    direction, offset = projection.unfolded(second)
    grid = contributions(portions(ours, pooling), direction, offset) * projection.scales(vectors[:1])[0]
    assert offset != pytest.approx(0, abs=0.01)
    assert grid.dtype == np.float32
    assert grid.sum() == pytest.approx(first @ second, abs=1e-5)
    assert grid.min() < 0


def test_an_offset_is_taken_off_everywhere_alike():
    split = portions([maps(1)], "max")
    direction = described([maps(2)], "max")
    lower = contributions(split, direction, 0.32)
    np.testing.assert_allclose(contributions(split, direction) - lower, 0.32 / SIDE**2, atol=1e-6)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_moving_a_patch_moves_its_contribution(pooling):
    query = patch(0, 0, ground=0)
    for row, column in [(0, 0), (2, 5), (6, 6), (5, 1)]:
        ours, theirs = both_ways([query], [patch(row, column, ground=1)], pooling)
        for grid, (top, left) in ((ours, (0, 0)), (theirs, (row, column))):
            assert grid[top : top + 2, left : left + 2].sum() > 0.99 * grid.sum()
            assert np.unravel_index(grid.argmax(), grid.shape) in [
                (top + down, left + across) for down in (0, 1) for across in (0, 1)
            ]


def test_what_only_one_of_two_pictures_shows_adds_nothing():
    ours, theirs = np.zeros((2, SIDE, SIDE, CHANNELS), np.float32)
    ours[1, 1, 0] = ours[5, 5, 1] = 2
    theirs[3, 4, 0] = theirs[7, 0, 2] = 2
    for pooling in POOLINGS:
        found = both_ways([ours], [theirs], pooling)
        assert [[tuple(cell) for cell in np.argwhere(grid)] for grid in found] == [[(1, 1)], [(3, 4)]]


def test_a_maximum_found_twice_is_shared():
    grid, _ = both_ways([np.ones((4, 4, 3), np.float32)], [maps(1)[..., :3]], "max")
    np.testing.assert_allclose(grid, grid[0, 0])


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("sides", SIDES.values(), ids=SIDES)
def test_maps_without_any_answer_contribute_everywhere_alike(pooling, sides):
    nothing = [np.zeros((side, side, CHANNELS), np.float32) for side in sides]
    something = [maps(5, side) for side in sides]
    first, second = described(nothing, pooling), described(something, pooling)
    ours, theirs = both_ways(nothing, something, pooling)
    np.testing.assert_allclose(ours, ours[0, 0])
    assert [ours.sum(), theirs.sum()] == pytest.approx([first @ second] * 2, abs=1e-5)
    np.testing.assert_allclose(portions(nothing, pooling).sum(axis=(0, 1)), first, rtol=1e-5)


def test_a_size_without_any_answer_leaves_the_descriptor_to_the_others():
    given = [np.zeros((5, 5, CHANNELS), np.float32), maps(5)]
    np.testing.assert_allclose(portions(given, "rmac").sum(axis=(0, 1)), described(given[1:], "rmac"), atol=1e-6)
    np.testing.assert_allclose(described(given, "rmac"), described(given[1:], "rmac"), atol=1e-6)
