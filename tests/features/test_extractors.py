import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from catalog.exceptions import WeightsDamaged, WeightsUnavailable
from catalog.features import weights as files
from catalog.features.extractors import RECIPES, Extractor, choose, space_of, weights_of
from catalog.features.weights import VGG16_FILE
from tests.features.conftest import blobs


@pytest.fixture
def extractor(compact, models_dir):
    return Extractor.of(compact, space_of(compact), runtime="ncnn", cache=models_dir, threads=1)


class Alike:
    """A network that answers the same to whatever it is shown, as often as it is asked."""

    def maps(self, batch):
        return np.ones((len(batch), 8, 8, 128), np.float32)


class Fixed:
    """A network that gives, for each size of picture, the maps it was made with."""

    def __init__(self, *maps):
        self.given = iter(maps)

    def maps(self, batch):
        return next(self.given)


def pictures(count, sizes=(80, 128, 192)):
    """Black pictures, prepared."""
    return [tuple(np.zeros((size, size, 3), np.uint8) for size in sizes)] * count


def test_auto_takes_vgg16_where_its_weights_are(keras_home, published):
    path = keras_home / "models" / VGG16_FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(published.path.read_bytes())

    assert choose("auto", None).path == path
    assert choose("vgg16", None).path == path


def test_auto_takes_the_bundled_network_where_there_are_none(keras_home, compact):
    assert choose("auto", None) == compact


def test_auto_says_so_in_the_log_when_it_passes_over_a_damaged_file(keras_home, compact, caplog):
    path = keras_home / "models" / VGG16_FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(b"cut off")

    assert choose("auto", None) == compact
    assert str(path) in caplog.text


@pytest.mark.parametrize("preference", ["auto", "vgg16"])
def test_named_weights_are_never_replaced_by_others(keras_home, tmp_path, preference):
    named = tmp_path / "named.h5"
    with pytest.raises(WeightsUnavailable, match=r"named\.h5"):
        choose(preference, named)

    named.write_bytes(b"something else")
    with pytest.raises(WeightsDamaged, match=r"named\.h5"):
        choose(preference, named)


def test_vgg16_is_not_replaced_by_the_bundled_network(keras_home):
    with pytest.raises(WeightsUnavailable):
        choose("vgg16", None)


def test_the_compact_network_can_be_asked_for_where_vgg16_is(published, compact):
    assert choose("vgg16-compact", published.path) == compact


def test_an_unknown_preference_is_refused_with_its_name():
    with pytest.raises(WeightsUnavailable, match=r"'resnet'.*IMAGESEARCH_EXTRACTOR"):
        choose("resnet", None)


def test_every_recipe_gives_a_space_of_its_own(compact, random_vgg16):
    spaces = [space_of(compact), space_of(random_vgg16)]

    assert [space.extractor for space in spaces] == ["vgg16-compact", "vgg16"]
    assert set(RECIPES) == {space.extractor for space in spaces}
    assert [space.dimensions for space in spaces] == [128, 512]
    assert [space.weights_digest for space in spaces] == [compact.digest, random_vgg16.digest]


def test_the_weights_of_a_space_are_found_whatever_is_preferred_now(compact, published):
    assert weights_of(space_of(compact), published.path) == compact
    assert weights_of(space_of(published), published.path) == published


def test_other_weights_in_the_place_of_a_spaces_own_are_refused(compact):
    space = replace(space_of(compact), weights_digest="0" * 64)

    with pytest.raises(WeightsUnavailable) as raised:
        weights_of(space, None)

    said = str(raised.value)
    assert "vgg16-compact" in said
    assert "000000000000" in said
    assert compact.digest[:12] in said
    assert "--reextract" in said


def test_the_weights_of_a_space_that_are_gone_are_unavailable(keras_home, random_vgg16):
    with pytest.raises(WeightsUnavailable, match=files.VGG16_FILE):
        weights_of(space_of(random_vgg16), None)


def test_descriptors_have_unit_length(extractor):
    descriptors = extractor.describe([extractor.prepare(blobs(seed)) for seed in range(4)])

    assert descriptors.shape == (4, 128)
    assert descriptors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(descriptors, axis=1), 1, rtol=1e-5)


def test_a_smaller_copy_is_nearer_to_its_original_than_any_other_picture(extractor):
    originals = [blobs(seed, 400) for seed in range(12)]
    copies = [picture.resize((150, 150)) for picture in originals]

    kept = extractor.describe([extractor.prepare(picture) for picture in originals])
    asked = extractor.describe([extractor.prepare(picture) for picture in copies])

    assert ((asked @ kept.T).argmax(axis=1) == np.arange(12)).all()


@pytest.mark.parametrize("colour", ["black", "white", "red", "#7c756800", (124, 117, 104)])
def test_a_picture_of_one_colour_has_a_descriptor_of_unit_length(extractor, colour):
    picture = Image.new("RGBA", (50, 90), colour).convert("RGB")

    descriptor = extractor.describe([extractor.prepare(picture)])

    assert np.isfinite(descriptor).all()
    np.testing.assert_allclose(np.linalg.norm(descriptor), 1, rtol=1e-5)


def test_maps_without_any_answer_give_the_vector_that_is_equal_in_all_dimensions(compact):
    coarse, fine = np.zeros((2, 4, 4, 128), np.float32), np.zeros((2, 8, 8, 128), np.float32)
    fine[1, 3, 3, 5] = 7
    extractor = Extractor(replace(space_of(compact), input_sizes=(64, 128)), lambda: Fixed(coarse, fine))

    silent, loud = extractor.describe(pictures(2, (64, 128)))

    np.testing.assert_allclose(silent, 128**-0.5, rtol=1e-5)
    np.testing.assert_allclose(loud, np.eye(128)[5], atol=1e-6)


def test_no_pictures_give_no_descriptors(extractor):
    assert extractor.describe([]).shape == (0, 128)
    assert [maps.shape for maps in extractor.maps([])] == [(0, 5, 5, 128), (0, 8, 8, 128), (0, 12, 12, 128)]


def test_a_picture_is_prepared_once_for_each_input_size(extractor):
    prepared = extractor.prepare(blobs(1))

    assert [one.shape for one in prepared] == [(80, 80, 3), (128, 128, 3), (192, 192, 3)]
    assert {one.dtype for one in prepared} == {np.dtype(np.uint8)}


def test_pictures_prepared_for_other_sizes_are_refused(extractor):
    with pytest.raises(ValueError, match="reshape"):
        extractor.describe(pictures(1, (160, 256, 384)))


def test_a_descriptor_is_the_sum_of_the_unit_vectors_of_each_size(compact, models_dir):
    def described(*sizes):
        space = replace(space_of(compact), input_sizes=sizes)
        one = Extractor.of(compact, space, runtime="ncnn", cache=models_dir, threads=1)
        return one.describe([one.prepare(blobs(seed)) for seed in range(5)])

    summed = described(80) + described(128) + described(192)

    together = described(80, 128, 192)
    np.testing.assert_allclose(together, summed / np.linalg.norm(summed, axis=1, keepdims=True), atol=1e-6)
    assert (together * described(128)).sum(axis=1).max() < 0.999


def test_no_size_counts_for_more_because_its_maps_are_stronger(compact):
    coarse, fine = np.zeros((1, 4, 4, 128), np.float32), np.zeros((1, 8, 8, 128), np.float32)
    coarse[0, 0, 0, 2] = 1000
    fine[0, 0, 0, 7] = 0.001
    extractor = Extractor(replace(space_of(compact), input_sizes=(64, 128)), lambda: Fixed(coarse, fine))

    (descriptor,) = extractor.describe(pictures(1, (64, 128)))

    np.testing.assert_allclose(descriptor, (np.eye(128)[2] + np.eye(128)[7]) / 2**0.5, atol=1e-6)


def test_a_picture_gets_the_same_descriptor_in_any_company(extractor):
    prepared = [extractor.prepare(blobs(seed)) for seed in range(6)]

    together = extractor.describe(prepared)

    for one, row in zip(prepared, together, strict=True):
        np.testing.assert_allclose(extractor.describe([one])[0], row, atol=1e-6)


def test_the_network_is_loaded_once_when_it_is_first_needed(compact):
    opened = []
    started = threading.Barrier(4)

    def open_network():
        opened.append(threading.get_ident())
        time.sleep(0.1)  # long enough for the others to come to the same point
        return Alike()

    def describe():
        started.wait()
        extractor.describe(pictures(1))

    extractor = Extractor(space_of(compact), open_network)
    assert opened == []
    threads = [threading.Thread(target=describe) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(opened) == 1


def test_a_network_that_could_not_be_loaded_is_tried_again(compact):
    answers = iter([WeightsUnavailable("not yet"), Alike()])

    def open_network():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    extractor = Extractor(space_of(compact), open_network)

    with pytest.raises(WeightsUnavailable):
        extractor.describe(pictures(1))
    assert extractor.describe(pictures(1)).shape == (1, 128)
