import json
from dataclasses import replace

import pytest

from catalog.features.feature_space import Space

SPACE = Space("vgg16-compact", "ab" * 32, 512, (80, 128), "block5_conv3", "rmac", 128)


def test_the_key_describes_the_space():
    assert SPACE.key == "vgg16-compact-80+128-block5_conv3-rmac-abababababab"


@pytest.mark.parametrize(
    "change",
    [
        {"extractor": "vgg16"},
        {"weights_digest": "cd" * 32},
        {"input_sizes": (128,)},
        {"input_sizes": (80, 192)},
        {"layer": "block5_pool"},
        {"pooling": "max"},
    ],
)
def test_every_attribute_that_changes_descriptors_changes_the_key(change):
    assert replace(SPACE, **change).key != SPACE.key


def test_a_space_can_be_stored_as_json():
    assert Space.from_json(json.loads(json.dumps(SPACE.as_json()))) == SPACE


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
