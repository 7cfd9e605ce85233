"""The nearest codes, compared with the distances of all codes."""

import numpy as np
import pytest

from catalog.vectors.codes import hamming
from catalog.vectors.codes.binary_codes import random_rotation
from catalog.vectors.projections.unsupervised import fit_centring
from catalog.vectors.snapshot import Snapshot
from tests.vectors import snapshots
from tests.vectors.random_vectors import DIMENSIONS, random_unit_rows

ROWS, BITS = 300, 64


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory) -> Snapshot:
    rows = random_unit_rows(ROWS)
    return snapshots.build_snapshot(
        tmp_path_factory.mktemp("segments"),
        rows,
        np.arange(ROWS) + 1,
        starts=(200, 203),
        live=np.arange(ROWS) % 7 > 0,
        projection=fit_centring(rows),
        encoder=random_rotation(np.zeros(DIMENSIONS, np.float32), BITS),
    )


def hamming_distances(codes: np.ndarray, code: np.ndarray) -> np.ndarray:
    return np.bitwise_count(codes ^ code).sum(axis=1)


@pytest.mark.parametrize("count", [1, 20, 1000])
@pytest.mark.parametrize("allowed_ids", [None, np.arange(1, ROWS, 3)], ids=["all", "some"])
def test_the_selected_rows_are_the_nearest_ones(snapshot, count, allowed_ids):
    allowed = snapshot.allowed_rows(allowed_ids)
    codes, rows = hamming.codes_of(snapshot, allowed), snapshot.number_rows(allowed)
    code = snapshot.encoder.encode(snapshot.project(random_unit_rows(1, seed=5)))
    selected = snapshot.number_rows(hamming.select_nearest(snapshot, code, allowed, count))
    distances = hamming_distances(codes, code)
    assert np.isin(selected, rows).all()
    assert len(set(selected.tolist())) == min(count, len(rows))
    found = distances[np.isin(rows, selected)]
    assert np.sort(found).tolist() == np.sort(distances)[:count].tolist()


def test_the_nearest_of_many_queries_are_those_of_each(snapshot):
    codes = hamming.codes_of(snapshot, snapshot.allowed_rows(None))
    query_codes = snapshot.encoder.encode(snapshot.project(random_unit_rows(9, seed=6)))
    for code, positions in zip(query_codes, hamming.nearest_of_many(query_codes, codes, 12, threads=2), strict=True):
        distances = hamming_distances(codes, code)
        assert len(set(positions.tolist())) == 12
        assert np.sort(distances[positions]).tolist() == np.sort(distances)[:12].tolist()


def test_codes_are_in_the_order_of_the_rows(snapshot):
    allowed = snapshot.allowed_rows(None)
    expected = snapshot.encoder.encode(snapshot.project(snapshot.vectors(snapshot.number_rows(allowed))))
    np.testing.assert_array_equal(hamming.codes_of(snapshot, allowed), expected)
