"""Feature spaces as keys and as JSON."""

import json
from dataclasses import replace

import pytest

from catalog.features.feature_space import Space

SPACE = Space("vgg16", "ab" * 32, 512, (80, 128), "squashed", "block5_conv3", "rmac", 128)


def test_the_key_of_a_space_of_an_earlier_version_is_unchanged():
    assert SPACE.key == "vgg16-80+128-block5_conv3-rmac-abababababab"


def test_the_key_describes_the_space():
    space = replace(SPACE, aspect="kept", precision="int8", basis="0123456789ab")
    assert space.key == "vgg16-80+128-kept-block5_conv3-rmac-int8-abababababab-128-01234567"


@pytest.mark.parametrize(
    "change",
    [
        {"extractor": "efficientnet-lite2"},
        {"weights_digest": "cd" * 32},
        {"input_sizes": (128,)},
        {"input_sizes": (80, 192)},
        {"aspect": "kept"},
        {"layer": "block5_pool"},
        {"pooling": "max"},
        {"pooling": "rmac:4"},
        {"precision": "int8"},
        {"basis": "0123456789ab"},
    ],
)
def test_every_attribute_that_changes_descriptors_changes_the_key(change):
    assert replace(SPACE, **change).key != SPACE.key


def test_a_key_is_a_short_file_name_whatever_an_onnx_file_calls_its_network_and_output():
    space = replace(SPACE, extractor="onnx:" + "my network/" * 20, layer="/encoder/layer.11/" * 9, pooling="gem:2.5")
    key = replace(space, basis="0" * 12, precision="int8", aspect="kept").key
    assert not set(key) & set("/ :")
    assert len(key) <= 115  # the column has 120 characters; numbers are added to keys


def test_a_space_can_be_stored_as_json():
    space = replace(SPACE, aspect="kept", precision="int8", basis="0123456789ab")
    assert Space.from_json(json.loads(json.dumps(space.as_json()))) == space


def test_a_space_of_an_earlier_version_is_read():
    description = SPACE.as_json()
    for attribute in ("aspect", "precision", "basis"):
        del description[attribute]
    assert Space.from_json(description) == SPACE


@pytest.mark.parametrize("attribute", ["pooling", "decoded_side", "input_sizes"])
def test_json_without_an_attribute_is_rejected(attribute):
    description = SPACE.as_json()
    del description[attribute]
    with pytest.raises((KeyError, TypeError), match=attribute):
        Space.from_json(description)


def test_a_space_from_json_has_the_same_hash():
    again = Space.from_json(json.loads(json.dumps(SPACE.as_json())))
    assert hash(again) == hash(SPACE)
    assert again.input_sizes == (80, 128)
