"""The runtime with OpenVINO."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier

import numpy as np
import pytest

from catalog.exceptions import WeightsUnavailable
from catalog.features.openvino_import import import_openvino
from catalog.features.runtimes import open_runtime
from catalog.features.runtimes.openvino_runtime import float_precision
from tests.features.conftest import network_batch


def open_bundled(network, **options):
    return open_runtime("openvino", network, **{"layer": "head", "precision": "float32", "threads": 2} | options)


@pytest.fixture(scope="module", params=[False, True], ids=["one picture at a time", "parallel pictures"])
def runtime(request, bundled_network):
    return open_bundled(bundled_network, parallel_pictures=request.param)


def mixed_batch():
    """Pictures of three shapes."""
    shapes = [(64, 64), (96, 64), (64, 96)]
    return [network_batch(3, *shapes[number % 3])[number % 2] for number in range(8)]


def test_each_picture_has_feature_maps(runtime):
    for maps in runtime.feature_maps(network_batch(3, 128, 64)):
        assert (maps.shape, maps.dtype) == ((4, 2, 1280), np.float32)
        assert np.isfinite(maps).all()
        assert maps.min() == 0
        assert maps.max() > 0


def test_no_pictures_give_no_maps(runtime):
    assert runtime.feature_maps([]) == []


def test_maps_do_not_depend_on_the_batch_and_its_shapes(runtime):
    pictures = mixed_batch()
    for picture, together in zip(pictures, runtime.feature_maps(pictures), strict=True):
        np.testing.assert_allclose(runtime.feature_maps([picture])[0], together, atol=1e-4)


def test_concurrent_threads_get_the_maps_of_their_pictures(runtime):
    pictures = mixed_batch()
    expected = runtime.feature_maps(pictures)
    started = Barrier(6)

    def compute(_number):
        started.wait()
        return [runtime.feature_maps([picture])[0] for picture in pictures]

    with ThreadPoolExecutor(6) as threads:
        for found in threads.map(compute, range(6)):
            for ours, alone in zip(found, expected, strict=True):
                np.testing.assert_allclose(ours, alone, atol=1e-4)


def test_maps_are_not_changed_by_later_passes_that_reuse_memory(runtime):
    first = runtime.feature_maps(network_batch(2, 128))
    before = [maps.copy() for maps in first]
    runtime.feature_maps([255 - picture for picture in network_batch(5, 128)])
    np.testing.assert_array_equal(first, before)


def test_a_picture_that_is_not_contiguous_in_memory_is_accepted(runtime):
    picture = network_batch(1, 64, 96)[0]
    flipped = picture[:, ::-1]
    np.testing.assert_array_equal(
        runtime.feature_maps([flipped])[0], runtime.feature_maps([np.ascontiguousarray(flipped)])[0]
    )


def test_vgg16_computes_in_int8(random_vgg16):
    runtime = open_runtime("openvino", random_vgg16, layer="block2_conv2", precision="int8", threads=1)
    types = {node.get_rt_info()["runtimePrecision"] for node in runtime._compiled.get_runtime_model().get_ordered_ops()}
    convolutions = [
        node.get_rt_info()["runtimePrecision"]
        for node in runtime._compiled.get_runtime_model().get_ordered_ops()
        if node.get_rt_info()["layerType"] == "Convolution"
    ]
    assert len(convolutions) == 4
    assert set(convolutions) <= {"u8", "i8"}, types


@pytest.mark.parametrize(
    ("network", "capabilities", "precision"),
    [
        ("vgg16", ["FP32", "INT8", "BF16"], "bf16"),
        ("vgg16", ["FP32", "INT8"], "f32"),
        ("efficientnet-lite2", ["FP32", "INT8", "BF16"], "f32"),
        ("onnx:dino", ["FP32", "INT8", "BF16"], "f32"),
    ],
)
def test_bfloat16_is_used_only_where_it_was_shown_to_give_the_same_descriptors(network, capabilities, precision):
    assert float_precision(network, capabilities) == precision


@dataclass(frozen=True)
class VectorNetwork:
    """A network that returns one vector: the mean of each colour."""

    name: str = "vectors"

    def channels(self, layer):
        return 3

    def build_model(self, layer, precision):
        openvino, ops = import_openvino()
        pictures = ops.parameter([-1, -1, -1, 3], np.uint8, name="pictures")
        axes = ops.constant(np.array([1, 2], np.int64))
        mean = ops.reduce_mean(ops.convert(pictures, "f32"), axes)
        return openvino.Model([mean.output(0)], [pictures])


def test_a_network_that_returns_vectors_has_maps_of_one_location():
    runtime = open_runtime("openvino", VectorNetwork(), layer="", precision="float32", threads=1)
    (maps,) = runtime.feature_maps([np.full((5, 7, 3), (1, 2, 3), np.uint8)])
    np.testing.assert_allclose(maps, [[[1, 2, 3]]])


def test_a_network_that_keras_does_not_know_is_rejected():
    with pytest.raises(WeightsUnavailable, match="vectors cannot run on IMAGESEARCH_RUNTIME=keras"):
        open_runtime("keras", VectorNetwork(), layer="", precision="float32", threads=1)


@pytest.mark.parametrize("layer", ["block6_conv1", "predictions"])
def test_an_unknown_layer_is_rejected_when_the_network_is_opened(bundled_network, layer):
    with pytest.raises(ValueError, match=layer):
        open_bundled(bundled_network, layer=layer)


def test_an_unknown_runtime_is_rejected_with_the_available_ones(bundled_network):
    with pytest.raises(ValueError, match=r"ncnn.*auto, openvino, keras"):
        open_runtime("ncnn", bundled_network, layer="head", precision="float32", threads=1)
