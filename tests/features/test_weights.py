"""Weights files: where they are found, and what is read from them."""

import hashlib
from dataclasses import replace

import h5py
import numpy as np
import pytest

from catalog.exceptions import WeightsDamaged, WeightsUnavailable
from catalog.features import weights as files
from catalog.features.networks import efficientnet_lite, vgg16
from catalog.features.networks.efficientnet_lite import WEIGHTS_FILE
from catalog.features.networks.vgg16 import vgg16_network
from catalog.features.weights import VGG16_FILE
from tests.features.random_weights import write_random_vgg16


def write_to_keras_cache(keras_home, content=b"truncated"):
    path = keras_home / "models" / VGG16_FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_the_bundled_network_matches_its_model_card(bundled_network):
    card = WEIGHTS_FILE.with_name("MODEL_CARD.md").read_text()
    assert bundled_network.digest == hashlib.sha256(WEIGHTS_FILE.read_bytes()).hexdigest()
    assert bundled_network.digest in card


def test_a_missing_bundled_network_is_reported_as_an_incomplete_installation(tmp_path, monkeypatch):
    monkeypatch.setattr(efficientnet_lite, "WEIGHTS_FILE", tmp_path / "gone.h5")
    with pytest.raises(WeightsUnavailable, match="Reinstall the program"):
        efficientnet_lite.efficientnet_lite2_network()


def test_configured_weights_take_precedence_over_the_cache_of_keras(keras_home, published_vgg16):
    write_to_keras_cache(keras_home)

    assert vgg16_network(published_vgg16.path) == published_vgg16


def test_missing_configured_weights_are_an_error_even_if_keras_has_some(keras_home, published_vgg16, tmp_path):
    write_to_keras_cache(keras_home, published_vgg16.path.read_bytes())

    with pytest.raises(WeightsUnavailable, match=r"nowhere\.h5.*IMAGESEARCH_VGG16_WEIGHTS"):
        vgg16_network(tmp_path / "nowhere.h5")


def test_weights_in_the_cache_of_keras_are_found(keras_home, published_vgg16):
    path = write_to_keras_cache(keras_home, published_vgg16.path.read_bytes())

    assert vgg16_network(None) == replace(published_vgg16, path=path)


def test_keras_home_is_read_on_each_call(monkeypatch, tmp_path):
    for home in ("one", "two"):
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / home))
        assert files.keras_cache_dir() == tmp_path / home / "models"


def test_without_keras_home_the_cache_is_in_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert files.keras_cache_dir() == tmp_path / ".keras" / "models"


def test_missing_weights_are_reported_with_their_location_and_advice(keras_home):
    with pytest.raises(WeightsUnavailable) as excinfo:
        vgg16_network(None)

    message = str(excinfo.value)
    assert str(keras_home / "models") in message
    assert "fetch_weights" in message
    assert "IMAGESEARCH_VGG16_WEIGHTS" in message
    assert "efficientnet-lite2" in message


def test_a_file_with_another_digest_is_rejected_with_both_digests(keras_home):
    path = write_to_keras_cache(keras_home)

    with pytest.raises(WeightsDamaged) as excinfo:
        vgg16_network(None)

    message = str(excinfo.value)
    assert str(path) in message
    assert hashlib.md5(b"truncated", usedforsecurity=False).hexdigest() in message
    assert files.VGG16_MD5 in message


def test_a_repaired_file_is_used_at_once(keras_home, published_vgg16):
    path = write_to_keras_cache(keras_home)
    with pytest.raises(WeightsDamaged):
        vgg16_network(None)

    path.write_bytes(published_vgg16.path.read_bytes())

    assert vgg16_network(None).digest == published_vgg16.digest


def test_a_folder_in_place_of_the_file_is_rejected(tmp_path):
    with pytest.raises(WeightsUnavailable):
        vgg16_network(tmp_path)


def test_another_file_with_the_layers_of_vgg16_is_used_if_it_is_configured(tmp_path, random_vgg16):
    half = write_random_vgg16(tmp_path / "half.h5", dtype="<f2", names=("{layer}_W_1:0", "{layer}_b_1:0"))
    network = vgg16_network(half.path)
    assert not network.is_published
    assert network.digest == half.digest != random_vgg16.digest
    kernels = [vgg16.read_layers(one)["block3_conv2"][0] for one in (network, random_vgg16)]
    assert kernels[0].dtype == np.float32
    np.testing.assert_allclose(*kernels, atol=1e-3)


def test_another_file_with_the_layers_of_vgg16_is_not_used_if_it_is_in_the_cache_of_keras(keras_home, random_vgg16):
    write_to_keras_cache(keras_home, random_vgg16.path.read_bytes())
    with pytest.raises(WeightsDamaged, match="its MD5 is"):
        vgg16_network(None)


@pytest.fixture
def own_vgg16(tmp_path, random_vgg16):
    """A copy of the weights of VGG16, which a test may damage."""
    path = tmp_path / "own.h5"
    path.write_bytes(random_vgg16.path.read_bytes())
    return replace(random_vgg16, path=path)


def test_all_layers_are_read_as_float32(random_vgg16):
    layers = vgg16.read_layers(random_vgg16)
    assert len(layers) == 13
    for kernel, bias in layers.values():
        assert kernel.dtype == bias.dtype == np.float32
        assert kernel.shape[-1:] == bias.shape


def test_a_missing_layer_is_named(own_vgg16):
    with h5py.File(own_vgg16.path, "a") as file:
        del file["block3_conv2"]
    with pytest.raises(WeightsDamaged, match=r"own\.h5.*block3_conv2"):
        vgg16_network(own_vgg16.path)


def test_a_layer_of_the_wrong_shape_is_named_with_both_shapes(own_vgg16):
    with h5py.File(own_vgg16.path, "a") as file:
        del file["block1_conv1/block1_conv1/kernel:0"]
        file["block1_conv1/block1_conv1/kernel:0"] = np.zeros((3, 3, 3, 2), "<f4")
    with pytest.raises(WeightsDamaged, match=r"block1_conv1.*\(3, 3, 3, 2\).*\(3, 3, 3, 64\)"):
        vgg16_network(own_vgg16.path)


@pytest.mark.parametrize("content", [b"no HDF5 at all" * 100, b""])
def test_a_configured_file_that_is_not_hdf5_is_rejected(tmp_path, content):
    (tmp_path / "own.h5").write_bytes(content)
    with pytest.raises(WeightsDamaged, match=r"own\.h5"):
        vgg16_network(tmp_path / "own.h5")


def test_a_truncated_file_is_rejected(own_vgg16):
    own_vgg16.path.write_bytes(own_vgg16.path.read_bytes()[:-2000])
    with pytest.raises(WeightsDamaged, match=r"own\.h5"):
        vgg16.read_layers(replace(own_vgg16, digest=files.file_digest(own_vgg16.path, "")))


@pytest.mark.parametrize("damage", ["truncated", "another format", "without a layer"])
def test_a_damaged_file_in_the_format_of_the_bundled_network_is_rejected(tiny_network, damage):
    if damage == "without a layer":
        with h5py.File(tiny_network.path, "a") as file:
            del file["deep"]
    else:
        content = tiny_network.path.read_bytes()
        tiny_network.path.write_bytes(content[:-500] if damage == "truncated" else b"x" * 1000)
    with pytest.raises(WeightsDamaged, match=r"tiny\.h5 does not contain the weights"):
        efficientnet_lite.read_layers(replace(tiny_network, digest=files.file_digest(tiny_network.path, "")))


def test_weights_that_changed_since_they_were_chosen_are_rejected(own_vgg16, tiny_network):
    for network, read in ((own_vgg16, vgg16.read_layers), (tiny_network, efficientnet_lite.read_layers)):
        with h5py.File(network.path, "a") as file:
            file.attrs["changed"] = True
        with pytest.raises(WeightsDamaged, match="has changed"):
            read(network)


def test_deleted_weights_are_unavailable(tiny_network):
    tiny_network.path.unlink()
    with pytest.raises(WeightsUnavailable, match=r"tiny\.h5 cannot be read"):
        efficientnet_lite.read_layers(tiny_network)
