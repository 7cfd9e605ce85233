"""Random descriptors and segments."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from catalog.vectors import segments
from catalog.vectors.segments import Segment

DIMENSIONS = 16


def random_unit_rows(count: int, seed: int = 0) -> np.ndarray:
    """Return float32, count × DIMENSIONS, each row of unit length."""
    rows = np.random.default_rng(seed).normal(size=(count, DIMENSIONS)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def write_segment(tmp_path: Path) -> Callable[..., Segment]:
    """A function that writes a segment and opens it."""

    def write(name: str = "one.h5", *, count: int = 5, seed: int = 0, first_id: int = 1) -> Segment:
        path = tmp_path / "space" / name
        segments.write(
            path,
            space='{"extractor": "test"}',
            vectors=random_unit_rows(count, seed),
            image_ids=np.arange(first_id, first_id + count),
            digests=np.arange(count * 32, dtype=np.uint8).reshape(count, 32),
        )
        return segments.open_segment(path)

    return write
