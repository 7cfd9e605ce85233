"""Grouping of arrays by shape."""

import numpy as np

from catalog.features.by_shape import group_by_shape


def test_arrays_are_grouped_by_shape_in_groups_of_limited_size():
    shapes = [(2, 3), (3, 2), (2, 3), (2, 3), (3, 2), (2, 3)]
    arrays = [np.full(shape, number) for number, shape in enumerate(shapes)]
    groups = list(group_by_shape(arrays, 3))
    assert [indices for indices, _ in groups] == [[0, 2, 3], [5], [1, 4]]
    for indices, batch in groups:
        assert batch.shape == (len(indices), *shapes[indices[0]])
        assert batch[:, 0, 0].tolist() == indices


def test_no_arrays_give_no_groups():
    assert list(group_by_shape([], 3)) == []
