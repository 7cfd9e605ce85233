"""Snapshots: live rows, and how they are compared."""

import numpy as np
import pytest

from catalog.vectors.snapshot import LiveSegment, Snapshot
from catalog.vectors.whitening import fit_whitening
from tests.vectors.conftest import DIMENSIONS, random_unit_rows


@pytest.fixture
def segments(write_segment):
    """The images 1–5, of which 2 and 4 are dead, and 11–13."""
    live = np.array([True, False, True, False, True])
    return [LiveSegment(write_segment(), live), LiveSegment(write_segment("two.h5", count=3, seed=1, first_id=11))]


def test_rows_of_a_segment_are_its_live_rows(segments):
    assert [segment.rows().tolist() for segment in segments] == [[0, 2, 4], [0, 1, 2]]


def test_descriptors_are_in_the_requested_order(segments):
    vectors = Snapshot("plain", segments).vectors_of(np.array([12, 5, 1]))
    assert vectors.dtype == np.float32
    assert np.array_equal(vectors, [random_unit_rows(3, 1)[1], random_unit_rows(5)[4], random_unit_rows(5)[0]])


def test_deleted_and_unknown_images_have_no_descriptors(segments):
    vectors = Snapshot("plain", segments).vectors_of(np.array([2, 13, 99, 3]))
    assert np.array_equal(vectors, [random_unit_rows(3, 1)[2], random_unit_rows(5)[2]])
    assert len(Snapshot("plain", segments).vectors_of(np.array([4, 99]))) == 0


def test_an_empty_snapshot_has_no_descriptors():
    assert len(Snapshot("plain", []).vectors_of(np.array([1]))) == 0


def test_rows_are_unchanged_without_whitening(segments):
    assert np.array_equal(Snapshot("plain", segments).whiten(random_unit_rows(4)), random_unit_rows(4))


def test_rows_are_whitened_and_stored_descriptors_are_not(segments):
    fitted_whitening = fit_whitening(random_unit_rows(200, 2))
    snapshot = Snapshot("whitened", segments, fitted_whitening)
    whitened = snapshot.whiten(random_unit_rows(4))
    assert whitened.shape == (4, DIMENSIONS)
    assert np.array_equal(whitened, fitted_whitening.whiten(random_unit_rows(4)))
    assert np.array_equal(snapshot.vectors_of(np.array([1])), random_unit_rows(5)[:1])
