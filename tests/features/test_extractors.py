import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from catalog.exceptions import WeightsDamaged, WeightsUnavailable
from catalog.features import weights as files
from catalog.features.extractors import (
    EXTRACTOR_CONFIGS,
    Extractor,
    choose_weights,
    space_for_weights,
    weights_for_space,
)
from catalog.features.weights import VGG16_FILE
from tests.features.conftest import draw_blobs


@pytest.fixture
def extractor(compact_weights, models_dir):
    return Extractor.from_weights(
        compact_weights, space_for_weights(compact_weights), runtime="ncnn", cache_dir=models_dir, threads=1
    )


class UniformRuntime:
    """A network with the same feature maps for all pictures."""

    def feature_maps(self, batch):
        return np.ones((len(batch), 8, 8, 128), np.float32)


class FixedMapsRuntime:
    """A network that returns given feature maps, one array for each input size."""

    def __init__(self, *maps):
        self.given = iter(maps)

    def feature_maps(self, batch):
        return next(self.given)


def prepared_pictures(count, sizes=(80, 128, 192)):
    """Prepared black pictures."""
    return [tuple(np.zeros((size, size, 3), np.uint8) for size in sizes)] * count


def test_auto_chooses_vgg16_if_its_weights_are_found(keras_home, published_weights):
    path = keras_home / "models" / VGG16_FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(published_weights.path.read_bytes())

    assert choose_weights("auto", None).path == path
    assert choose_weights("vgg16", None).path == path


def test_auto_chooses_the_bundled_network_without_vgg16_weights(keras_home, compact_weights):
    assert choose_weights("auto", None) == compact_weights


def test_auto_logs_a_damaged_file_that_it_skips(keras_home, compact_weights, caplog):
    path = keras_home / "models" / VGG16_FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(b"cut off")

    assert choose_weights("auto", None) == compact_weights
    assert str(path) in caplog.text


@pytest.mark.parametrize("preference", ["auto", "vgg16"])
def test_configured_weights_are_never_replaced_by_others(keras_home, tmp_path, preference):
    configured = tmp_path / "configured.h5"
    with pytest.raises(WeightsUnavailable, match=r"configured\.h5"):
        choose_weights(preference, configured)

    configured.write_bytes(b"something else")
    with pytest.raises(WeightsDamaged, match=r"configured\.h5"):
        choose_weights(preference, configured)


def test_requested_vgg16_is_not_replaced_by_the_bundled_network(keras_home):
    with pytest.raises(WeightsUnavailable):
        choose_weights("vgg16", None)


def test_the_compact_network_can_be_requested_if_vgg16_is_available(published_weights, compact_weights):
    assert choose_weights("vgg16-compact", published_weights.path) == compact_weights


def test_an_unknown_preference_is_rejected():
    with pytest.raises(WeightsUnavailable, match=r"IMAGESEARCH_EXTRACTOR is 'resnet'"):
        choose_weights("resnet", None)


def test_every_config_has_its_own_space(compact_weights, random_vgg16_weights):
    spaces = [space_for_weights(compact_weights), space_for_weights(random_vgg16_weights)]

    assert [space.extractor for space in spaces] == ["vgg16-compact", "vgg16"]
    assert set(EXTRACTOR_CONFIGS) == {space.extractor for space in spaces}
    assert [space.dimensions for space in spaces] == [128, 512]
    assert [space.weights_digest for space in spaces] == [compact_weights.digest, random_vgg16_weights.digest]


def test_the_weights_of_a_space_do_not_depend_on_the_preference(compact_weights, published_weights):
    assert weights_for_space(space_for_weights(compact_weights), published_weights.path) == compact_weights
    assert weights_for_space(space_for_weights(published_weights), published_weights.path) == published_weights


def test_weights_that_replaced_those_of_a_space_are_rejected(compact_weights):
    space = replace(space_for_weights(compact_weights), weights_digest="0" * 64)

    with pytest.raises(WeightsUnavailable) as excinfo:
        weights_for_space(space, None)

    message = str(excinfo.value)
    assert "vgg16-compact" in message
    assert "000000000000" in message
    assert compact_weights.digest[:12] in message
    assert "--reextract" in message


def test_missing_weights_of_a_space_are_reported(keras_home, random_vgg16_weights):
    with pytest.raises(WeightsUnavailable, match=files.VGG16_FILE):
        weights_for_space(space_for_weights(random_vgg16_weights), None)


def test_descriptors_have_unit_length(extractor):
    descriptors = extractor.extract([extractor.prepare(draw_blobs(seed)) for seed in range(4)])

    assert descriptors.shape == (4, 128)
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


def test_maps_without_activations_give_the_vector_with_equal_components(compact_weights):
    coarse, fine = np.zeros((2, 4, 4, 128), np.float32), np.zeros((2, 8, 8, 128), np.float32)
    fine[1, 3, 3, 5] = 7
    extractor = Extractor(
        replace(space_for_weights(compact_weights), input_sizes=(64, 128)), lambda: FixedMapsRuntime(coarse, fine)
    )

    inactive, active = extractor.extract(prepared_pictures(2, (64, 128)))

    np.testing.assert_allclose(inactive, 128**-0.5, rtol=1e-5)
    np.testing.assert_allclose(active, np.eye(128)[5], atol=1e-6)


def test_no_pictures_give_no_descriptors(extractor):
    assert extractor.extract([]).shape == (0, 128)
    assert [maps.shape for maps in extractor.feature_maps([])] == [(0, 5, 5, 128), (0, 8, 8, 128), (0, 12, 12, 128)]


def test_a_picture_is_prepared_once_for_each_input_size(extractor):
    prepared = extractor.prepare(draw_blobs(1))

    assert [one.shape for one in prepared] == [(80, 80, 3), (128, 128, 3), (192, 192, 3)]
    assert {one.dtype for one in prepared} == {np.dtype(np.uint8)}


def test_pictures_prepared_for_other_sizes_are_rejected(extractor):
    with pytest.raises(ValueError, match="reshape"):
        extractor.extract(prepared_pictures(1, (160, 256, 384)))


def test_a_descriptor_is_the_sum_of_the_unit_vectors_of_all_sizes(compact_weights, models_dir):
    def extract(*sizes):
        space = replace(space_for_weights(compact_weights), input_sizes=sizes)
        extractor = Extractor.from_weights(compact_weights, space, runtime="ncnn", cache_dir=models_dir, threads=1)
        return extractor.extract([extractor.prepare(draw_blobs(seed)) for seed in range(5)])

    summed = extract(80) + extract(128) + extract(192)

    together = extract(80, 128, 192)
    np.testing.assert_allclose(together, summed / np.linalg.norm(summed, axis=1, keepdims=True), atol=1e-6)
    assert (together * extract(128)).sum(axis=1).max() < 0.999


def test_sizes_have_equal_weight_whatever_the_strength_of_their_maps(compact_weights):
    coarse, fine = np.zeros((1, 4, 4, 128), np.float32), np.zeros((1, 8, 8, 128), np.float32)
    coarse[0, 0, 0, 2] = 1000
    fine[0, 0, 0, 7] = 0.001
    extractor = Extractor(
        replace(space_for_weights(compact_weights), input_sizes=(64, 128)), lambda: FixedMapsRuntime(coarse, fine)
    )

    (descriptor,) = extractor.extract(prepared_pictures(1, (64, 128)))

    np.testing.assert_allclose(descriptor, (np.eye(128)[2] + np.eye(128)[7]) / 2**0.5, atol=1e-6)


def test_a_descriptor_does_not_depend_on_the_batch(extractor):
    prepared = [extractor.prepare(draw_blobs(seed)) for seed in range(6)]

    together = extractor.extract(prepared)

    for one, row in zip(prepared, together, strict=True):
        np.testing.assert_allclose(extractor.extract([one])[0], row, atol=1e-6)


def test_the_network_is_loaded_once_at_the_first_use(compact_weights):
    opened = []
    started = threading.Barrier(4)

    def open_network():
        opened.append(threading.get_ident())
        time.sleep(0.1)  # long enough for the other threads to get here
        return UniformRuntime()

    def extract():
        started.wait()
        extractor.extract(prepared_pictures(1))

    extractor = Extractor(space_for_weights(compact_weights), open_network)
    assert opened == []
    threads = [threading.Thread(target=extract) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(opened) == 1


def test_a_network_that_could_not_be_loaded_is_loaded_again(compact_weights):
    outcomes = iter([WeightsUnavailable("not yet"), UniformRuntime()])

    def open_network():
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    extractor = Extractor(space_for_weights(compact_weights), open_network)

    with pytest.raises(WeightsUnavailable):
        extractor.extract(prepared_pictures(1))
    assert extractor.extract(prepared_pictures(1)).shape == (1, 128)
