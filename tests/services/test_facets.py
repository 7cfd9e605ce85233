"""The counts behind the choices of a filter are those of the lists that they lead to."""

from datetime import timedelta

import pytest
from django.utils import timezone

from catalog.models import Collection, Image, Tag
from catalog.services import facets
from catalog.services.facets import count
from catalog.services.filters import Filters

FIELDS = ("collection", "tag", "format", "least_side", "added_within", "status", "q")


@pytest.fixture
def groups(catalogue) -> tuple[Collection, Tag]:
    bags, red, blue = Collection.objects.create(name="Bags"), *(Tag.objects.create(name=n) for n in ("red", "blue"))
    Image.objects.filter(pk__in=[image.pk for image in catalogue[:4]]).update(collection=bags)
    for image in catalogue[2:]:
        image.tags.add(red)
    catalogue[2].tags.add(blue)
    Image.objects.filter(pk=catalogue[0].pk).update(format="PNG", width=900, height=800)
    Image.objects.filter(pk=catalogue[1].pk).update(created_at=timezone.now() - timedelta(days=20))
    return bags, red


def test_each_choice_is_counted_with_the_others_as_they_are(groups):
    bags, red = groups
    counted = count(FIELDS, Filters(collection=bags, tags=(red,)), "indexed")
    assert counted["collection"] == {bags.pk: 2, None: 4}
    assert counted["tag"][red.pk] == 2
    assert counted["tag"][None] == 4
    assert counted["format"] == {"JPEG": 2, None: 2}
    assert "q" not in counted


def test_sizes_and_days_are_counted_too(groups):
    counted = count(FIELDS, Filters(), "")
    assert counted["least_side"] == {None: 6, 400: 1, 800: 1, 1600: 0, 3200: 0}
    assert counted["added_within"] == {None: 6, 1: 5, 7: 5, 30: 6, 365: 6}
    assert counted["status"] == {None: 6, "indexed": 6}


def test_every_count_is_that_of_its_list(groups):
    bags, _red = groups
    for filters in (Filters(), Filters(words="picture"), Filters(collection=bags), Filters(format="PNG")):
        counted = count(FIELDS, filters, "indexed")
        for tag in Tag.objects.all():
            narrowed = Filters(collection=filters.collection, tags=(tag,), words=filters.words, format=filters.format)
            assert counted["tag"].get(tag.pk, 0) == narrowed.images().indexed().count()


def test_images_that_wait_count_only_where_all_are_listed(groups, catalogue):
    Image.objects.filter(pk=catalogue[5].pk).update(status="pending")
    assert count(["format"], Filters(), "indexed")["format"][None] == 5
    assert count(["format"], Filters(), "")["format"][None] == 6
    assert count(["status"], Filters(), "pending")["status"] == {None: 6, "indexed": 5, "pending": 1}


def test_of_very_many_the_counts_stand_for_a_while(groups, monkeypatch, settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "facets"}}
    monkeypatch.setattr(facets, "MANY", 6)
    before = count(["format"], Filters(), "")
    Image.objects.filter(format="PNG").delete()
    assert count(["format"], Filters(), "") == before
    assert count(["format"], Filters(words="picture"), "")["format"][None] == 5
