"""The demo catalogue fills a new site, and its example photos find similar pictures."""

import pytest

from catalog.models import Collection, Image
from catalog.services.index import extraction
from catalog.services.ingest import demo
from catalog.services.search import queries, ranking


def test_a_site_without_the_demo_has_no_example_photos(catalogue):
    assert demo.example_photos() == []


@pytest.mark.slow
def test_demo_images_are_added_once_and_example_photos_find_their_own_kind_first(db, settings, monkeypatch):
    pictures = list(demo.draw_catalogue())
    monkeypatch.setattr(demo, "draw_catalogue", lambda: pictures)  # drawing takes long
    added = demo.add_demo_images()
    assert 50 <= added <= 80
    assert 5 <= Collection.objects.count() <= 15
    assert demo.add_demo_images() == 0
    assert set(Image.objects.values_list("source", flat=True)) == set(demo.SOURCES)
    assert demo.example_photos() == []  # nothing is indexed yet

    assert extraction.index_pending().indexed == added == Image.objects.count()
    examples = demo.example_photos()
    assert len(examples) >= 3
    for name, label in examples:
        photo = (settings.BASE_DIR / "static" / "demo" / "queries" / f"{name}.jpg").read_bytes()
        hits = ranking.search(queries.extract_query(photo)).hits
        assert hits[0].image.collection.name == label
        assert hits[0].score < 0.999  # the photo itself is not in the catalogue


def test_a_picture_of_a_user_with_the_name_of_a_demo_picture_is_not_the_demo(catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(source=demo.SOURCES[0])
    assert demo.example_photos() == []
