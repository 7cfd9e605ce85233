"""Evaluation of the ranking by labels, with images whose descriptors are at known angles."""

import math

import numpy as np
import pytest
from django.db import transaction

from catalog.exceptions import ImageSearchError, SegmentDamaged
from catalog.models import Collection, Image, Segment, Tag
from catalog.services.index import live_index, rebuilding, spaces, store
from catalog.services.index.store import DescriptorRow
from catalog.services.ingest import uploads
from catalog.services.maintenance import evaluation
from catalog.services.media import deletion
from catalog.services.media.file_locks import file_commit_lock
from catalog.services.search import queries, ranking
from catalog.vectors.engines import LocalEngine
from catalog.vectors.exact import Ranking
from tests import indexed_images
from tests.vectors.neighbours.dense_reference import DenseReference, unit

# Angles in degrees; the smaller the difference, the more similar. `c1` is alone in its collection, `u1` is in none.
ANGLES = {"a1": 0, "a2": 8, "b1": 20, "a3": 38, "b2": 45, "c1": 80, "u1": 110}
# Computed by hand from the ranking of the other six images. a1 ranks a2 b1 a3 …: (1/1 + 2/3) / 2; a2 ranks a1 b1 a3;
# b1 ranks a2 a3 a1 b2; a3 ranks b2 b1 a2 a1; b2 ranks a3 b1.
AVERAGE_PRECISION = {"a1": 5 / 6, "a2": 5 / 6, "b1": 1 / 4, "a3": (1 / 3 + 2 / 4) / 2, "b2": 1 / 2}


def unit_vector(degrees: float) -> np.ndarray:
    return np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))], np.float32)


@pytest.fixture
def circle_images(db, picture) -> dict[str, Image]:
    """Searchable images by name. The first letter is their collection."""
    space = spaces.get_or_create_active_space()
    images = {name: uploads.add_picture(picture(number), name).image for number, name in enumerate(ANGLES)}
    rows = [DescriptorRow(images[name].pk, images[name].sha256, unit_vector(angle)) for name, angle in ANGLES.items()]
    with file_commit_lock(), transaction.atomic():
        store.register_segment(store.write_segment(space, rows), rows, {row.image_id for row in rows})
        Image.objects.update(status=Image.Status.INDEXED)
    for letter in "abc":
        collection = Collection.objects.create(name=letter)
        Image.objects.filter(source__startswith=letter).update(collection=collection)
    return images


def add_tag(images: dict[str, Image], tag: str, *names: str) -> None:
    Tag.objects.create(name=tag).images.set([images[name] for name in names])


def test_metrics_are_those_computed_by_hand(circle_images):
    evaluated = evaluation.evaluate()
    assert evaluated.query_metrics[:, 0] == pytest.approx(list(AVERAGE_PRECISION.values()))
    data = evaluated.as_json()
    assert data["map"] == pytest.approx(sum(AVERAGE_PRECISION.values()) / 5, abs=1e-4)
    assert data["precision_at_1"] == 0.4  # a1 and a2
    assert data["precision_at_10"] == pytest.approx((3 * 2 / 6 + 2 * 1 / 6) / 5, abs=1e-4)
    assert data["queries"] == 5
    assert data["recall_vs_exact_at_10"] == 1


def test_intervals_contain_their_means(circle_images):
    data = evaluation.evaluate().as_json()
    for name in ("map", "precision_at_1", "precision_at_10"):
        low, high = data[f"{name}_interval"]
        assert 0 <= low < data[name] < high <= 1


def test_images_with_a_common_tag_are_relevant(circle_images):
    add_tag(circle_images, "red", "a1", "u1")
    add_tag(circle_images, "new", "a1", "a2")
    add_tag(circle_images, "alone", "b1", "c1")
    deletion.delete(Image.objects.filter(pk=circle_images["c1"].pk))
    # a1 ranks a2 b1 a3 b2 u1: (1/1 + 2/5) / 2; a2 ranks a1 first; u1 ranks a1 last of five. b1 is alone with its tag.
    evaluated = evaluation.evaluate("tag")
    assert evaluated.query_metrics[:, 0] == pytest.approx([7 / 10, 1, 1 / 5])


def test_a_sample_of_queries_is_deterministic(circle_images):
    first, second = (evaluation.evaluate(max_queries=3).query_metrics[:, 0].tolist() for _ in range(2))
    assert first == second
    assert len(first) == 3
    assert all(min(abs(value - by_hand) for by_hand in AVERAGE_PRECISION.values()) < 1e-6 for value in first)


def test_a_sample_larger_than_the_queries_is_all_queries(circle_images):
    assert len(evaluation.evaluate(max_queries=100).query_metrics) == 5


def test_scores_of_pairs_are_counted_by_common_label(circle_images):
    evaluated = evaluation.evaluate()
    assert evaluated.same_label_counts.sum() == 3 * 2 + 2 * 1
    assert evaluated.other_pair_counts.sum() == 5 * 6 - 8
    # a1 and a2 are eight degrees apart, a cosine of 0.990. Each of them is a query.
    assert (
        evaluated.same_label_counts[
            evaluation.SCORE_BIN_EDGES[1:].searchsorted(math.cos(math.radians(8)), side="right")
        ]
        == 2
    )


def test_precision_by_recall_is_the_mean_of_the_queries(circle_images):
    evaluated = evaluation.evaluate()
    # At full recall, the precisions of the queries are 2/3, 2/3, 1/4, 2/4 and 1/2.
    assert evaluated.precision_by_recall[-1] == pytest.approx((2 / 3 + 2 / 3 + 1 / 4 + 2 / 4 + 1 / 2) / 5)
    assert (np.diff(evaluated.precision_by_recall) <= 1e-12).all()


class ReversedEngine(LocalEngine):
    """Ranks in reverse order."""

    def rank(self, snapshot, query_vector, *, limit, allowed_ids=None):
        complete = super().rank(snapshot, query_vector, limit=10**6, allowed_ids=allowed_ids)
        backwards = (array[::-1][:limit] for array in (complete.image_ids, complete.scores, complete.similarities))
        return Ranking(*backwards, complete.total)


def test_metrics_that_depend_on_labels_are_those_of_exact_search(circle_images, monkeypatch):
    query = queries.image_query(circle_images["a1"])
    best = ranking.search(query).hits[0]
    monkeypatch.setattr(ranking, "engine", ReversedEngine)
    assert ranking.search(query).hits[0] != best
    assert evaluation.evaluate().query_metrics[:, 0] == pytest.approx(list(AVERAGE_PRECISION.values()))


def test_recall_is_the_share_of_hits_of_exact_search(catalogue, picture, monkeypatch):
    first, second = (Collection.objects.create(name=name) for name in "ab")
    Image.objects.filter(pk__lte=catalogue[2].pk).update(collection=first)
    Image.objects.filter(pk__gt=catalogue[2].pk).update(collection=second)

    class IncompleteEngine(LocalEngine):
        def rank(self, snapshot, query_vector, *, limit, allowed_ids=None):
            complete = super().rank(snapshot, query_vector, limit=limit, allowed_ids=allowed_ids)
            best = (array[:3] for array in (complete.image_ids, complete.scores, complete.similarities))
            return Ranking(*best, complete.total)

    assert evaluation.evaluate().as_json()["recall_vs_exact_at_10"] == 1
    monkeypatch.setattr(ranking, "engine", IncompleteEngine)
    assert (evaluation.evaluate().query_metrics[:, 3] == 2 / 5).all()  # of the three hits, one is the image itself


@pytest.fixture
def clustered_images(db) -> DenseReference:
    """120 images with a collection for each of their twelve kinds. Returns what they score."""
    vectors = indexed_images.clustered_vectors(12, 10, spread=0.7)
    indexed_images.add_indexed_images(vectors, collections=[f"Kind {kind}" for kind in range(12) for _ in range(10)])
    rebuilding.rebuild()
    return DenseReference(live_index.INDEX.view(spaces.active_generation()).snapshot)


def mean_average_precision(scores: np.ndarray) -> float:
    """Compute the mAP of 120 images of twelve kinds from their scores, 120 × 120."""
    kinds = np.repeat(np.arange(12), 10)
    averages = []
    for image in range(120):
        order = [other for other in np.argsort(-scores[image]) if other != image]
        ranks = np.flatnonzero(kinds[order] == kinds[image]) + 1
        averages.append(np.mean(np.arange(1, 10) / ranks))
    return float(np.mean(averages))


def all_scores(reference: DenseReference, query_vectors: np.ndarray) -> np.ndarray:
    """The scores of all images for the query vector of each image, 120 × 120."""
    return np.array(
        [reference.score(vector, image_id) for vector, image_id in zip(query_vectors, reference.ids, strict=True)]
    )


def test_the_ranking_with_neighbours_is_evaluated(clustered_images):
    plain = clustered_images.plain @ clustered_images.plain.T
    data = evaluation.evaluate().as_json()
    expected = mean_average_precision(all_scores(clustered_images, clustered_images.plain))
    assert data["map"] == pytest.approx(expected, abs=1e-3)
    assert data["map"] > mean_average_precision(plain) + 0.02
    assert data["recall_vs_exact_at_10"] == 1


def test_the_ranking_of_expanded_queries_is_evaluated(clustered_images):
    plain, expanded = (evaluation.evaluate(expand=count).as_json() for count in (0, 3))
    rows, query_vectors = clustered_images.plain, []
    for image, scores in enumerate(all_scores(clustered_images, rows)):
        best = rows[[other for other in np.argsort(-scores) if other != image][:3]]
        query_vectors.append(unit(rows[image] + (best @ rows[image]).clip(0) ** 3 @ best))
    expected = mean_average_precision(all_scores(clustered_images, np.array(query_vectors)))
    assert expanded["map"] == pytest.approx(expected, abs=1e-3)
    assert expanded["map"] != plain["map"]
    assert expanded["recall_vs_exact_at_10"] == 1
    assert expanded["queries"] == plain["queries"] == 120


def test_recall_of_expanded_queries_is_the_share_of_hits_of_exact_search(clustered_images, monkeypatch):
    class IncompleteLastPage(LocalEngine):
        """Ranks correctly for neighbours and for the full ranking, but omits the first hits of a page."""

        def rank(self, snapshot, query_vector, *, limit, allowed_ids=None):
            complete = super().rank(snapshot, query_vector, limit=limit, allowed_ids=allowed_ids)
            first = 6 if limit == 25 else 0  # a page of 24 and one more
            rest = (array[first:] for array in (complete.image_ids, complete.scores, complete.similarities))
            return Ranking(*rest, complete.total)

    monkeypatch.setattr(ranking, "engine", IncompleteLastPage)
    recall = evaluation.evaluate(expand=3).query_metrics[:, 3]
    # The first six of the ten best hits are missing, or five of them and the image itself.
    assert set(recall.round(6)) <= {0.4, 0.5}


def test_progress_is_reported_for_each_query(circle_images):
    progress_calls = []
    evaluation.evaluate(progress=lambda *step: progress_calls.append(step))
    assert progress_calls == [("evaluating", done, 5) for done in range(6)]


def test_a_catalogue_without_labels_is_rejected(circle_images):
    with pytest.raises(ImageSearchError, match=r"too few tags .* no searchable image has a label"):
        evaluation.evaluate("tag")


def test_an_empty_catalogue_is_rejected(db):
    with pytest.raises(ImageSearchError, match="no searchable image has a label"):
        evaluation.evaluate()


def test_a_single_label_is_rejected(circle_images):
    add_tag(circle_images, "red", "a1", "b1", "c1")
    with pytest.raises(ImageSearchError, match="all labelled images have the same label"):
        evaluation.evaluate("tag")


def test_labels_of_one_image_each_are_rejected(circle_images):
    add_tag(circle_images, "red", "a1")
    add_tag(circle_images, "new", "b1")
    with pytest.raises(ImageSearchError, match="no label is shared by two searchable images"):
        evaluation.evaluate("tag")


def test_a_damaged_segment_is_an_error(circle_images):
    store.segment_path(Segment.objects.get().name).unlink()
    with pytest.raises(SegmentDamaged):
        evaluation.evaluate()
