"""Search finds what is there, and nothing else."""

import pytest

from catalog.exceptions import NothingIndexed
from catalog.models import Collection, Image, Tag
from catalog.services import deletion, indexing, searching, uploads
from catalog.services.searching import Filters, Query


def ask(data: bytes) -> Query:
    return searching.describe(data)


def test_a_picture_of_the_catalogue_finds_itself_first(catalogue, picture):
    for number, image in enumerate(catalogue):
        hit = searching.search(ask(picture(number))).hits[0]
        assert hit.image == image
        assert hit.score >= 0.999


def test_hits_come_in_falling_order_of_their_scores_and_are_ranked_from_one(catalogue, picture):
    hits = searching.search(ask(picture(3))).hits
    assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5, 6]
    assert sorted((hit.score for hit in hits), reverse=True) == [hit.score for hit in hits]


def test_a_stretch_of_the_ranking_is_the_same_stretch_of_the_whole(catalogue, picture):
    query = ask(picture(0))
    whole = searching.search(query, count=6).hits
    assert searching.search(query, start=2, count=3).hits == whole[2:5]
    assert searching.search(query, start=2, count=3).total == 6


def test_an_empty_catalogue_says_that_nothing_is_searchable(db, picture):
    with pytest.raises(NothingIndexed, match="Add pictures"):
        ask(picture())


def test_a_collection_narrows_the_search_before_ranking(catalogue, picture):
    bags = Collection.objects.create(name="Bags")
    Image.objects.filter(pk__in=[catalogue[0].pk, catalogue[5].pk]).update(collection=bags)
    found = searching.search(ask(picture(3)), Filters(collection=bags))
    assert {hit.image for hit in found.hits} == {catalogue[0], catalogue[5]}
    assert found.total == 2


def test_tags_narrow_the_search_to_images_that_carry_them_all(catalogue, picture):
    red, new = Tag.objects.create(name="red"), Tag.objects.create(name="new")
    catalogue[0].tags.add(red)
    catalogue[1].tags.add(red, new)
    assert searching.search(ask(picture(0)), Filters(tags=(red,))).total == 2
    assert [hit.image for hit in searching.search(ask(picture(0)), Filters(tags=(red, new))).hits] == [catalogue[1]]


def test_a_deleted_image_is_gone_from_the_next_search(catalogue, picture):
    query = ask(picture(2))
    assert searching.search(query).hits[0].image == catalogue[2]
    deletion.delete(Image.objects.filter(pk=catalogue[2].pk))
    found = searching.search(query)
    assert found.total == 5
    assert catalogue[2] not in [hit.image for hit in found.hits]


def test_a_new_image_is_found_by_the_next_search_after_it_is_indexed(catalogue, picture):
    query = ask(picture(77))
    assert searching.search(query).total == 6
    new = uploads.add(picture(77), "new.jpg").image
    assert searching.search(query).total == 6
    indexing.index_pending()
    found = searching.search(query)
    assert found.total == 7
    assert found.hits[0].image == new


def test_the_likes_of_an_image_are_without_itself(catalogue):
    found = searching.like(catalogue[0])
    assert found.total == 5
    assert catalogue[0] not in [hit.image for hit in found.hits]


def test_an_image_that_is_not_described_yet_has_no_likes(catalogue, picture):
    assert searching.like(uploads.add(picture(50), "new.jpg").image) is None
