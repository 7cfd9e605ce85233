"""Search finds what is there, and nothing else."""

import numpy as np
import pytest

from catalog.exceptions import NothingIndexed
from catalog.models import Collection, Image, Tag
from catalog.services import deletion, indexing, learning, rebuilding, searching, spaces, uploads
from catalog.services.filters import Filters
from catalog.services.searching import Query, Results
from catalog.vectors.calibration import Likeness
from tests import described

KINDS, EACH = 12, 10


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


@pytest.fixture
def crowd(db) -> list[Image]:
    """A hundred and twenty images, a collection for each of their twelve kinds, under the whitening they taught."""
    names = [f"Kind {kind}" for kind in range(KINDS) for _ in range(EACH)]
    images = described.add(described.kinds(KINDS, EACH), collections=names)
    rebuilding.rebuild()
    assert spaces.active().projection
    return images


def kind_of(image: Image) -> int:
    """Which of the crowd's kinds it is of."""
    return (image.pk - Image.objects.order_by("pk").first().pk) // EACH


def of_the_same_kind(found: Results, image: Image, first: int = EACH - 1) -> int:
    """How many of the first hits are of the kind of `image`."""
    return sum(hit.image.collection_id == image.collection_id for hit in found.hits[:first])


def anything(seed: int = 0) -> Query:
    """A query that is like nothing in the crowd."""
    return Query(described.unit(np.random.default_rng(1000 + seed).random(described.DIMENSIONS)), spaces.active().space)


def test_under_a_whitening_every_image_finds_itself_first(crowd):
    for image in crowd:
        hit = searching.search(searching.descriptor_of(image), count=1).hits[0]
        assert hit.image == image
        assert 0.999 <= hit.score <= 1


def test_under_a_whitening_the_scores_are_cosines_of_whitened_descriptors(crowd):
    vectors = described.kinds(KINDS, EACH)
    whitened = learning.projection_of(spaces.active()).whitened(vectors)
    expected = dict(zip([image.pk for image in crowd], whitened @ whitened[0], strict=True))
    found = searching.search(searching.descriptor_of(crowd[0]), count=200)
    assert found.total == len(found.hits) == 120
    for hit in found.hits:
        assert hit.score == pytest.approx(expected[hit.image.pk], abs=1e-5)


def test_under_a_whitening_filters_narrow_the_search_before_ranking(crowd):
    other, red = crowd[-1].collection, Tag.objects.create(name="red")
    red.images.set([crowd[0], crowd[50], crowd[-1]])
    query = searching.descriptor_of(crowd[0])
    whole = {hit.image.pk: hit.score for hit in searching.search(query, count=120).hits}
    for filters, passing in (
        (Filters(collection=other), crowd[-EACH:]),
        (Filters(tags=(red,)), [crowd[0], crowd[50], crowd[-1]]),
        (Filters(collection=other, tags=(red,)), [crowd[-1]]),
    ):
        found = searching.search(query, filters)
        assert found.total == len(passing)
        assert {hit.image.pk: hit.score for hit in found.hits} == pytest.approx(
            {image.pk: whole[image.pk] for image in passing}, abs=1e-6
        )


def test_under_a_whitening_an_image_is_left_out_of_its_likes_and_of_their_number(crowd):
    found = searching.like(crowd[30], count=200)
    assert found.total == len(found.hits) == 119
    assert crowd[30] not in [hit.image for hit in found.hits]
    assert [hit.rank for hit in found.hits] == list(range(1, 120))
    elsewhere = searching.like(crowd[30], Filters(collection=crowd[0].collection))
    assert elsewhere.total == EACH


def test_under_a_whitening_a_deleted_image_is_gone_from_the_next_search(crowd):
    query = searching.descriptor_of(crowd[7])
    before = searching.search(query, count=120).hits
    deletion.delete(Image.objects.filter(pk=crowd[7].pk))
    found = searching.search(query, count=120)
    assert found.total == 119
    assert [hit.image.pk for hit in found.hits] == [hit.image.pk for hit in before[1:]]


def test_an_image_that_comes_in_after_the_whitening_was_learned_is_found_under_it(crowd):
    new = described.add(described.kinds(1, 1, seed=9))[0]
    hit = searching.search(searching.descriptor_of(new)).hits[0]
    assert (hit.image, hit.score >= 0.999) == (new, True)


def test_an_expanded_search_finds_more_of_the_same_kind(crowd):
    plain = sum(of_the_same_kind(searching.like(image), image) for image in crowd)
    expanded = sum(of_the_same_kind(searching.like(image, expand=5), image) for image in crowd)
    assert plain < 0.95 * KINDS * EACH * (EACH - 1)  # there is something to gain
    assert expanded > plain + 20


def test_an_expanded_query_is_the_sum_of_itself_and_its_likes_by_the_cubes_of_their_scores(crowd):
    whitened = learning.projection_of(spaces.active()).whitened(described.kinds(KINDS, EACH))
    scores = whitened @ whitened[0]
    best = np.argsort(-scores)[1:4]  # without itself
    summed = whitened[0] + sum(scores[place] ** 3 * whitened[place] for place in best)
    expected = whitened @ (summed / np.linalg.norm(summed))
    order = [place for place in np.argsort(-expected) if place]
    hits = searching.like(crowd[0], expand=3, count=200).hits
    assert [hit.image.pk for hit in hits] == [crowd[place].pk for place in order]
    assert [hit.score for hit in hits] == pytest.approx(expected[order].tolist(), abs=1e-5)


def test_an_expanded_search_ranks_all_images_and_need_not_score_the_photo_itself_as_one(crowd):
    found = searching.search(searching.descriptor_of(crowd[0]), expand=5, count=200)
    assert found.total == len(found.hits) == 120
    own = next(hit.score for hit in found.hits if hit.image == crowd[0])
    assert 0.5 < own < 0.9999


def test_an_expansion_by_more_images_than_there_are_takes_all(crowd):
    query = searching.descriptor_of(crowd[0])
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in crowd[20:]]))
    found, expected = (searching.search(query, expand=count) for count in (50, 20))
    assert found.total == 20
    assert [(hit.image.pk, hit.score) for hit in found.hits] == [(hit.image.pk, hit.score) for hit in expected.hits]


def test_an_expansion_stays_within_the_filters(crowd):
    """The same images fill and rank a search of one collection as if the catalogue held no others."""
    filters = Filters(collection=crowd[-1].collection)
    query = searching.descriptor_of(crowd[0])
    within = searching.search(query, filters, expand=3)
    assert within.total == EACH
    deletion.delete(Image.objects.exclude(collection=crowd[-1].collection))
    alone = searching.search(query, expand=3)
    assert [(hit.image.pk, hit.score) for hit in within.hits] == [(hit.image.pk, hit.score) for hit in alone.hits]


def test_an_expansion_where_no_image_passes_the_filters_finds_none(crowd):
    found = searching.search(
        searching.descriptor_of(crowd[0]), Filters(collection=Collection.objects.create(name="Empty")), expand=5
    )
    assert (found.total, found.hits, found.nothing_alike) == (0, [], False)


def test_an_expanded_search_works_without_a_whitening_too(catalogue, picture):
    found = searching.search(ask(picture(2)), expand=3)
    assert found.total == 6
    assert found.hits[0].image == catalogue[2]
    assert searching.like(catalogue[2], expand=10).total == 5


@pytest.fixture
def clear_kinds(db) -> list[Image]:
    """The same kinds, their images nearer to each other, so that likeness is easily told from chance."""
    images = described.add(described.kinds(KINDS, EACH, spread=0.2))
    rebuilding.rebuild()
    return images


def test_every_hit_comes_with_what_its_score_means_in_this_catalogue(clear_kinds):
    meaning = learning.calibration_of(spaces.active())
    found = searching.search(searching.descriptor_of(clear_kinds[0]), count=120)
    assert [hit.likeness for hit in found.hits] == [meaning.likeness(hit.score) for hit in found.hits]
    assert found.hits[0].likeness is Likeness.SAME
    assert {hit.likeness for hit in found.hits[1:]} <= {Likeness.VERY, Likeness.ALIKE, Likeness.WEAK}
    assert found.hits[1].likeness in (Likeness.VERY, Likeness.ALIKE)
    assert found.hits[-1].likeness is Likeness.WEAK
    alike = [hit.image for hit in found.hits if hit.likeness is not Likeness.WEAK]
    assert {kind_of(image) for image in alike} == {0}


def test_words_need_a_hundred_images(db):
    enough = described.add(described.kinds(20, 5, spread=0.1))
    rebuilding.rebuild()
    found = searching.search(searching.descriptor_of(enough[0]), count=100)
    assert found.hits[0].likeness is Likeness.SAME
    assert found.hits[-1].likeness is Likeness.WEAK


def test_scores_that_mean_nothing_yet_come_without_words(catalogue, picture):
    rebuilding.rebuild()
    found = searching.search(ask(picture(2)))
    assert {hit.likeness for hit in found.hits} == {None}
    assert not found.nothing_alike


def test_scores_of_an_expanded_query_come_without_words(clear_kinds):
    found = searching.search(searching.descriptor_of(clear_kinds[0]), expand=5)
    assert {hit.likeness for hit in found.hits} == {None}
    assert not found.nothing_alike
    assert not searching.search(anything(), expand=5).nothing_alike


def test_a_query_that_is_like_nothing_is_told_so(clear_kinds):
    for seed in range(10):
        found = searching.search(anything(seed))
        assert found.nothing_alike
        assert {hit.likeness for hit in found.hits} == {Likeness.WEAK}
        assert found.total == 120  # the nearest are shown all the same


def test_an_image_of_the_catalogue_is_like_something_as_are_its_likes(clear_kinds):
    for image in clear_kinds:
        assert not searching.search(searching.descriptor_of(image)).nothing_alike
        assert not searching.like(image).nothing_alike


def test_whether_anything_is_alike_is_said_of_what_passes_the_filters(clear_kinds):
    bags = Collection.objects.create(name="Bags")
    Image.objects.filter(pk__in=[image.pk for image in clear_kinds[-EACH:]]).update(collection=bags)
    query = searching.descriptor_of(clear_kinds[0])
    assert searching.search(query, Filters(collection=bags)).nothing_alike
    assert not searching.search(searching.descriptor_of(clear_kinds[-1]), Filters(collection=bags)).nothing_alike


def test_whether_anything_is_alike_is_said_of_the_best_hit_on_every_page(clear_kinds):
    query = searching.descriptor_of(clear_kinds[0])
    last = searching.search(query, start=110, count=10)
    assert {hit.likeness for hit in last.hits} == {Likeness.WEAK}
    assert not last.nothing_alike
    assert searching.search(anything(), start=110, count=10).nothing_alike
