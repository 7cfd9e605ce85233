"""A query that is moved towards what somebody wants more of, and away from the rest."""

import numpy as np
import pytest

from catalog.models import Image
from catalog.services import deletion, rebuilding, searching
from catalog.services.refining import LESS, MORE, Marked
from tests import described

KINDS, EACH = 12, 10


@pytest.fixture
def crowd(db) -> list[Image]:
    images = described.add(described.kinds(KINDS, EACH))
    rebuilding.rebuild()
    return images


def scores(image: Image, **options) -> dict[int, float]:
    return {hit.image.pk: hit.score for hit in searching.like(image, count=200, **options).hits}


def test_the_query_is_moved_by_the_means_of_what_is_marked(crowd):
    query = searching.descriptor_of(crowd[0])
    snapshot = searching.snapshot_for(query)
    rows = snapshot.whitened(snapshot.vectors_of(np.array([image.pk for image in crowd])))
    moved = rows[0] + MORE * rows[[20, 21]].mean(axis=0) - LESS * rows[[50]].mean(axis=0)
    expected = rows @ (moved / np.linalg.norm(moved))
    marked = Marked((crowd[20].pk, crowd[21].pk), (crowd[50].pk,))
    found = scores(crowd[0], marked=marked)
    assert len(found) == len(crowd) - 1
    for image, score in zip(crowd[1:], expected[1:], strict=True):
        assert found[image.pk] == pytest.approx(min(score, 1), abs=1e-5)


def test_more_of_a_kind_brings_that_kind_forward_and_less_sends_it_back(crowd):
    plain = searching.like(crowd[0], count=30).hits
    kind = {image.pk for image in crowd[30:40]}

    def of_the_kind(marked: Marked) -> int:
        return sum(hit.image.pk in kind for hit in searching.like(crowd[0], count=30, marked=marked).hits)

    before = sum(hit.image.pk in kind for hit in plain)
    assert of_the_kind(Marked(more=(crowd[30].pk,))) > before
    assert of_the_kind(Marked(less=tuple(image.pk for image in crowd[30:35]))) <= before


def test_marks_give_scores_without_words(crowd):
    marked = Marked(more=(crowd[5].pk,))
    assert {hit.likeness for hit in searching.like(crowd[0], marked=marked).hits} == {None}


def test_a_marked_image_that_was_deleted_counts_for_nothing(crowd):
    marked = Marked(more=(crowd[30].pk,), less=(crowd[60].pk,))
    deletion.delete(Image.objects.filter(pk__in=[crowd[30].pk, crowd[60].pk]))
    assert scores(crowd[0], marked=marked) == scores(crowd[0])
