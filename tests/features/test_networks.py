import pytest

from catalog.features.networks import VGG16, VGG16_COMPACT


@pytest.mark.parametrize(
    ("layer", "size", "shape"),
    [
        ("block1_conv1", 224, (224, 224, 64)),
        ("block5_conv3", 224, (14, 14, 512)),
        ("block5_pool", 224, (7, 7, 512)),
        ("block5_pool", 100, (3, 3, 512)),
    ],
)
def test_the_shape_of_feature_maps(layer, size, shape):
    assert VGG16.feature_map_shape(layer, size) == shape


def test_an_unknown_layer_is_rejected_with_its_name():
    with pytest.raises(ValueError, match="block6_conv1"):
        VGG16.feature_map_shape("block6_conv1", 224)


def test_the_compact_network_has_the_same_layers_with_a_quarter_of_the_channels():
    assert [layer.name for layer in VGG16_COMPACT.layers()] == [layer.name for layer in VGG16.layers()]
    for wide, narrow in zip(VGG16.convolutions(), VGG16_COMPACT.convolutions(), strict=True):
        assert wide.out_channels == 4 * narrow.out_channels
