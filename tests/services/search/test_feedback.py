"""Relevance feedback moves the query towards positive and away from negative examples."""

import numpy as np
import pytest

from catalog.models import Image
from catalog.services.media import deletion
from catalog.services.search import ranking
from catalog.services.search.feedback import NEGATIVE_WEIGHT, POSITIVE_WEIGHT, Feedback
from catalog.services.search.options import SearchOptions

NO_FEEDBACK = Feedback()


def scores_by_image(image: Image, feedback: Feedback = NO_FEEDBACK) -> dict[int, float]:
    options = SearchOptions(limit=200, feedback=feedback)
    return {hit.image.pk: hit.score for hit in ranking.search_similar(image, options).hits}


def test_feedback_moves_query_by_mean_vectors(clustered_images, reference):
    rows = reference.plain
    moved = rows[0] + POSITIVE_WEIGHT * rows[[20, 21]].mean(axis=0) - NEGATIVE_WEIGHT * rows[[50]].mean(axis=0)
    expected = reference.score(moved / np.linalg.norm(moved), clustered_images[0].pk)
    given = Feedback((clustered_images[20].pk, clustered_images[21].pk), (clustered_images[50].pk,))
    found = scores_by_image(clustered_images[0], given)
    assert len(found) == len(clustered_images) - 1
    for image, score in zip(clustered_images[1:], expected[1:], strict=True):
        assert found[image.pk] == pytest.approx(min(score, 1), abs=1e-3)


def test_feedback_moves_cluster_up_or_down(clustered_images):
    plain = ranking.search_similar(clustered_images[0], SearchOptions(limit=30)).hits
    cluster_ids = {image.pk for image in clustered_images[30:40]}

    def count_of_cluster(given: Feedback) -> int:
        return sum(
            hit.image.pk in cluster_ids
            for hit in ranking.search_similar(clustered_images[0], SearchOptions(limit=30, feedback=given)).hits
        )

    before = sum(hit.image.pk in cluster_ids for hit in plain)
    assert count_of_cluster(Feedback(positive_ids=(clustered_images[30].pk,))) > before
    assert count_of_cluster(Feedback(negative_ids=tuple(image.pk for image in clustered_images[30:35]))) <= before


def test_feedback_scores_have_no_levels(clustered_images):
    given = Feedback(positive_ids=(clustered_images[5].pk,))
    assert {
        hit.similarity_level for hit in ranking.search_similar(clustered_images[0], SearchOptions(feedback=given)).hits
    } == {None}


def test_deleted_feedback_image_is_ignored(clustered_images):
    given = Feedback(positive_ids=(clustered_images[30].pk,), negative_ids=(clustered_images[60].pk,))
    deletion.delete(Image.objects.filter(pk__in=[clustered_images[30].pk, clustered_images[60].pk]))
    assert scores_by_image(clustered_images[0], given) == scores_by_image(clustered_images[0])
