import hashlib
from dataclasses import replace

import h5py
import numpy as np
import pytest

from catalog.exceptions import WeightsDamaged, WeightsUnavailable
from catalog.features import weights as files
from catalog.features.weights import COMPACT_FILE, VGG16_FILE, read
from tests.features.conftest import TINY
from tests.features.networks import write_random


def put_into_cache(keras_home, content=b"cut off"):
    path = keras_home / "models" / VGG16_FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_the_bundled_network_is_the_one_its_model_card_describes(compact):
    card = COMPACT_FILE.with_name("MODEL_CARD.md").read_text()

    assert compact.digest == hashlib.sha256(COMPACT_FILE.read_bytes()).hexdigest()
    assert compact.digest in card


def test_a_missing_bundled_network_says_that_the_installation_is_not_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "COMPACT_FILE", tmp_path / "gone.h5")

    with pytest.raises(WeightsUnavailable, match="Install the program again"):
        files.compact()


def test_named_weights_come_before_those_of_keras(keras_home, published):
    put_into_cache(keras_home)

    assert files.vgg16(published.path) == published


def test_named_weights_that_are_missing_are_an_error_even_if_keras_has_some(keras_home, published, tmp_path):
    put_into_cache(keras_home, published.path.read_bytes())

    with pytest.raises(WeightsUnavailable, match=r"nowhere\.h5.*IMAGESEARCH_VGG16_WEIGHTS"):
        files.vgg16(tmp_path / "nowhere.h5")


def test_weights_in_the_cache_of_keras_are_found(keras_home, published):
    path = put_into_cache(keras_home, published.path.read_bytes())

    assert files.vgg16(None) == replace(published, path=path)


def test_keras_home_is_read_when_it_is_asked_for(monkeypatch, tmp_path):
    for home in ("one", "two"):
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / home))
        assert files.keras_cache() == tmp_path / home / "models"


def test_without_keras_home_the_cache_is_in_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert files.keras_cache() == tmp_path / ".keras" / "models"


def test_missing_weights_say_where_they_were_looked_for_and_what_to_do(keras_home):
    with pytest.raises(WeightsUnavailable) as raised:
        files.vgg16(None)

    said = str(raised.value)
    assert str(keras_home / "models") in said
    assert "fetch_weights" in said
    assert "IMAGESEARCH_VGG16_WEIGHTS" in said
    assert "vgg16-compact" in said


def test_a_file_of_another_digest_is_refused_with_both_digests(keras_home):
    path = put_into_cache(keras_home)

    with pytest.raises(WeightsDamaged) as raised:
        files.vgg16(None)

    said = str(raised.value)
    assert str(path) in said
    assert hashlib.md5(b"cut off", usedforsecurity=False).hexdigest() in said
    assert files.VGG16_MD5 in said


def test_a_file_that_is_mended_is_taken_at_once(keras_home, published):
    path = put_into_cache(keras_home)
    with pytest.raises(WeightsDamaged):
        files.vgg16(None)

    path.write_bytes(published.path.read_bytes())

    assert files.vgg16(None).digest == published.digest


def test_a_folder_in_place_of_the_file_is_refused(tmp_path):
    with pytest.raises(WeightsUnavailable):
        files.vgg16(tmp_path)


def test_all_layers_are_read_as_float32(compact):
    layers = read(compact)

    assert len(layers) == 13
    for kernel, bias in layers.values():
        assert kernel.dtype == bias.dtype == np.float32
        assert kernel.shape[-1:] == bias.shape


def test_the_names_of_2016_are_read_like_those_of_today(tmp_path):
    # The file that Keras publishes calls its arrays block1_conv1_W_1:0 and block1_conv1_b_1:0.
    old = read(write_random(tmp_path / "old.h5", TINY, names=("{layer}_W_1:0", "{layer}_b_1:0")))
    new = read(write_random(tmp_path / "new.h5", TINY, names=("{layer}/kernel:0", "{layer}/bias:0")))

    for name, (kernel, bias) in new.items():
        np.testing.assert_array_equal(old[name][0], kernel)
        np.testing.assert_array_equal(old[name][1], bias)


def test_a_missing_layer_is_named(tiny):
    with h5py.File(tiny.path, "a") as file:
        del file["block3_conv2"]

    with pytest.raises(WeightsDamaged, match=r"tiny\.h5.*block3_conv2"):
        read(with_own_digest(tiny))


def test_a_misshapen_layer_is_named_with_both_shapes(tiny):
    with pytest.raises(WeightsDamaged, match=r"block1_conv1.*\(3, 3, 3, 2\).*\(3, 3, 3, 5\)"):
        read(replace(tiny, architecture=replace(TINY, channels=(5, 2, 3, 3, 4))))


def test_a_file_that_is_no_hdf5_is_refused(tiny):
    tiny.path.write_bytes(b"no HDF5 at all" * 100)

    with pytest.raises(WeightsDamaged, match=r"tiny\.h5"):
        read(with_own_digest(tiny))


def test_a_cut_off_file_is_refused(tiny):
    tiny.path.write_bytes(tiny.path.read_bytes()[:-2000])

    with pytest.raises(WeightsDamaged, match=r"tiny\.h5"):
        read(with_own_digest(tiny))


def test_weights_that_changed_since_they_were_chosen_are_not_read_under_the_old_name(tiny):
    with h5py.File(tiny.path, "a") as file:
        file.attrs["changed"] = True

    with pytest.raises(WeightsDamaged, match="has changed"):
        read(tiny)


def test_weights_that_are_gone_are_unavailable(tiny):
    tiny.path.unlink()

    with pytest.raises(WeightsUnavailable, match=r"tiny\.h5 cannot be read"):
        read(tiny)


def with_own_digest(weights):
    return replace(weights, digest=files.digest(weights.path, ""))
