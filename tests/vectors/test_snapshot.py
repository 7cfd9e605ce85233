"""Snapshots: live rows, and how they are compared."""

from dataclasses import replace

import numpy as np
import pytest

from catalog.vectors.live_segment import LiveSegment
from catalog.vectors.neighbours.lists import LIST_LENGTH, NeighbourLists
from catalog.vectors.projections.projection import Projection
from catalog.vectors.projections.unsupervised import fit_whitening
from catalog.vectors.snapshot import Snapshot
from tests.vectors.random_vectors import DIMENSIONS, random_unit_rows
from tests.vectors.snapshots import stored_rows


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
    expected = [random_unit_rows(3, 1)[1], random_unit_rows(5)[4], random_unit_rows(5)[0]]
    assert np.array_equal(vectors, stored_rows(np.array(expected)))


def test_deleted_and_unknown_images_have_no_descriptors(segments):
    vectors = Snapshot("plain", segments).vectors_of(np.array([2, 13, 99, 3]))
    assert np.array_equal(vectors, stored_rows(np.array([random_unit_rows(3, 1)[2], random_unit_rows(5)[2]])))
    assert len(Snapshot("plain", segments).vectors_of(np.array([4, 99]))) == 0


def test_an_empty_snapshot_has_no_descriptors():
    assert len(Snapshot("plain", []).vectors_of(np.array([1]))) == 0


def test_rows_are_unchanged_without_projection(segments):
    assert np.array_equal(Snapshot("plain", segments).project(random_unit_rows(4)), random_unit_rows(4))


def test_rows_are_projected_and_stored_descriptors_are_not(segments):
    projection = fit_whitening(random_unit_rows(200, 2), 4.0)
    snapshot = Snapshot("whitened", segments, projection)
    projected = snapshot.project(random_unit_rows(4))
    assert projected.shape == (4, DIMENSIONS)
    assert np.array_equal(projected, projection.apply(random_unit_rows(4)))
    assert np.array_equal(snapshot.vectors_of(np.array([1])), stored_rows(random_unit_rows(5)[:1]))


def test_rows_are_compared_in_the_dimensions_of_the_projection(segments):
    projection = Projection(np.zeros(DIMENSIONS, np.float32), random_unit_rows(3))
    assert Snapshot("projected", segments, projection).dimensions == 3
    assert Snapshot("plain", segments).dimensions == DIMENSIONS
    assert Snapshot("empty", []).dimensions == 0


def test_allowed_rows_are_live_and_pass_the_filter(segments):
    snapshot = Snapshot("plain", segments)
    allowed = snapshot.allowed_rows(np.array([13, 3, 2, 99]))
    assert [rows.tolist() for rows in allowed] == [[2], [2]]
    assert snapshot.count_rows(allowed) == 2
    assert snapshot.number_rows(allowed).tolist() == [2, 7]
    everything = snapshot.allowed_rows(None)
    assert snapshot.count_rows(everything) == 6
    assert snapshot.number_rows(everything).tolist() == [0, 2, 4, 5, 6, 7]


def test_rows_have_empty_lists_until_these_are_made(segments):
    made = NeighbourLists.empty(3)
    made.image_ids[1, :2] = [5, 11]
    made.similarities[1, :2] = [0.5, 0.25]
    made.inverse_norms[1] = 0.75
    snapshot = Snapshot("plain", [segments[0], replace(segments[1], neighbours=made)])
    assert snapshot.has_neighbours
    lists = snapshot.neighbours_of(np.array([6, 0, 7]))
    assert lists.image_ids[:, :2].tolist() == [[5, 11], [0, 0], [0, 0]]
    assert lists.similarities[0, :2].tolist() == [0.5, 0.25]
    assert lists.inverse_norms.tolist() == [0.75, 0, 0]
    assert lists.image_ids.shape == lists.similarities.shape == (3, LIST_LENGTH)


def test_neighbours_can_be_left_out_of_the_ranking(segments):
    with_lists = [replace(segment, neighbours=NeighbourLists.empty(len(segment.segment))) for segment in segments]
    assert Snapshot("plain", with_lists).has_neighbours
    assert not Snapshot("plain", with_lists, augmented=False).has_neighbours
    assert not Snapshot("plain", segments).has_neighbours


def test_a_snapshot_of_other_segments_numbers_their_rows(segments):
    snapshot = Snapshot("plain", segments)
    assert replace(snapshot, segments=segments[1:]).row_index.rows_of(np.array([11, 1])).tolist() == [0, -1]
    assert replace(snapshot, candidates=5).row_index is snapshot.row_index
    with_lists = [replace(segment, neighbours=NeighbourLists.empty(len(segment.segment))) for segment in segments]
    assert replace(snapshot, segments=with_lists).row_index is snapshot.row_index
    with_deleted = [replace(segments[0], live_mask=np.zeros(5, bool)), segments[1]]
    assert replace(snapshot, segments=with_deleted).row_index.rows_of(np.array([1, 11])).tolist() == [-1, 5]
