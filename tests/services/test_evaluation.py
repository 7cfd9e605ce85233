"""How well the catalogue ranks by its own labels, on images whose descriptors lie at chosen angles."""

import math

import numpy as np
import pytest
from django.db import transaction

from catalog.exceptions import ImageSearchError, SegmentDamaged
from catalog.models import Collection, Image, Segment, Tag
from catalog.services import deletion, evaluation, learning, rebuilding, searching, spaces, store, uploads
from catalog.services.store import Described
from catalog.vectors.engines import Local
from catalog.vectors.exact import Ranking
from tests import described

# Degrees: the nearer two are, the more alike. `c` is alone in its collection, `u` is in none.
ANGLES = {"a1": 0, "a2": 8, "b1": 20, "a3": 38, "b2": 45, "c1": 80, "u1": 110}
# By hand, of the other six. a1 finds a2 b1 a3 …: (1/1 + 2/3) / 2; a2 finds a1 b1 a3; b1 finds a2 a3 a1 b2;
# a3 finds b2 b1 a2 a1; b2 finds a3 b1.
AVERAGE_PRECISION = {"a1": 5 / 6, "a2": 5 / 6, "b1": 1 / 4, "a3": (1 / 3 + 2 / 4) / 2, "b2": 1 / 2}


def direction(degrees: float) -> np.ndarray:
    return np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))], np.float32)


@pytest.fixture
def circle(db, picture) -> dict[str, Image]:
    """Searchable images by name, in collections by the first letter of it."""
    space = spaces.active_or_first()
    images = {name: uploads.add(picture(number), name).image for number, name in enumerate(ANGLES)}
    rows = [Described(images[name].pk, images[name].sha256, direction(angle)) for name, angle in ANGLES.items()]
    with store.writing(), transaction.atomic():
        store.register(store.append(space, rows), rows, {row.image_id for row in rows})
        Image.objects.update(status=Image.Status.INDEXED)
    for letter in "abc":
        collection = Collection.objects.create(name=letter)
        Image.objects.filter(source__startswith=letter).update(collection=collection)
    return images


def tag(images: dict[str, Image], name: str, *named: str) -> None:
    Tag.objects.create(name=name).images.set([images[one] for one in named])


def test_average_precision_is_what_it_is_by_hand(circle):
    found = evaluation.evaluate()
    assert found.answers[:, 0] == pytest.approx(list(AVERAGE_PRECISION.values()))
    answer = found.as_json()
    assert answer["map"] == pytest.approx(sum(AVERAGE_PRECISION.values()) / 5, abs=1e-4)
    assert answer["precision_at_1"] == 0.4  # a1 and a2
    assert answer["precision_at_10"] == pytest.approx((3 * 2 / 6 + 2 * 1 / 6) / 5, abs=1e-4)
    assert answer["queries"] == 5
    assert answer["recall_vs_exact_at_10"] == 1


def test_intervals_hold_their_means(circle):
    answer = evaluation.evaluate().as_json()
    for name in ("map", "precision_at_1", "precision_at_10"):
        low, high = answer[f"{name}_interval"]
        assert 0 <= low < answer[name] < high <= 1


def test_images_that_share_any_tag_are_relevant(circle):
    tag(circle, "red", "a1", "u1")
    tag(circle, "new", "a1", "a2")
    tag(circle, "alone", "b1", "c1")
    deletion.delete(Image.objects.filter(pk=circle["c1"].pk))
    # a1 finds a2 b1 a3 b2 u1: (1/1 + 2/5) / 2; a2 finds a1; u1 finds a1 last of five. b1 is alone with its tag now.
    found = evaluation.evaluate("tag")
    assert found.answers[:, 0] == pytest.approx([7 / 10, 1, 1 / 5])


def test_a_sample_is_the_same_every_time_and_within_the_queries(circle):
    one, other = (evaluation.evaluate(queries=3).answers[:, 0].tolist() for _ in range(2))
    assert one == other
    assert len(one) == 3
    assert all(min(abs(value - by_hand) for by_hand in AVERAGE_PRECISION.values()) < 1e-6 for value in one)


def test_more_queries_than_there_are_take_all(circle):
    assert len(evaluation.evaluate(queries=100).answers) == 5


def test_pairs_are_counted_by_whether_they_share_a_label(circle):
    found = evaluation.evaluate()
    assert found.alike.sum() == 3 * 2 + 2 * 1
    assert found.others.sum() == 5 * 6 - 8
    # a1 and a2, eight degrees apart: 0.990; asked from either side.
    assert found.alike[evaluation.EDGES[1:].searchsorted(math.cos(math.radians(8)), side="right")] == 2


def test_the_curve_is_the_mean_of_the_queries(circle):
    found = evaluation.evaluate()
    # At full recall: 2/3, 2/3, 1/4, 2/4, 1/2, the precisions at which each has found all.
    assert found.precision_by_recall[-1] == pytest.approx((2 / 3 + 2 / 3 + 1 / 4 + 2 / 4 + 1 / 2) / 5)
    assert (np.diff(found.precision_by_recall) <= 1e-12).all()


class Backwards(Local):
    """Ranks the least alike first."""

    def rank(self, snapshot, sought, *, top, allowed=None):
        whole = super().rank(snapshot, sought, top=10**6, allowed=allowed)
        return Ranking(whole.image_ids[::-1][:top], whole.scores[::-1][:top], whole.total)


def test_it_evaluates_the_ranking_that_searches_use(circle, picture, monkeypatch):
    monkeypatch.setattr(searching, "engine", Backwards)
    # Last, a1 finds a3 b1 a2, at ranks 4, 5 and 6 of 6; every query finds u1 first.
    found = evaluation.evaluate()
    assert found.answers[0, 0] == pytest.approx((1 / 4 + 2 / 6) / 2)
    assert found.answers[:, 1].sum() == 0


def test_recall_is_the_share_of_what_exact_search_finds(catalogue, picture, monkeypatch):
    one, other = (Collection.objects.create(name=name) for name in "ab")
    Image.objects.filter(pk__lte=catalogue[2].pk).update(collection=one)
    Image.objects.filter(pk__gt=catalogue[2].pk).update(collection=other)

    class Forgetful(Local):
        def rank(self, snapshot, sought, *, top, allowed=None):
            whole = super().rank(snapshot, sought, top=top, allowed=allowed)
            return Ranking(whole.image_ids[:3], whole.scores[:3], whole.total)

    assert evaluation.evaluate().as_json()["recall_vs_exact_at_10"] == 1
    monkeypatch.setattr(searching, "engine", Forgetful)
    assert (evaluation.evaluate().answers[:, 3] == 2 / 5).all()  # itself and two of the five others


@pytest.fixture
def crowd(db) -> np.ndarray:
    """A hundred and twenty images, a collection for each of their twelve kinds; their whitened descriptors."""
    vectors = described.kinds(12, 10)
    described.add(vectors, collections=[f"Kind {kind}" for kind in range(12) for _ in range(10)])
    rebuilding.rebuild()
    return learning.projection_of(spaces.active()).whitened(vectors)


def mean_average_precision(scores: np.ndarray) -> float:
    """Of a hundred and twenty images of twelve kinds, each asking for the others: float64, 120 × 120, by hand."""
    kinds = np.repeat(np.arange(12), 10)
    averages = []
    for image in range(120):
        order = [other for other in np.argsort(-scores[image]) if other != image]
        ranks = np.flatnonzero(kinds[order] == kinds[image]) + 1
        averages.append(np.mean(np.arange(1, 10) / ranks))
    return float(np.mean(averages))


def test_under_a_whitening_it_evaluates_the_whitened_ranking(crowd):
    answer = evaluation.evaluate().as_json()
    assert answer["map"] == pytest.approx(mean_average_precision(crowd @ crowd.T), abs=1e-4)
    assert answer["recall_vs_exact_at_10"] == 1


def test_expanded_it_evaluates_the_ranking_of_expanded_searches(crowd):
    plain, expanded = (evaluation.evaluate(expand=count).as_json() for count in (0, 3))
    sought = []
    for image, scores in enumerate(crowd @ crowd.T):
        best = [other for other in np.argsort(-scores) if other != image][:3]
        sought.append(crowd[image] + scores[best].clip(0) ** 3 @ crowd[best])
    assert expanded["map"] == pytest.approx(mean_average_precision(np.array(sought) @ crowd.T), abs=1e-4)
    assert expanded["map"] > plain["map"]
    assert expanded["recall_vs_exact_at_10"] == 1
    assert expanded["queries"] == plain["queries"] == 120


def test_expanded_recall_is_the_share_of_what_exact_search_finds_for_the_expanded_query(crowd, monkeypatch):
    class ForgetfulAtLast(Local):
        """Finds the whole catalogue or the nearest three, but of a page of hits the last ones only."""

        def rank(self, snapshot, sought, *, top, allowed=None):
            whole = super().rank(snapshot, sought, top=top, allowed=allowed)
            first = 6 if top == 25 else 0  # a page of 24 and one more
            return Ranking(whole.image_ids[first:], whole.scores[first:], whole.total)

    monkeypatch.setattr(searching, "engine", ForgetfulAtLast)
    recall = evaluation.evaluate(expand=3).answers[:, 3]
    # Of the ten best the first six, or five and the image itself, are not among the hits.
    assert set(recall.round(6)) <= {0.4, 0.5}


def test_progress_goes_from_none_to_all(circle):
    told = []
    evaluation.evaluate(progress=lambda *step: told.append(step))
    assert told == [("evaluating", done, 5) for done in range(6)]


def test_a_catalogue_without_labels_is_refused(circle):
    with pytest.raises(ImageSearchError, match=r"tags of this catalogue .* no searchable image has one"):
        evaluation.evaluate("tag")


def test_an_empty_catalogue_is_refused(db):
    with pytest.raises(ImageSearchError, match="no searchable image has one"):
        evaluation.evaluate()


def test_one_label_alone_is_refused(circle):
    tag(circle, "red", "a1", "b1", "c1")
    with pytest.raises(ImageSearchError, match="all searchable images that have one have the same"):
        evaluation.evaluate("tag")


def test_labels_of_one_image_each_are_refused(circle):
    tag(circle, "red", "a1")
    tag(circle, "new", "b1")
    with pytest.raises(ImageSearchError, match="no two searchable images have the same one"):
        evaluation.evaluate("tag")


def test_a_damaged_segment_is_told_and_not_passed_over(circle):
    store.path_of(Segment.objects.get().name).unlink()
    with pytest.raises(SegmentDamaged):
        evaluation.evaluate()
