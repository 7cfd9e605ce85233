"""What a search ranks: rows that live, and how they are compared."""

import numpy as np
import pytest

from catalog.vectors.projection import learn
from catalog.vectors.snapshot import LiveSegment, Snapshot
from tests.vectors.conftest import DIMENSIONS, unit_rows


@pytest.fixture
def segments(written):
    """Images 1–5, of which 2 and 4 are dead, and 11–13."""
    live = np.array([True, False, True, False, True])
    return [LiveSegment(written(), live), LiveSegment(written("two.h5", count=3, seed=1, first_id=11))]


def test_the_rows_of_a_segment_are_those_that_live(segments):
    assert [part.rows().tolist() for part in segments] == [[0, 2, 4], [0, 1, 2]]


def test_descriptors_come_in_the_order_that_is_asked_for(segments):
    vectors = Snapshot("plain", segments).vectors_of(np.array([12, 5, 1]))
    assert vectors.dtype == np.float32
    assert np.array_equal(vectors, [unit_rows(3, 1)[1], unit_rows(5)[4], unit_rows(5)[0]])


def test_images_that_are_dead_or_elsewhere_have_no_descriptors(segments):
    vectors = Snapshot("plain", segments).vectors_of(np.array([2, 13, 99, 3]))
    assert np.array_equal(vectors, [unit_rows(3, 1)[2], unit_rows(5)[2]])
    assert len(Snapshot("plain", segments).vectors_of(np.array([4, 99]))) == 0


def test_an_empty_snapshot_has_no_descriptors():
    assert len(Snapshot("plain", []).vectors_of(np.array([1]))) == 0


def test_without_a_projection_rows_are_compared_as_they_are(segments):
    assert np.array_equal(Snapshot("plain", segments).whitened(unit_rows(4)), unit_rows(4))


def test_with_one_they_are_whitened_and_descriptors_stay_as_stored(segments):
    projection = learn(unit_rows(200, 2))
    snapshot = Snapshot("whitened", segments, projection)
    whitened = snapshot.whitened(unit_rows(4))
    assert whitened.shape == (4, DIMENSIONS)
    assert np.array_equal(whitened, projection.whitened(unit_rows(4)))
    assert np.array_equal(snapshot.vectors_of(np.array([1])), unit_rows(5)[:1])
