"""The architectures of VGG16 and EfficientNet-Lite2."""

from dataclasses import replace

import pytest

from catalog.features.networks import vgg16
from catalog.features.networks.efficientnet_lite import read_architecture
from catalog.features.runtimes import keras_models
from tests.features.conftest import network_batch, open_extractor


@pytest.mark.parametrize(
    ("layer", "shape"),
    [("block1_conv1", (64, 96, 64)), ("block5_conv3", (4, 6, 512)), ("block5_pool", (2, 3, 512))],
)
def test_the_shape_of_the_feature_maps_of_vgg16(random_vgg16, layer, shape):
    extractor = open_extractor(random_vgg16, layer=layer, precision="float32")
    ((maps,),) = extractor.feature_maps([tuple(network_batch(1, 64, 96))])
    assert maps.shape == shape
    assert random_vgg16.channels(layer) == shape[2]


def test_vgg16_has_thirteen_convolutions():
    assert [layer.out_channels for layer in vgg16.convolutions()] == [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6


def test_the_bundled_network_halves_the_size_five_times(bundled_network):
    layers = read_architecture(bundled_network)
    assert layers[-1].name == bundled_network.recipe.layer
    assert [layer.stride for layer in layers].count(2) == 5
    ((maps,),) = open_extractor(bundled_network).feature_maps([tuple(network_batch(1, 64, 96))])
    assert maps.shape == (2, 3, 1280)


@pytest.mark.parametrize("layer", ["block6_conv1", "predictions", ""])
def test_an_unknown_layer_is_rejected_with_its_name(random_vgg16, bundled_network, layer):
    for network in (random_vgg16, bundled_network):
        with pytest.raises(ValueError, match=f"no layer '{layer}'"):
            network.channels(layer)
        with pytest.raises(ValueError, match=f"no layer '{layer}'"):
            network.build_model(layer, "float32")


def test_an_unknown_precision_is_rejected(random_vgg16, bundled_network):
    with pytest.raises(ValueError, match="no precision 'int4'"):
        random_vgg16.build_model("block5_conv3", "int4")
    with pytest.raises(ValueError, match="no precision 'int8'"):
        bundled_network.build_model("head", "int8")
    with pytest.raises(ValueError, match="no precision 'int8'"):
        keras_models.build_model(bundled_network, "head", "int8")


def test_networks_with_the_same_weights_are_equal(random_vgg16):
    assert replace(random_vgg16) == random_vgg16
    assert replace(random_vgg16, digest="0" * 64) != random_vgg16
