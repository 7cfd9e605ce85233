"""Near-duplicates are grouped under the best match."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as Pixels

from catalog.models import Image
from catalog.services.index import extraction, rebuilding
from catalog.services.ingest import uploads
from catalog.services.media import deletion
from catalog.services.search import queries, ranking
from catalog.services.search.near_duplicates import group_near_duplicates
from catalog.services.search.options import SearchOptions
from tests import indexed_images


def reencode(data: bytes, quality: int) -> bytes:
    out = io.BytesIO()
    Pixels.open(io.BytesIO(data)).save(out, "JPEG", quality=quality)
    return out.getvalue()


def test_reencoded_picture_is_grouped_with_original(catalogue, picture):
    uploads.add_picture(reencode(picture(2), 90), "again.jpg")
    extraction.index_pending()
    results = ranking.search(queries.extract_query(picture(2)))
    hits = group_near_duplicates(results)
    assert [hit.image.source for hit in hits[:1]] == ["picture-2.jpg"]
    assert [duplicate.image.source for duplicate in hits[0].near_duplicates] == ["again.jpg"]
    assert len(hits) == len(results.hits) - 1
    assert [hit.image for hit in hits] == [hit.image for hit in results.hits if hit.image.source != "again.jpg"]


def test_similar_picture_is_not_grouped(catalogue, picture):
    results = ranking.search(queries.extract_query(picture(2)))
    assert group_near_duplicates(results) == results.hits


@pytest.mark.django_db
def test_calibrated_level_decides_grouping():
    vectors = indexed_images.clustered_vectors(12, 10)
    near = indexed_images.normalise(vectors[[0]] + 0.002 * np.random.default_rng(1).normal(size=(3, vectors.shape[1])))
    images = indexed_images.add_indexed_images(np.concatenate([vectors, near.astype(np.float32)]))
    rebuilding.rebuild()
    hits = group_near_duplicates(ranking.search_similar(images[0], SearchOptions(limit=30)))
    assert [duplicate.image for duplicate in hits[0].near_duplicates] and {
        hits[0].image,
        *(duplicate.image for duplicate in hits[0].near_duplicates),
    } == {*images[-3:]}
    assert all(not hit.near_duplicates for hit in hits[1:])


@pytest.mark.django_db
def test_empty_results_give_no_groups(catalogue, picture):
    Image.objects.exclude(pk=catalogue[0].pk).delete()
    assert group_near_duplicates(ranking.search_similar(catalogue[0])) == []


def near_copies(vectors: np.ndarray, count: int) -> np.ndarray:
    """Descriptors of `count` near-duplicates of the first row."""
    noise = np.random.default_rng(1).normal(size=(count, vectors.shape[1]))
    return indexed_images.normalise(vectors[[0]] + 0.001 * noise)


@pytest.mark.parametrize("order", ["as ranked", "reversed"])
def test_more_near_duplicates_than_a_neighbour_list_holds_are_one_group(db, order):
    vectors = indexed_images.clustered_vectors(12, 10)
    images = indexed_images.add_indexed_images(np.concatenate([vectors, near_copies(vectors, 25)]))
    rebuilding.rebuild()
    results = ranking.search_similar(images[0], SearchOptions(limit=60))
    if order == "reversed":
        results = replace(results, hits=results.hits[::-1])
    groups = [hit for hit in group_near_duplicates(results) if hit.near_duplicates]
    assert len(groups) == 1
    assert {groups[0].image, *(hit.image for hit in groups[0].near_duplicates)} == {*images[-25:]}


def test_new_near_duplicates_are_grouped_before_their_lists_are_made(db):
    vectors = indexed_images.clustered_vectors(12, 10)
    images = indexed_images.add_indexed_images(vectors)
    rebuilding.rebuild()
    new = indexed_images.add_indexed_images(near_copies(vectors, 3))
    for _ in range(2):
        hits = group_near_duplicates(ranking.search_similar(images[1], SearchOptions(limit=60)))
        (group,) = [hit for hit in hits if hit.near_duplicates]
        assert {group.image, *(hit.image for hit in group.near_duplicates)} == {images[0], *new}
        rebuilding.maintain()  # makes the lists


def test_hits_that_were_deleted_since_the_search_are_not_grouped(db):
    vectors = indexed_images.clustered_vectors(12, 10)
    images = indexed_images.add_indexed_images(np.concatenate([vectors, near_copies(vectors, 3)]))
    rebuilding.rebuild()
    results = ranking.search_similar(images[1], SearchOptions(limit=60))
    deletion.delete(Image.objects.filter(pk=images[-1].pk))
    assert group_near_duplicates(results) == results.hits
