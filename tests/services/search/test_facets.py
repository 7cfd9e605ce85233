"""Counts of images for each value of a filter."""

from datetime import timedelta

import pytest
from django.utils import timezone

from catalog.models import Collection, Image, Tag
from catalog.services.search import facets
from catalog.services.search.facets import count_choices
from catalog.services.search.filters import Filters

FACET_FIELDS = ("collection", "tag", "format", "min_side", "added_within", "status", "q")


@pytest.fixture
def grouped_images(catalogue) -> tuple[Collection, Tag]:
    collection, red, blue = (
        Collection.objects.create(name="Bags"),
        *(Tag.objects.create(name=n) for n in ("red", "blue")),
    )
    Image.objects.filter(pk__in=[image.pk for image in catalogue[:4]]).update(collection=collection)
    for image in catalogue[2:]:
        image.tags.add(red)
    catalogue[2].tags.add(blue)
    Image.objects.filter(pk=catalogue[0].pk).update(format="PNG", width=900, height=800)
    Image.objects.filter(pk=catalogue[1].pk).update(created_at=timezone.now() - timedelta(days=20))
    return collection, red


def test_counts_respect_other_filters(grouped_images):
    bags, red = grouped_images
    counted = count_choices(FACET_FIELDS, Filters(collection=bags, tags=(red,)), "indexed")
    assert counted["collection"] == {bags.pk: 2, None: 4}
    assert counted["tag"][red.pk] == 2
    assert counted["tag"][None] == 4
    assert counted["format"] == {"JPEG": 2, None: 2}
    assert "q" not in counted


def test_sizes_and_ages_are_counted(grouped_images):
    counted = count_choices(FACET_FIELDS, Filters(), "")
    assert counted["min_side"] == {None: 6, 400: 1, 800: 1, 1600: 0, 3200: 0}
    assert counted["added_within"] == {None: 6, 1: 5, 7: 5, 30: 6, 365: 6}
    assert counted["status"] == {None: 6, "indexed": 6}


def test_count_equals_length_of_filtered_list(grouped_images):
    bags, _red = grouped_images
    for filters in (Filters(), Filters(words="picture"), Filters(collection=bags), Filters(format="PNG")):
        counted = count_choices(FACET_FIELDS, filters, "indexed")
        for tag in Tag.objects.all():
            filtered = Filters(collection=filters.collection, tags=(tag,), words=filters.words, format=filters.format)
            assert counted["tag"].get(tag.pk, 0) == filtered.images().indexed().count()


def test_pending_images_are_counted_only_in_lists_of_all_images(grouped_images, catalogue):
    Image.objects.filter(pk=catalogue[5].pk).update(status="pending")
    assert count_choices(["format"], Filters(), "indexed")["format"][None] == 5
    assert count_choices(["format"], Filters(), "")["format"][None] == 6
    assert count_choices(["status"], Filters(), "pending")["status"] == {None: 6, "indexed": 5, "pending": 1}


def test_counts_of_large_catalogue_are_cached(grouped_images, monkeypatch, settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "facets"}}
    monkeypatch.setattr(facets, "CACHE_FROM_COUNT", 6)
    before = count_choices(["format"], Filters(), "")
    Image.objects.filter(format="PNG").delete()
    assert count_choices(["format"], Filters(), "") == before
    assert count_choices(["format"], Filters(words="picture"), "")["format"][None] == 5
