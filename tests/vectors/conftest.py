"""Segments of random descriptors."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from catalog.vectors.segments import Segment
from tests.vectors import snapshots
from tests.vectors.random_vectors import random_unit_rows


@pytest.fixture
def write_segment(tmp_path: Path) -> Callable[..., Segment]:
    """A function that writes a segment and opens it."""

    def write(name: str = "one.h5", *, count: int = 5, seed: int = 0, first_id: int = 1) -> Segment:
        ids = np.arange(first_id, first_id + count)
        return snapshots.write_segment(tmp_path / "space" / name, random_unit_rows(count, seed), ids)

    return write
