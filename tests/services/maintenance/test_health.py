"""Image counts and warnings about the state of the catalogue."""

import hashlib

from catalog.features import weights
from catalog.models import Image
from catalog.services.ingest import uploads
from catalog.services.maintenance import health


def test_images_are_counted_by_status(catalogue, picture):
    uploads.add_picture(picture(50), "new.jpg")
    Image.objects.filter(pk=catalogue[0].pk).update(status="failed", failure_reason="It is broken.")
    assert health.count_by_status() == {"pending": 1, "indexed": 5, "failed": 1}


def test_an_empty_catalogue_counts_nothing(db):
    assert health.count_by_status() == {"pending": 0, "indexed": 0, "failed": 0}


def test_requested_compact_network_is_reported(catalogue):
    assert health.status_message() == (
        "The catalogue uses the bundled compact network, as set in IMAGESEARCH_EXTRACTOR. For better results, unset "
        "it and run: python manage.py fetch_weights, then python manage.py rebuild_index --reextract"
    )


def test_fallback_network_is_reported(catalogue, settings):
    settings.EXTRACTOR = "auto"
    notice = health.status_message()
    assert "because VGG16's ImageNet weights were not found" in notice
    assert notice.endswith("python manage.py fetch_weights, then python manage.py rebuild_index --reextract")


def test_compact_network_is_reported_in_empty_catalogue(db):
    assert "bundled compact network" in health.status_message()


def test_no_warning_when_vgg16_is_available(db, settings, tmp_path, monkeypatch):
    settings.EXTRACTOR, settings.VGG16_WEIGHTS = "auto", tmp_path / "mine.h5"
    settings.VGG16_WEIGHTS.write_bytes(b"weights")
    monkeypatch.setattr(weights, "VGG16_MD5", hashlib.md5(b"weights", usedforsecurity=False).hexdigest())
    assert health.status_message() is None
