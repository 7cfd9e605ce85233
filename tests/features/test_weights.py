import hashlib
from dataclasses import replace

import h5py
import numpy as np
import pytest

from catalog.exceptions import WeightsDamaged, WeightsUnavailable
from catalog.features import weights as files
from catalog.features.weights import COMPACT_FILE, VGG16_FILE, read_layers
from tests.features.conftest import TINY_ARCHITECTURE
from tests.features.random_weights import write_random


def write_to_keras_cache(keras_home, content=b"truncated"):
    path = keras_home / "models" / VGG16_FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_the_bundled_network_matches_its_model_card(compact_weights):
    card = COMPACT_FILE.with_name("MODEL_CARD.md").read_text()

    assert compact_weights.digest == hashlib.sha256(COMPACT_FILE.read_bytes()).hexdigest()
    assert compact_weights.digest in card


def test_a_missing_bundled_network_is_reported_as_an_incomplete_installation(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "COMPACT_FILE", tmp_path / "gone.h5")

    with pytest.raises(WeightsUnavailable, match="Reinstall the program"):
        files.compact_weights()


def test_configured_weights_take_precedence_over_the_cache_of_keras(keras_home, published_weights):
    write_to_keras_cache(keras_home)

    assert files.vgg16_weights(published_weights.path) == published_weights


def test_missing_configured_weights_are_an_error_even_if_keras_has_some(keras_home, published_weights, tmp_path):
    write_to_keras_cache(keras_home, published_weights.path.read_bytes())

    with pytest.raises(WeightsUnavailable, match=r"nowhere\.h5.*IMAGESEARCH_VGG16_WEIGHTS"):
        files.vgg16_weights(tmp_path / "nowhere.h5")


def test_weights_in_the_cache_of_keras_are_found(keras_home, published_weights):
    path = write_to_keras_cache(keras_home, published_weights.path.read_bytes())

    assert files.vgg16_weights(None) == replace(published_weights, path=path)


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
        files.vgg16_weights(None)

    message = str(excinfo.value)
    assert str(keras_home / "models") in message
    assert "fetch_weights" in message
    assert "IMAGESEARCH_VGG16_WEIGHTS" in message
    assert "vgg16-compact" in message


def test_a_file_with_another_digest_is_rejected_with_both_digests(keras_home):
    path = write_to_keras_cache(keras_home)

    with pytest.raises(WeightsDamaged) as excinfo:
        files.vgg16_weights(None)

    message = str(excinfo.value)
    assert str(path) in message
    assert hashlib.md5(b"truncated", usedforsecurity=False).hexdigest() in message
    assert files.VGG16_MD5 in message


def test_a_repaired_file_is_used_at_once(keras_home, published_weights):
    path = write_to_keras_cache(keras_home)
    with pytest.raises(WeightsDamaged):
        files.vgg16_weights(None)

    path.write_bytes(published_weights.path.read_bytes())

    assert files.vgg16_weights(None).digest == published_weights.digest


def test_a_folder_in_place_of_the_file_is_rejected(tmp_path):
    with pytest.raises(WeightsUnavailable):
        files.vgg16_weights(tmp_path)


def test_all_layers_are_read_as_float32(compact_weights):
    layers = read_layers(compact_weights)

    assert len(layers) == 13
    for kernel, bias in layers.values():
        assert kernel.dtype == bias.dtype == np.float32
        assert kernel.shape[-1:] == bias.shape


def test_old_and_new_array_names_are_read(tmp_path):
    # In the file that Keras published in 2016, the arrays are named block1_conv1_W_1:0 and block1_conv1_b_1:0.
    old = read_layers(write_random(tmp_path / "old.h5", TINY_ARCHITECTURE, names=("{layer}_W_1:0", "{layer}_b_1:0")))
    new = read_layers(
        write_random(tmp_path / "new.h5", TINY_ARCHITECTURE, names=("{layer}/kernel:0", "{layer}/bias:0"))
    )

    for name, (kernel, bias) in new.items():
        np.testing.assert_array_equal(old[name][0], kernel)
        np.testing.assert_array_equal(old[name][1], bias)


def test_a_missing_layer_is_named(tiny_weights):
    with h5py.File(tiny_weights.path, "a") as file:
        del file["block3_conv2"]

    with pytest.raises(WeightsDamaged, match=r"tiny\.h5.*block3_conv2"):
        read_layers(with_actual_digest(tiny_weights))


def test_a_layer_of_the_wrong_shape_is_named_with_both_shapes(tiny_weights):
    with pytest.raises(WeightsDamaged, match=r"block1_conv1.*\(3, 3, 3, 2\).*\(3, 3, 3, 5\)"):
        read_layers(replace(tiny_weights, architecture=replace(TINY_ARCHITECTURE, channels=(5, 2, 3, 3, 4))))


def test_a_file_that_is_not_hdf5_is_rejected(tiny_weights):
    tiny_weights.path.write_bytes(b"no HDF5 at all" * 100)

    with pytest.raises(WeightsDamaged, match=r"tiny\.h5"):
        read_layers(with_actual_digest(tiny_weights))


def test_a_truncated_file_is_rejected(tiny_weights):
    tiny_weights.path.write_bytes(tiny_weights.path.read_bytes()[:-2000])

    with pytest.raises(WeightsDamaged, match=r"tiny\.h5"):
        read_layers(with_actual_digest(tiny_weights))


def test_weights_that_changed_since_they_were_chosen_are_rejected(tiny_weights):
    with h5py.File(tiny_weights.path, "a") as file:
        file.attrs["changed"] = True

    with pytest.raises(WeightsDamaged, match="has changed"):
        read_layers(tiny_weights)


def test_deleted_weights_are_unavailable(tiny_weights):
    tiny_weights.path.unlink()

    with pytest.raises(WeightsUnavailable, match=r"tiny\.h5 cannot be read"):
        read_layers(tiny_weights)


def with_actual_digest(weights):
    return replace(weights, digest=files.file_digest(weights.path, ""))
