"""A catalogue keeps its feature space until somebody rebuilds."""

import hashlib
from pathlib import Path

import pytest

from catalog.exceptions import WeightsDamaged, WeightsUnavailable
from catalog.features import weights
from catalog.models import FeatureSpace, Generation
from catalog.services import health, indexing, rebuilding, searching, spaces, uploads


@pytest.fixture(autouse=True)
def keras_home(tmp_path, monkeypatch) -> Path:
    """An empty cache of Keras, and no way to the network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    spaces._extractor.cache_clear()
    return tmp_path / "keras"


def publish(monkeypatch, path: Path, content: bytes = b"weights") -> None:
    """Put a file at `path` and take it for the one that Keras publishes: what it holds is never looked at here."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    monkeypatch.setattr(weights, "VGG16_MD5", hashlib.md5(content, usedforsecurity=False).hexdigest())


def test_the_first_choice_is_the_compact_network_where_the_weights_cannot_be_had(db, settings):
    settings.EXTRACTOR = "auto"
    assert spaces.active_or_first().extractor == "vgg16-compact"
    assert Generation.objects.get().state == Generation.State.ACTIVE


def test_the_first_choice_is_vgg16_where_its_weights_are_in_kerass_cache(db, settings, keras_home, monkeypatch):
    settings.EXTRACTOR = "auto"
    publish(monkeypatch, keras_home / "models" / weights.VGG16_FILE)
    assert spaces.active_or_first().extractor == "vgg16"


def test_the_first_choice_is_the_file_that_was_named(db, settings, tmp_path, monkeypatch):
    settings.EXTRACTOR, settings.VGG16_WEIGHTS = "auto", tmp_path / "mine.h5"
    publish(monkeypatch, settings.VGG16_WEIGHTS)
    space = spaces.active_or_first()
    assert (space.extractor, space.description["weights_digest"]) == ("vgg16", hashlib.sha256(b"weights").hexdigest())


def test_a_named_file_that_is_not_there_is_refused_and_not_passed_over(db, settings, tmp_path):
    settings.EXTRACTOR, settings.VGG16_WEIGHTS = "auto", tmp_path / "gone.h5"
    with pytest.raises(WeightsUnavailable, match=r"are not at .*gone\.h5\. .*unset IMAGESEARCH_VGG16_WEIGHTS"):
        spaces.active_or_first()
    assert not Generation.objects.exists()


def test_a_named_file_with_a_wrong_digest_is_refused(db, settings, tmp_path):
    settings.EXTRACTOR, settings.VGG16_WEIGHTS = "auto", tmp_path / "wrong.h5"
    settings.VGG16_WEIGHTS.write_bytes(b"cut off")
    with pytest.raises(WeightsDamaged, match=r"wrong\.h5 is not the file of VGG16 weights that Keras publishes"):
        spaces.active_or_first()


def test_vgg16_is_refused_with_the_remedy_where_it_is_asked_for_and_cannot_be_had(db, settings):
    settings.EXTRACTOR = "vgg16"
    with pytest.raises(WeightsUnavailable, match=r"could not be fetched from .* Put vgg16_weights"):
        spaces.active_or_first()


def test_weights_that_become_reachable_later_change_nothing(catalogue, picture, settings, keras_home, monkeypatch):
    settings.EXTRACTOR = "auto"
    before = spaces.active().space.key
    publish(monkeypatch, keras_home / "models" / weights.VGG16_FILE)
    new = uploads.add(picture(50), "new.jpg").image
    assert indexing.index_pending().indexed == 1
    assert spaces.active().space.key == before
    assert searching.like(new).total == 6


def test_a_rebuild_keeps_the_space_too(catalogue, settings, keras_home, monkeypatch):
    settings.EXTRACTOR = "auto"
    publish(monkeypatch, keras_home / "models" / weights.VGG16_FILE)
    assert rebuilding.rebuild().generation.space.extractor == "vgg16-compact"


def test_a_reextraction_takes_the_weights_that_are_preferred_now(catalogue, settings, keras_home, monkeypatch):
    settings.EXTRACTOR = "auto"
    publish(monkeypatch, keras_home / "models" / weights.VGG16_FILE)
    with pytest.raises(WeightsDamaged, match="does not hold the weights of vgg16"):
        rebuilding.reextract()  # the file that stands in for them here is no network
    assert spaces.active().space.extractor == "vgg16-compact"


def test_weights_of_another_digest_are_refused_with_a_sentence(catalogue, picture):
    space = spaces.active().space
    FeatureSpace.objects.update(description={**space.description, "weights_digest": "0123456789abcdef" * 4})
    uploads.add(picture(50), "new.jpg")
    with pytest.raises(WeightsUnavailable) as refusal:
        indexing.index_pending()
    told = str(refusal.value)
    assert told.startswith(
        "The catalogue was described by vgg16-compact with weights of the digest 0123456789ab…, but "
    )
    assert f"has the digest {space.description['weights_digest'][:12]}…. Put the first back, or run" in told
    assert "rebuild_index --reextract" in told


def test_two_spaces_of_one_network_with_other_weights_are_two(db, settings, keras_home, monkeypatch):
    keys = set()
    for content in (b"one", b"other"):
        publish(monkeypatch, keras_home / "models" / weights.VGG16_FILE, content)
        keys.add(spaces.record(spaces.choose("vgg16")).key)
    assert len(keys) == 2


def test_a_space_is_recorded_once(db):
    assert spaces.record(spaces.choose()) == spaces.record(spaces.choose())


def test_no_more_than_one_generation_is_active(db):
    space = spaces.active_or_first()
    assert spaces.active_or_first() == space
    assert Generation.objects.count() == 1


def test_weights_that_are_asked_for_and_missing_are_told_and_break_no_page(db, settings, client):
    settings.EXTRACTOR = "vgg16"
    assert "VGG16's ImageNet weights are not at" in health.notice()
    answer = client.get("/")
    assert answer.status_code == 200
    assert "ImageNet weights are not at" in answer.content.decode()
