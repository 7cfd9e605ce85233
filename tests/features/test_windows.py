"""Windows of feature maps, and their descriptors."""

from dataclasses import replace

import numpy as np
import pytest

from catalog.features import windows
from catalog.features.extractors import space_for_network
from catalog.features.preprocessing import resize_to_input
from tests.features.conftest import draw_blobs, open_extractor


@pytest.mark.parametrize(("rows", "columns"), [(13, 13), (10, 16), (26, 26), (1, 1), (2, 7)])
def test_the_first_window_is_the_picture_and_none_extends_beyond_it(rows, columns):
    placed = windows.place_windows(rows, columns)
    assert placed.cells[0].tolist() == [0, 0, rows, columns]
    assert placed.boxes[0].tolist() == [0, 0, 1, 1]
    assert placed.is_coarse[0]
    assert len(np.unique(placed.cells, axis=0)) == len(placed.cells)
    assert (placed.cells[:, 2:] >= 1).all()
    assert (placed.cells[:, :2] >= 0).all()
    assert (placed.cells[:, :2] + placed.cells[:, 2:] <= [rows, columns]).all()


def test_coarse_windows_cover_every_cell():
    placed = windows.place_windows(12, 14)
    covered = np.zeros((12, 14), int)
    for top, left, height, width in placed.cells[placed.is_coarse][1:]:
        covered[top : top + height, left : left + width] += 1
    assert covered.min() > 0
    assert placed.is_coarse.sum() < len(placed.cells) / 2


@pytest.fixture(scope="module")
def extractor(bundled_network):
    return open_extractor(bundled_network)


def test_the_whole_picture_and_a_window_have_the_descriptors_of_their_maps(extractor, bundled_network):
    side = windows.input_side(extractor.space)
    picture = resize_to_input(draw_blobs(1, 300), side, "kept")
    placed, descriptors = windows.describe_windows(extractor, picture)
    assert descriptors.shape == (len(placed.cells), extractor.space.dimensions)
    at_this_size = open_extractor(bundled_network, input_sizes=(side,))
    assert np.allclose(descriptors[0], at_this_size.extract([(picture,)])[0], atol=1e-5)
    top, left, height, width = placed.cells[-1]
    [[maps]] = extractor.feature_maps([(picture,)])
    window = extractor.describe([[maps[top : top + height, left : left + width]]])
    assert np.allclose(descriptors[-1], window[0], atol=1e-5)


def test_networks_without_maps_or_with_an_input_of_their_own_have_no_windows(bundled_network):
    space = space_for_network(bundled_network)
    assert windows.has_windows(space)
    assert not windows.has_windows(replace(space, pooling="none"))
    assert not windows.has_windows(replace(space, extractor="onnx:clip"))
