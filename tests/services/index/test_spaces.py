"""A catalogue keeps its feature space until somebody starts a re-extraction."""

import hashlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from catalog.exceptions import WeightsDamaged, WeightsUnavailable
from catalog.features import weights
from catalog.features.feature_space import Space
from catalog.models import FeatureSpace, Generation
from catalog.services.index import extraction, rebuilding, spaces
from catalog.services.ingest import uploads
from catalog.services.maintenance import health
from catalog.services.search import queries, ranking
from tests.removed_network import use_removed_network


@pytest.fixture(autouse=True)
def keras_home(tmp_path, monkeypatch) -> Path:
    """An empty Keras cache, and no internet access."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    spaces._build_extractor.cache_clear()
    return tmp_path / "keras"


def publish_weights(monkeypatch, path: Path, content: bytes = b"weights") -> None:
    """Write a file and accept it as the one that Keras publishes. It is not read before the network runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    monkeypatch.setattr(weights, "VGG16_MD5", hashlib.md5(content, usedforsecurity=False).hexdigest())


def test_new_catalogue_uses_the_bundled_network_without_vgg16_weights(db, settings):
    settings.EXTRACTOR = "auto"
    assert spaces.get_or_create_active_space().extractor == "efficientnet-lite2"
    assert Generation.objects.get().state == Generation.State.ACTIVE


def test_new_catalogue_uses_vgg16_if_its_weights_are_in_the_keras_cache(db, settings, keras_home, monkeypatch):
    settings.EXTRACTOR = "auto"
    publish_weights(monkeypatch, keras_home / "models" / weights.VGG16_FILE)
    assert spaces.get_or_create_active_space().extractor == "vgg16"


def test_new_catalogue_uses_the_weights_file_in_the_settings(db, settings, tmp_path, monkeypatch):
    settings.EXTRACTOR, settings.VGG16_WEIGHTS = "auto", tmp_path / "mine.h5"
    publish_weights(monkeypatch, settings.VGG16_WEIGHTS)
    space = spaces.get_or_create_active_space()
    assert (space.extractor, space.description["weights_digest"]) == ("vgg16", hashlib.sha256(b"weights").hexdigest())


def test_missing_weights_file_in_the_settings_is_an_error(db, settings, tmp_path):
    settings.EXTRACTOR, settings.VGG16_WEIGHTS = "auto", tmp_path / "gone.h5"
    with pytest.raises(
        WeightsUnavailable, match=r"are missing: there is no file .*gone\.h5\. .*unset IMAGESEARCH_VGG16_WEIGHTS"
    ):
        spaces.get_or_create_active_space()
    assert not Generation.objects.exists()


def test_weights_file_without_vgg16_is_rejected(db, settings, tmp_path):
    settings.EXTRACTOR, settings.VGG16_WEIGHTS = "auto", tmp_path / "wrong.h5"
    settings.VGG16_WEIGHTS.write_bytes(b"cut off")
    with pytest.raises(WeightsDamaged, match=r"wrong\.h5 does not contain the weights of vgg16"):
        spaces.get_or_create_active_space()


def test_unavailable_vgg16_is_rejected_with_hint(db, settings):
    settings.EXTRACTOR = "vgg16"
    with pytest.raises(WeightsUnavailable, match=r"could not be downloaded from .* put vgg16_weights"):
        spaces.get_or_create_active_space()


def test_weights_that_become_available_later_change_nothing(catalogue, picture, settings, keras_home, monkeypatch):
    settings.EXTRACTOR = "auto"
    before = spaces.active_generation().space.key
    publish_weights(monkeypatch, keras_home / "models" / weights.VGG16_FILE)
    new = uploads.add_picture(picture(50), "new.jpg").image
    assert extraction.index_pending().indexed == 1
    assert spaces.active_generation().space.key == before
    assert ranking.search_similar(new).total == 6


def test_a_rebuild_keeps_the_space(catalogue, settings, keras_home, monkeypatch):
    settings.EXTRACTOR = "auto"
    publish_weights(monkeypatch, keras_home / "models" / weights.VGG16_FILE)
    assert rebuilding.rebuild().generation.space.extractor == "efficientnet-lite2"


def test_a_reextraction_uses_the_weights_that_are_available_now(catalogue, settings, keras_home, monkeypatch):
    settings.EXTRACTOR = "auto"
    publish_weights(monkeypatch, keras_home / "models" / weights.VGG16_FILE)
    with pytest.raises(WeightsDamaged, match="does not contain the weights of vgg16"):
        rebuilding.reextract()  # the published file is a dummy here
    assert spaces.active_generation().space.extractor == "efficientnet-lite2"


def test_weights_of_another_digest_are_rejected_with_a_message(catalogue, picture):
    space = spaces.active_generation().space
    FeatureSpace.objects.update(description={**space.description, "weights_digest": "0123456789abcdef" * 4})
    uploads.add_picture(picture(50), "new.jpg")
    with pytest.raises(WeightsUnavailable) as refusal:
        extraction.index_pending()
    message = str(refusal.value)
    assert message.startswith(
        "The catalogue was indexed with efficientnet-lite2 weights of SHA-256 0123456789ab…, but "
    )
    assert f"has {space.description['weights_digest'][:12]}…. Restore those weights, or run" in message
    assert "rebuild_index --reextract" in message


def test_a_catalogue_of_the_removed_network_says_how_to_rebuild(catalogue, picture):
    use_removed_network()
    message = "The catalogue was indexed with vgg16-compact, a network that is no longer part of the program."
    with pytest.raises(WeightsUnavailable, match=message):
        queries.extract_query(picture(7))
    assert health.status_message() == f"{message} Run: python manage.py rebuild_index --reextract"
    rebuilding.reextract()
    assert spaces.active_generation().space.extractor == "efficientnet-lite2"
    assert health.status_message() is None


def test_the_same_network_with_other_weights_is_another_space(db, settings, keras_home, monkeypatch):
    keys = set()
    for content in (b"one", b"other"):
        publish_weights(monkeypatch, keras_home / "models" / weights.VGG16_FILE, content)
        keys.add(spaces.get_or_create_space(spaces.choose_network("vgg16")).key)
    assert len(keys) == 2


def test_a_space_is_created_once(db):
    assert spaces.get_or_create_space(spaces.choose_network()) == spaces.get_or_create_space(spaces.choose_network())


def test_a_reextraction_goes_on_only_in_a_space_of_the_same_recipe(db):
    """The key of the space with a basis begins with that of the space without."""
    network = spaces.choose_network()
    with_basis = spaces.create_or_resume_space(network)
    assert spaces.create_or_resume_space(network) == with_basis
    recipe = replace(network.recipe, has_basis=False)
    without_basis = spaces.create_or_resume_space(
        SimpleNamespace(**vars(network), recipe=recipe, channels=network.channels)
    )
    assert with_basis.key.startswith(without_basis.key)
    assert without_basis != with_basis


def test_only_one_generation_is_active(db):
    space = spaces.get_or_create_active_space()
    assert spaces.get_or_create_active_space() == space
    assert Generation.objects.count() == 1


def test_missing_requested_weights_are_reported_to_staff(admin_client, settings, client):
    settings.EXTRACTOR = "vgg16"
    assert "VGG16's ImageNet weights are missing" in health.status_message()
    assert client.get("/").status_code == 200
    response = admin_client.get("/admin/")
    assert response.status_code == 200
    assert "ImageNet weights are missing" in response.content.decode()


def migrate(targets: list[tuple[str, str | None]]) -> None:
    MigrationExecutor(connection).migrate(targets)


@pytest.mark.slow
def test_tables_can_be_removed_and_created_again_and_a_space_is_stored_completely(transactional_db):
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes("catalog")
    try:
        migrate([("catalog", None)])
        assert "catalog_featurespace" not in connection.introspection.table_names()
    finally:
        migrate(latest)
    row = FeatureSpace.objects.get(pk=spaces.get_or_create_active_space().pk)
    assert Space.from_json(row.description).as_json() == {
        **row.description,
        "input_sizes": tuple(row.description["input_sizes"]),
    }
