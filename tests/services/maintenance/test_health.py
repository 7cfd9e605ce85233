"""Image counts and warnings about the state of the catalogue."""

import pytest

from catalog.features import weights
from catalog.models import Image
from catalog.services.index import spaces
from catalog.services.ingest import uploads
from catalog.services.maintenance import health
from tests.features.random_weights import write_random_vgg16


def test_images_are_counted_by_status(catalogue, picture):
    uploads.add_picture(picture(50), "new.jpg")
    Image.objects.filter(pk=catalogue[0].pk).update(status="failed", failure_reason="It is broken.")
    assert health.count_by_status() == {"pending": 1, "indexed": 5, "failed": 1}


def test_an_empty_catalogue_counts_nothing(db):
    assert health.count_by_status() == {"pending": 0, "indexed": 0, "failed": 0}


def test_the_bundled_network_is_no_warning(catalogue, settings, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert health.status_message() is None
    settings.EXTRACTOR = "auto"
    assert health.status_message() is None


def test_staff_are_told_how_to_choose_a_network(catalogue, settings):
    settings.EXTRACTOR = "auto"
    assert health.network_note() == (
        "The catalogue uses the bundled network EfficientNet-Lite2. To compare it with other networks on your own "
        "pictures, run: python manage.py compare_networks"
    )


def test_staff_who_have_chosen_a_network_are_not_told_how(catalogue):
    assert health.network_note() is None


@pytest.fixture
def own_weights(settings, tmp_path):
    """VGG16's layers with random numbers, in the settings."""
    settings.EXTRACTOR = "auto"
    settings.VGG16_WEIGHTS = write_random_vgg16(tmp_path / "mine.h5").path
    return settings.VGG16_WEIGHTS


def test_weights_that_keras_does_not_publish_are_reported(db, own_weights):
    message = health.status_message()
    assert message.startswith(f"VGG16 uses the weights in {own_weights}, which is not the file that Keras publishes")
    spaces.get_or_create_active_space()
    assert health.status_message() == message
    assert health.network_note() is None


def test_weights_that_keras_publishes_are_not_reported(db, own_weights, monkeypatch):
    monkeypatch.setattr(weights, "VGG16_MD5", weights.file_digest(own_weights, "", "md5"))
    assert health.status_message() is None


def test_weights_of_another_network_than_that_of_the_catalogue_are_not_reported(catalogue, own_weights):
    assert health.status_message() is None
