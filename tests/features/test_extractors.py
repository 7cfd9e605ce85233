"""Extractors, and the networks that preferences and feature spaces stand for."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from catalog.exceptions import WeightsDamaged, WeightsUnavailable
from catalog.features import basis as bases
from catalog.features import weights as files
from catalog.features.extractors import Extractor, network_for_space, space_for_network
from catalog.features.feature_space import Space
from catalog.features.networks.opening import open_network
from catalog.features.recipes import EXTRACTOR_CONFIGS
from catalog.features.weights import VGG16_FILE
from tests.features.conftest import draw_blobs, open_extractor, sources

SIZES = (64, 128)


@pytest.fixture(scope="module")
def extractor(bundled_network):
    return open_extractor(bundled_network, input_sizes=SIZES, aspect="kept")


class UniformRuntime:
    """A network with the same feature maps for all pictures."""

    def feature_maps(self, pictures):
        return [np.ones((8, 8, 128), np.float32)] * len(pictures)


class FixedMapsRuntime:
    """A network that returns given feature maps, one list for each input size."""

    def __init__(self, *maps):
        self.given = iter(maps)

    def feature_maps(self, pictures):
        return next(self.given)


def fixed_space(**changes):
    """A space of 128 dimensions with two input sizes."""
    return replace(Space("fixed", "0" * 64, 512, SIZES, "kept", "head", "gem", 128), **changes)


def prepared_pictures(count, sizes=SIZES):
    """Prepared black pictures."""
    return [tuple(np.zeros((size, size, 3), np.uint8) for size in sizes)] * count


def write_to_keras_cache(keras_home, content):
    path = keras_home / "models" / VGG16_FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_auto_chooses_vgg16_if_its_weights_are_found(keras_home, published_vgg16):
    path = write_to_keras_cache(keras_home, published_vgg16.path.read_bytes())
    assert open_network("auto", sources()) == replace(published_vgg16, path=path)
    assert open_network("vgg16", sources()) == replace(published_vgg16, path=path)


def test_auto_chooses_the_bundled_network_without_vgg16_weights(keras_home, bundled_network):
    assert open_network("auto", sources()) == bundled_network


def test_auto_logs_a_damaged_file_that_it_skips(keras_home, bundled_network, caplog):
    path = write_to_keras_cache(keras_home, b"cut off")
    assert open_network("auto", sources()) == bundled_network
    assert str(path) in caplog.text


@pytest.mark.parametrize("preference", ["auto", "vgg16"])
def test_configured_weights_are_never_replaced_by_others(keras_home, tmp_path, preference):
    configured = tmp_path / "configured.h5"
    with pytest.raises(WeightsUnavailable, match=r"configured\.h5"):
        open_network(preference, sources(configured))
    configured.write_bytes(b"something else")
    with pytest.raises(WeightsDamaged, match=r"configured\.h5"):
        open_network(preference, sources(configured))


def test_requested_vgg16_is_not_replaced_by_the_bundled_network(keras_home):
    with pytest.raises(WeightsUnavailable):
        open_network("vgg16", sources())


def test_the_bundled_network_can_be_requested_if_vgg16_is_available(published_vgg16, bundled_network):
    assert open_network("efficientnet-lite2", sources(published_vgg16.path)) == bundled_network


def test_an_unknown_preference_is_rejected():
    with pytest.raises(WeightsUnavailable, match=r"IMAGESEARCH_EXTRACTOR is 'resnet'"):
        open_network("resnet", sources())


def test_an_onnx_network_whose_file_is_not_set_any_more_is_reported(tmp_path):
    with pytest.raises(WeightsUnavailable, match=r"dino\.onnx.*IMAGESEARCH_EXTRACTOR.*/no/models.*--reextract"):
        open_network("onnx:dino", sources())


def test_every_recipe_has_its_own_space(bundled_network, random_vgg16):
    spaces = [space_for_network(bundled_network), space_for_network(random_vgg16)]
    assert [space.extractor for space in spaces] == list(reversed(EXTRACTOR_CONFIGS)) == ["efficientnet-lite2", "vgg16"]
    assert [space.weights_digest for space in spaces] == [bundled_network.digest, random_vgg16.digest]
    assert len({space.key for space in spaces}) == 2


def test_the_network_of_a_space_does_not_depend_on_the_preference(bundled_network, published_vgg16):
    for network in (bundled_network, published_vgg16):
        for preference in ("auto", "vgg16", "efficientnet-lite2"):
            given = sources(published_vgg16.path, preference)
            assert network_for_space(space_for_network(network), given) == network


def test_weights_that_replaced_those_of_a_space_are_rejected(bundled_network):
    space = replace(space_for_network(bundled_network), weights_digest="0" * 64)
    with pytest.raises(WeightsUnavailable) as excinfo:
        network_for_space(space, sources())
    message = str(excinfo.value)
    assert "efficientnet-lite2" in message
    assert "000000000000" in message
    assert bundled_network.digest[:12] in message
    assert "--reextract" in message


def test_missing_weights_of_a_space_are_reported(keras_home, random_vgg16):
    with pytest.raises(WeightsUnavailable, match=files.VGG16_FILE):
        network_for_space(space_for_network(random_vgg16), sources())


def test_the_space_of_the_removed_network_is_reported_with_what_to_do():
    space = Space("vgg16-compact", "ab" * 32, 512, (80, 128, 192), "squashed", "block5_conv3", "rmac", 128)
    with pytest.raises(WeightsUnavailable, match=r"vgg16-compact, a network that is no longer part .*--reextract"):
        network_for_space(space, sources())


@pytest.fixture
def small_basis(bundled_network, tmp_path, monkeypatch):
    """The bundled network has a basis of 16 dimensions."""
    monkeypatch.setattr(bases, "FOLDER", tmp_path)
    recipe = replace(EXTRACTOR_CONFIGS["efficientnet-lite2"], has_basis=True, input_sizes=(128,))
    monkeypatch.setitem(EXTRACTOR_CONFIGS, "efficientnet-lite2", recipe)
    rng = np.random.default_rng(0)
    mean, directions = rng.random(1280).astype(np.float32) / 40, rng.normal(size=(16, 1280)).astype(np.float32)
    bases.write_basis(bases.basis_path("efficientnet-lite2"), mean, directions)
    return mean, directions.astype(np.float16).astype(np.float32)


def test_descriptors_are_projected_on_the_basis_of_the_network(bundled_network, small_basis):
    space = space_for_network(bundled_network)
    prepared = open_extractor(bundled_network).prepare(draw_blobs(1))
    (projected,) = open_extractor(bundled_network).extract([prepared])
    (plain,) = open_extractor(bundled_network, basis="").extract([prepared])
    mean, directions = small_basis
    expected = directions @ (plain - mean)
    assert (space.dimensions, len(space.basis), plain.shape) == (16, 12, (1280,))
    np.testing.assert_allclose(projected, expected / np.linalg.norm(expected), atol=1e-5)


def test_another_basis_than_that_of_the_space_is_rejected(bundled_network, small_basis):
    with pytest.raises(WeightsUnavailable, match=r"basis of efficientnet-lite2 .*--reextract"):
        open_extractor(bundled_network, basis="0" * 12)


def test_a_damaged_basis_is_reported(bundled_network, small_basis):
    bases.basis_path("efficientnet-lite2").write_bytes(b"cut off")
    with pytest.raises(WeightsDamaged, match=r"efficientnet-lite2\.h5 cannot be read.*Reinstall"):
        space_for_network(bundled_network)


def test_a_network_without_a_basis_file_has_all_its_channels(bundled_network, tmp_path, monkeypatch):
    monkeypatch.setattr(bases, "FOLDER", tmp_path)
    space = space_for_network(bundled_network)
    assert (space.basis, space.dimensions) == ("", 1280)


def test_descriptors_have_unit_length(extractor):
    descriptors = extractor.extract([extractor.prepare(draw_blobs(seed)) for seed in range(4)])

    assert descriptors.shape == (4, extractor.space.dimensions)
    assert descriptors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(descriptors, axis=1), 1, rtol=1e-5)


@pytest.mark.slow
def test_a_smaller_copy_is_most_similar_to_its_original(extractor):
    originals = [draw_blobs(seed, 400) for seed in range(12)]
    copies = [picture.resize((150, 150)) for picture in originals]

    descriptors = extractor.extract([extractor.prepare(picture) for picture in originals])
    queries = extractor.extract([extractor.prepare(picture) for picture in copies])

    assert ((queries @ descriptors.T).argmax(axis=1) == np.arange(12)).all()


@pytest.mark.parametrize("colour", ["black", "white", "red", "#7c756800", (124, 117, 104)])
def test_a_picture_of_a_single_colour_has_a_descriptor_of_unit_length(extractor, colour):
    picture = Image.new("RGBA", (50, 90), colour).convert("RGB")

    descriptor = extractor.extract([extractor.prepare(picture)])

    assert np.isfinite(descriptor).all()
    np.testing.assert_allclose(np.linalg.norm(descriptor), 1, rtol=1e-5)


def test_maps_without_activations_give_the_vector_with_equal_components():
    coarse, fine = np.zeros((2, 4, 4, 128), np.float32), np.zeros((2, 8, 8, 128), np.float32)
    fine[1, 3, 3, 5] = 7
    extractor = Extractor(fixed_space(), lambda: FixedMapsRuntime(list(coarse), list(fine)))

    inactive, active = extractor.extract(prepared_pictures(2))

    np.testing.assert_allclose(inactive, 128**-0.5, rtol=1e-5)
    np.testing.assert_allclose(active, np.eye(128)[5], atol=1e-6)


def test_no_pictures_give_no_descriptors(extractor):
    assert extractor.extract([]).shape == (0, extractor.space.dimensions)


def test_a_picture_is_prepared_once_for_each_input_size(extractor):
    prepared = extractor.prepare(Image.new("RGB", (400, 300)))
    assert [one.shape for one in prepared] == [(48, 80, 3), (112, 144, 3)]
    assert {one.dtype for one in prepared} == {np.dtype(np.uint8)}


def test_the_descriptor_of_a_picture_does_not_depend_on_the_shapes_of_the_others(extractor):
    shapes = [(300, 300), (400, 300), (300, 400), (300, 300), (900, 300), (400, 300)]
    prepared = [extractor.prepare(draw_blobs(seed).resize(shape)) for seed, shape in enumerate(shapes)]
    assert len({one[1].shape for one in prepared}) == 4
    together = extractor.extract(prepared)
    for one, row in zip(prepared, together, strict=True):
        np.testing.assert_allclose(extractor.extract([one])[0], row, atol=1e-6)


def test_a_descriptor_is_the_sum_of_the_unit_vectors_of_all_sizes(bundled_network):
    def extract(*sizes):
        extractor = open_extractor(bundled_network, input_sizes=sizes, basis="", dimensions=1280)
        return extractor.extract([extractor.prepare(draw_blobs(seed)) for seed in range(3)])

    summed = extract(80) + extract(128) + extract(192)
    together = extract(80, 128, 192)
    np.testing.assert_allclose(together, summed / np.linalg.norm(summed, axis=1, keepdims=True), atol=1e-6)
    assert (together * extract(128)).sum(axis=1).max() < 0.999


def test_sizes_have_equal_weight_whatever_the_strength_of_their_maps():
    coarse, fine = np.zeros((1, 4, 4, 128), np.float32), np.zeros((1, 8, 8, 128), np.float32)
    coarse[0, 0, 0, 2] = 1000
    fine[0, 0, 0, 7] = 0.001
    extractor = Extractor(fixed_space(), lambda: FixedMapsRuntime(list(coarse), list(fine)))

    (descriptor,) = extractor.extract(prepared_pictures(1))

    np.testing.assert_allclose(descriptor, (np.eye(128)[2] + np.eye(128)[7]) / 2**0.5, atol=1e-6)


def test_a_descriptor_does_not_depend_on_the_batch(extractor):
    prepared = [extractor.prepare(draw_blobs(seed)) for seed in range(6)]

    together = extractor.extract(prepared)

    for one, row in zip(prepared, together, strict=True):
        np.testing.assert_allclose(extractor.extract([one])[0], row, atol=1e-6)


def test_the_network_is_loaded_once_at_the_first_use():
    opened = []
    started = threading.Barrier(4)

    def open_network_slowly():
        opened.append(threading.get_ident())
        time.sleep(0.1)  # long enough for the other threads to get here
        return UniformRuntime()

    def extract():
        started.wait()
        extractor.extract(prepared_pictures(1))

    extractor = Extractor(fixed_space(), open_network_slowly)
    assert opened == []
    threads = [threading.Thread(target=extract) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(opened) == 1


def test_a_network_that_could_not_be_loaded_is_loaded_again():
    outcomes = iter([WeightsUnavailable("not yet"), UniformRuntime()])

    def open_network_slowly():
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    extractor = Extractor(fixed_space(), open_network_slowly)

    with pytest.raises(WeightsUnavailable):
        extractor.extract(prepared_pictures(1))
    assert extractor.extract(prepared_pictures(1)).shape == (1, 128)
