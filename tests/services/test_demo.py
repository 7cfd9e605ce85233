"""The demo catalogue shows what the program does."""

from catalog.models import Collection, Image
from catalog.services import demo, indexing, searching


def test_a_site_without_the_demo_has_no_examples(catalogue):
    assert demo.examples() == []


def test_the_demo_fills_its_collections_once_and_its_photos_find_their_own_kind_first(db, settings, monkeypatch):
    drawn = list(demo.catalogue())
    monkeypatch.setattr(demo, "catalogue", lambda: drawn)  # drawing them twice takes long
    added = demo.load()
    assert 50 <= added <= 80
    assert 5 <= Collection.objects.count() <= 15
    assert demo.load() == 0
    assert demo.examples() == []  # nothing is searchable yet

    assert indexing.index_pending().indexed == added == Image.objects.count()
    examples = demo.examples()
    assert len(examples) >= 3
    for name, label in examples:
        photo = (settings.BASE_DIR / "static" / "demo" / "queries" / f"{name}.jpg").read_bytes()
        hits = searching.search(searching.describe(photo)).hits
        assert hits[0].image.collection.name == label
        assert hits[0].score < 0.999  # the photo itself is not among them
