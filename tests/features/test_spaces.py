import json
from dataclasses import replace

import pytest

from catalog.features.spaces import Space

SPACE = Space("vgg16-compact", "ab" * 32, 128, "block5_conv3", "rmac", 128)


def test_a_key_says_what_the_space_is():
    assert SPACE.key == "vgg16-compact-128-block5_conv3-rmac-abababababab"


@pytest.mark.parametrize(
    "change",
    [
        {"extractor": "vgg16"},
        {"weights_digest": "cd" * 32},
        {"input_size": 224},
        {"layer": "block5_pool"},
        {"pooling": "max"},
    ],
)
def test_whatever_changes_the_vector_changes_the_key(change):
    assert replace(SPACE, **change).key != SPACE.key


def test_a_space_survives_json():
    assert Space.from_json(json.loads(json.dumps(SPACE.as_json()))) == SPACE


def test_a_description_with_a_part_missing_is_refused():
    description = SPACE.as_json()
    del description["pooling"]

    with pytest.raises(TypeError, match="pooling"):
        Space.from_json(description)
