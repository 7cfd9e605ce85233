import json
from dataclasses import replace

import pytest

from catalog.features.spaces import Space

SPACE = Space("vgg16-compact", "ab" * 32, 512, (80, 128), "block5_conv3", "rmac", 128)


def test_a_key_says_what_the_space_is():
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
def test_whatever_changes_the_vector_changes_the_key(change):
    assert replace(SPACE, **change).key != SPACE.key


def test_a_space_survives_json():
    assert Space.from_json(json.loads(json.dumps(SPACE.as_json()))) == SPACE


@pytest.mark.parametrize("part", ["pooling", "decoded_side", "input_sizes"])
def test_a_description_with_a_part_missing_is_refused(part):
    description = SPACE.as_json()
    del description[part]

    with pytest.raises((KeyError, TypeError), match=part):
        Space.from_json(description)


def test_a_space_is_the_same_after_json_for_whoever_keeps_things_by_it():
    again = Space.from_json(json.loads(json.dumps(SPACE.as_json())))

    assert hash(again) == hash(SPACE)
    assert again.input_sizes == (80, 128)
