"""Grouping of arrays by shape, so that each group can be processed as one batch."""

from collections.abc import Iterator, Sequence

import numpy as np


def group_by_shape(arrays: Sequence[np.ndarray], max_count: int) -> Iterator[tuple[list[int], np.ndarray]]:
    """Yield indices of arrays of the same shape, in ascending order, and these arrays stacked: at most `max_count`."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, array in enumerate(arrays):
        groups.setdefault(array.shape, []).append(index)
    for group in groups.values():
        for start in range(0, len(group), max_count):
            indices = group[start : start + max_count]
            yield indices, np.stack([arrays[index] for index in indices])
