"""The networks at hand are those whose files are on this machine, and the configured one."""

import pytest

from catalog.exceptions import WeightsUnavailable
from catalog.features import weights
from catalog.services.index import networks_at_hand
from tests.services.maintenance.labelled_pictures import write_small_network


@pytest.fixture(autouse=True)
def no_other_networks(settings, tmp_path, monkeypatch):
    settings.MODELS_DIR = tmp_path / "models"
    settings.EXTRACTOR = "auto"
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def test_the_bundled_network_is_always_at_hand():
    assert networks_at_hand.preferences() == ["efficientnet-lite2"]


def test_weights_in_the_cache_of_keras_are_found(settings):
    path = weights.keras_cache_dir() / weights.VGG16_FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    assert networks_at_hand.preferences() == ["vgg16", "efficientnet-lite2"]


def test_configured_onnx_and_converted_networks_are_found_once(settings, tmp_path):
    settings.EXTRACTOR = str(write_small_network(tmp_path / "small.onnx"))
    write_small_network(settings.MODELS_DIR / "small.onnx")  # searches would find the configured one
    other = write_small_network(settings.MODELS_DIR / "other.onnx")
    (settings.MODELS_DIR / "keras-ConvNeXtTiny.h5").write_bytes(b"")
    assert networks_at_hand.preferences() == [
        "efficientnet-lite2",
        settings.EXTRACTOR,
        str(other),
        "keras:ConvNeXtTiny",
    ]
    assert not networks_at_hand.is_conversion_pending("keras:ConvNeXtTiny")
    assert networks_at_hand.is_conversion_pending("keras:ConvNeXtSmall")


def test_a_network_that_searches_would_not_find_is_rejected(settings, tmp_path):
    path = write_small_network(tmp_path / "small.onnx")
    with pytest.raises(WeightsUnavailable, match=r"Searches would not find .*small.onnx. Set IMAGESEARCH_EXTRACTOR"):
        networks_at_hand.open_for_rebuild(str(path))
    settings.EXTRACTOR = str(path)
    assert networks_at_hand.open_for_rebuild(str(path)).name == "onnx:small"
    inside = write_small_network(settings.MODELS_DIR / "inside.onnx")
    assert networks_at_hand.open_for_rebuild(str(inside)).name == "onnx:inside"
