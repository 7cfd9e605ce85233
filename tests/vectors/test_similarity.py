"""Similarities of queries and stored rows, compared with those of projected rows."""

from dataclasses import replace

import numpy as np
import pytest

from catalog.vectors.codes.binary_codes import random_rotation
from catalog.vectors.projections.projection import Projection
from catalog.vectors.projections.unsupervised import fit_centring, fit_whitening
from catalog.vectors.similarity import similarities
from catalog.vectors.snapshot import Snapshot
from tests.vectors import snapshots
from tests.vectors.random_vectors import DIMENSIONS, random_unit_rows, unit_rows

ROWS = 40
DESCRIPTORS = unit_rows(random_unit_rows(ROWS) + np.float32(0.3))


def random_projection() -> Projection:
    """Return a projection to fewer dimensions."""
    matrix = np.random.default_rng(0).normal(size=(5, DIMENSIONS)).astype(np.float32)
    return Projection(DESCRIPTORS.mean(axis=0), matrix)


PROJECTIONS = {
    "as they are": None,
    "centred": fit_centring(DESCRIPTORS),
    "whitened": fit_whitening(DESCRIPTORS, 4.0),
    "in fewer dimensions": random_projection(),
}


@pytest.fixture(scope="module", params=PROJECTIONS)
def snapshot(request, tmp_path_factory) -> Snapshot:
    projection = PROJECTIONS[request.param]
    encoder = random_rotation(np.zeros(projection.dimensions, np.float32), 16) if projection else None
    return snapshots.build_snapshot(
        tmp_path_factory.mktemp("segments"),
        DESCRIPTORS,
        np.arange(ROWS) + 1,
        starts=(20, 21, 33),
        projection=projection,
        encoder=encoder,
    )


@pytest.mark.parametrize("rows", [None, [], [3], [0, 19, 20, 21, 39], [38, 2, 2, 20], list(range(5, 35))])
def test_they_are_the_dot_products_of_projected_rows(snapshot, rows):
    queries = snapshot.project(random_unit_rows(3, seed=1))
    selected = None if rows is None else np.array(rows, np.int64)
    found = similarities(snapshot, queries, selected)
    projected = snapshot.project(snapshots.stored_rows(DESCRIPTORS).astype(np.float32))
    expected = projected @ queries.T if rows is None else projected[selected] @ queries.T
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_rows_without_scales_are_not_compared_wrongly(snapshot):
    segments = [replace(live_segment, codes_and_scales=None) for live_segment in snapshot.segments]
    without_scales = replace(snapshot, segments=segments, projection=fit_centring(DESCRIPTORS))
    with pytest.raises(ValueError, match=r"0\.h5 has no scales"):
        similarities(without_scales, random_unit_rows(1))


def test_no_segments_have_no_similarities():
    assert similarities(Snapshot("empty", []), random_unit_rows(2)).shape == (0, 2)
