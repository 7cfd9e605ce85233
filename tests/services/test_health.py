"""How the catalogue stands, and what everybody should know about it."""

import hashlib

from catalog.features import weights
from catalog.models import Image
from catalog.services import health, uploads


def test_images_are_counted_by_status(catalogue, picture):
    uploads.add(picture(50), "new.jpg")
    Image.objects.filter(pk=catalogue[0].pk).update(status="failed", failure_reason="It is broken.")
    assert health.counts() == {"pending": 1, "indexed": 5, "failed": 1}


def test_an_empty_catalogue_counts_nothing(db):
    assert health.counts() == {"pending": 0, "indexed": 0, "failed": 0}


def test_the_compact_network_that_was_asked_for_is_told_with_how_to_change_it(catalogue):
    assert health.notice() == (
        "Pictures are compared with the small bundled network, as IMAGESEARCH_EXTRACTOR says; for better results "
        "unset it and run: python manage.py fetch_weights, then python manage.py rebuild_index --reextract"
    )


def test_the_compact_network_that_stands_in_is_told_with_how_to_change_it(catalogue, settings):
    settings.EXTRACTOR = "auto"
    notice = health.notice()
    assert "because VGG16's ImageNet weights were not at hand" in notice
    assert notice.endswith("python manage.py fetch_weights, then python manage.py rebuild_index --reextract")


def test_it_is_told_before_the_first_picture_too(db):
    assert "small bundled network" in health.notice()


def test_nothing_is_told_where_vgg16_is_at_hand(db, settings, tmp_path, monkeypatch):
    settings.EXTRACTOR, settings.VGG16_WEIGHTS = "auto", tmp_path / "mine.h5"
    settings.VGG16_WEIGHTS.write_bytes(b"weights")
    monkeypatch.setattr(weights, "VGG16_MD5", hashlib.md5(b"weights", usedforsecurity=False).hexdigest())
    assert health.notice() is None
