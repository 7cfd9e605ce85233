"""Why two pictures are alike: contributions that sum to their cosine."""

import numpy as np
import pytest

from catalog.features.explaining import PORTIONS, explain, unit_portions
from catalog.features.extractors import Extractor
from catalog.features.pooling import POOLINGS, gem, rmac
from catalog.features.spaces import Space

SIDE, CHANNELS = 8, 16
NO_PICTURES = np.zeros((0, 1, 1, 3), np.uint8)


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
    """A network that gives the maps it was made with."""

    def __init__(self, *given: np.ndarray):
        self.given = np.stack(given)

    def maps(self, batch):
        return self.given


def described(pooling: str, *given: np.ndarray) -> np.ndarray:
    space = Space("fixed", "0" * 64, 128, "block5_conv3", pooling, CHANNELS)
    return Extractor(space, lambda: Fixed(*given)).describe(NO_PICTURES)


def test_every_pooling_can_be_explained():
    assert PORTIONS.keys() == POOLINGS.keys()


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("side", [1, 2, 7, 8, 14])
def test_the_portions_of_all_locations_make_the_pooled_vector(pooling, side):
    one = maps(3, side)
    portions = PORTIONS[pooling](one)
    assert (portions.shape, portions.dtype) == (one.shape, np.float32)
    np.testing.assert_allclose(portions.sum(axis=(0, 1)), POOLINGS[pooling](one[None])[0], rtol=1e-5, atol=1e-6)


def test_other_powers_and_levels_are_portioned_as_they_are_pooled():
    one = maps(4)
    gem_portions, rmac_portions = PORTIONS["gem"], PORTIONS["rmac"]
    np.testing.assert_allclose(gem_portions(one, p=2).sum(axis=(0, 1)), gem(one[None], p=2)[0], rtol=1e-5)
    np.testing.assert_allclose(rmac_portions(one, levels=2).sum(axis=(0, 1)), rmac(one[None], levels=2)[0], rtol=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_contributions_of_each_picture_sum_to_the_cosine(pooling):
    ours, theirs = maps(1), maps(2)
    first, second = described(pooling, ours, theirs)
    for grid in explain(ours, theirs, pooling):
        assert (grid.shape, grid.dtype) == ((SIDE, SIDE), np.float32)
        assert grid.min() >= 0
        assert grid.sum() == pytest.approx(first @ second, abs=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_moving_a_patch_moves_its_contribution(pooling):
    query = patch(0, 0, ground=0)
    for row, column in [(0, 0), (2, 5), (6, 6), (5, 1)]:
        ours, theirs = explain(query, patch(row, column, ground=1), pooling)
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
        found = explain(ours, theirs, pooling)
        assert [[tuple(cell) for cell in np.argwhere(grid)] for grid in found] == [[(1, 1)], [(3, 4)]]


def test_a_maximum_found_twice_is_shared():
    grid, _ = explain(np.ones((4, 4, 3), np.float32), maps(1)[..., :3], "max")
    np.testing.assert_allclose(grid, grid[0, 0])


@pytest.mark.parametrize("pooling", POOLINGS)
def test_maps_without_any_answer_contribute_everywhere_alike(pooling):
    nothing, something = np.zeros((SIDE, SIDE, CHANNELS), np.float32), maps(5)
    first, second = described(pooling, nothing, something)
    ours, theirs = explain(nothing, something, pooling)
    np.testing.assert_allclose(ours, ours[0, 0])
    assert [ours.sum(), theirs.sum()] == pytest.approx([first @ second] * 2, abs=1e-5)
    np.testing.assert_allclose(unit_portions(nothing, pooling).sum(axis=(0, 1)), first, rtol=1e-5)
